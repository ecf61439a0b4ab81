"""Which resources exist, by the watch and by the lists, and whether the two agree.

kopf passes no bookmarks on, so a quiet cluster and a blind watch look alike. The full list is the
judge: a version that it shows and the watch has not brought a minute later was missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vertice_operator.cluster.versions import newer
from vertice_operator.runtime.queue import Key


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the watch had shown of a key when the list showed something else."""

    key: Key
    watched: str | None


class BotIndex:
    """Versions of all known resources."""

    def __init__(self) -> None:
        self._watched: dict[Key, str] = {}
        self._expected: dict[Key, str] = {}

    def expect(self, key: Key, version: str) -> None:
        """Note a version that needs no reconcile: just listed and queued, or our own write."""
        self._expected[key] = version

    def saw(self, key: Key, version: str) -> bool:
        """Take what the watch brought; return whether it is news.

        Only the very version that is expected is no news. An older one may be an edit that our
        own later write overtook on its way.
        """
        self._watched[key] = version
        return self._expected.get(key) != version

    def gone(self, key: Key) -> None:
        """Forget a resource that was deleted."""
        self._watched.pop(key, None)
        self._expected.pop(key, None)

    def known(self) -> frozenset[Key]:
        """Return the keys that the watch shows; take them before a list, for :meth:`suspicions`."""
        return frozenset(self._watched)

    def suspicions(self, before: frozenset[Key], listed: Mapping[Key, str]) -> list[Suspicion]:
        """Return the keys of which the list knows more than the watch does by now."""
        behind = {key for key, version in listed.items() if _ahead(version, self._watched.get(key))}
        vanished = (before & self._watched.keys()) - listed.keys()
        return [Suspicion(key, self._watched.get(key)) for key in sorted(behind | vanished)]

    def confirmed(self, suspicions: list[Suspicion]) -> list[Key]:
        """Return those that the watch has still not brought anything about."""
        return [each.key for each in suspicions if self._watched.get(each.key) == each.watched]

    def __len__(self) -> int:
        return len(self._watched)


def _ahead(listed: str, watched: str | None) -> bool:
    return watched is None or newer(listed, watched)
