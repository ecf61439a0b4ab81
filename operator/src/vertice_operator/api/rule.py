"""One cross-field rule, said twice: in CEL for the API server and in Python for everybody else.

The API server refuses a broken rule at apply. The Python form is needed where no server has
looked: ``vertice render`` without a cluster, and objects stored before a rule existed. Both forms
are tested with the same samples, so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden"]


@dataclass(frozen=True)
class Rule:
    """A rule on one object of the resource.

    Args:
        name: stable short name; the samples of the tests are filed under it.
        cel: the expression; ``self`` is the object that holds the rule.
        message: what is wrong and what to do, shown to the user as it is.
        holds: the same judgement on the parsed model; None when it compares with the former
            object (``oldSelf``), which only the API server has.
        field: path below the object that the message points at, such as ``.poolMin``.
        reason: machine-readable cause in the API server's answer.
    """

    name: str
    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    field: str = ""
    reason: Reason = "FieldValueInvalid"

    def schema(self) -> dict[str, Any]:
        """Give the entry of ``x-kubernetes-validations``."""
        entry: dict[str, Any] = {"rule": self.cel, "message": self.message, "reason": self.reason}
        if self.field:
            entry["fieldPath"] = self.field
        return entry
