"""What a client saw, held against what the ledger says was sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dev.discord.wire import Json


@dataclass(slots=True)
class Seen:
    """What the handlers of a stock client were called with."""

    messages: list[str] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    ready: int = 0
    resumed: int = 0
    joined: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger says against what a client saw."""

    sent: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: bool
    resumes: int
    resumed_seen: int

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or out of order, and each RESUME ended in RESUMED."""
        return (
            not self.lost
            and not self.doubled
            and not self.out_of_order
            and self.resumes == self.resumed_seen
        )


def judge(entries: list[Json], sent: list[str], seen: Seen) -> Verdict:
    """Hold what a client saw against the messages that were sent.

    Parameters
    ----------
    entries
        The ledger's ``resume`` entries.
    sent
        Ids of the messages that the client has to have seen, in order.
    seen
        What it saw.
    """
    counts = Counter(item for item in seen.messages if item in set(sent))
    firsts = list(dict.fromkeys(item for item in seen.messages if item in counts))
    accepted = [item for item in entries if item["kind"] == "resume" and item["accepted"]]
    return Verdict(
        sent=len(sent),
        lost=tuple(item for item in sent if item not in counts),
        doubled=tuple(item for item, count in counts.items() if count > 1),
        out_of_order=firsts != sorted(firsts, key=int),
        resumes=len(accepted),
        resumed_seen=seen.resumed,
    )
