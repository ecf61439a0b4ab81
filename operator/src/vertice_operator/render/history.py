"""What was rolled out, what is asked for and what runs, as frozen values.

A revision is a pod template with the ``config.yaml`` that belongs to it. Two annotations are no
part of it, because they change without a change of what runs: the hash of the Secrets and the time
of a restart. They are stamped on when a revision is rolled out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.render.hashes import config_hash

MOST_REVISIONS: Final = 5
"""So many revisions are kept: as many as the Deployment keeps ReplicaSets."""


@dataclass(frozen=True)
class Revision:
    """A pod template and its configuration.

    Args:
        name: name of the ControllerRevision; follows from the template, which names the hash of
            the configuration.
        template: the pod template without what a roll-out stamps on it.
        config: text of ``config.yaml``.
    """

    name: str
    template: Mapping[str, Any]
    config: str

    @property
    def config_hash(self) -> str:
        """Hash of the configuration, as the template says it."""
        return config_hash(self.config)

    @property
    def image(self) -> str:
        """Image of the bot."""
        containers = self.template["spec"]["containers"]
        found = (each["image"] for each in containers if each["name"] == names.CONTAINER_BOT)
        return str(next(found, ""))


@dataclass(frozen=True)
class Recorded:
    """A revision as its ControllerRevision keeps it.

    Args:
        revision: what runs.
        number: grows with each roll-out of another revision.
        spec: the resource's spec when this revision was first rolled out.
        restarted_at: the ``restartAt`` with which it was rolled out last.
    """

    revision: Revision
    number: int
    spec: Mapping[str, Any]
    restarted_at: str | None = None

    @property
    def name(self) -> str:
        """Name of the ControllerRevision."""
        return self.revision.name


@dataclass(frozen=True)
class History:
    """Every revision that matters now.

    Args:
        asked: what the resource asks for.
        running: what runs in its place, after a roll-out that failed; None where nothing does.
        kept: the other revisions that are kept.
        last_good: name of the newest revision that is known to have finished, for the Deployment.
        rolled_back: the request that failed, for the Deployment.
        held: why ``asked`` is not what this version of the operator would render; empty where it
            is.
    """

    asked: Recorded
    running: Recorded | None = None
    kept: tuple[Recorded, ...] = ()
    last_good: str | None = None
    rolled_back: str | None = None
    held: str = ""

    @property
    def target(self) -> Recorded:
        """What is to run."""
        return self.running or self.asked

    @property
    def everything(self) -> tuple[Recorded, ...]:
        """All revisions whose files must be there; what is asked for comes last."""
        return (*self.kept, *([self.running] if self.running else []), self.asked)


def config_key(digest: str) -> str:
    """Name the file of one configuration in the ConfigMap."""
    return f"config-{digest}.yaml"
