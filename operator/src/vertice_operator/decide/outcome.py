"""What became of a plan, child by child."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from vertice_operator.api.v1alpha1.status import ChildState


class Failure(enum.Enum):
    """Why a child could not be applied."""

    NAME_CONFLICT = "name conflict"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    QUOTA = "quota"
    KIND_MISSING = "kind missing"
    TRANSIENT = "transient"

    @property
    def lasting(self) -> bool:
        """Whether trying again soon is pointless."""
        return self is not Failure.TRANSIENT


@dataclass(frozen=True, slots=True)
class ChildResult:
    """What became of one child.

    ``wrote`` tells that the API server stored something new; an apply that changed nothing did not.
    """

    kind: str
    name: str
    state: ChildState
    message: str = ""
    failure: Failure | None = None
    wrote: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All results of one reconcile, in the order of the plan."""

    results: tuple[ChildResult, ...] = ()

    def failed(self, *kinds: str) -> ChildResult | None:
        """Return the first failure, of any kind or of the given ones."""
        return next(
            (each for each in self.results if each.failure and (not kinds or each.kind in kinds)),
            None,
        )

    def with_failure(self, failures: Iterable[Failure]) -> ChildResult | None:
        """Return the first result that failed for one of these reasons."""
        wanted = set(failures)
        return next((each for each in self.results if each.failure in wanted), None)

    @property
    def wrote(self) -> bool:
        """Whether anything was written."""
        return any(each.wrote for each in self.results)
