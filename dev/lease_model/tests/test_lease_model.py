"""The rules of ownership hold in every world within the bounds, and each is needed."""

from __future__ import annotations

import pytest

from dev.lease_model.cases import BREAK, HOLD, SPARE, Case
from dev.lease_model.explore import explore
from dev.lease_model.rules import ALL, Rule


def _name(case: Case) -> str:
    return "-".join(sorted(rule.name for rule in case.without)) or f"all-{case.bounds.requests}"


@pytest.mark.parametrize("case", [c for c in (*HOLD, *SPARE) if not c.long], ids=_name)
def test_no_promise_is_broken(case: Case) -> None:
    found = explore(case.bounds, ALL - case.without)
    assert found.wrong == "", found.path
    assert found.worlds > 1000


@pytest.mark.parametrize("case", [c for c in BREAK if not c.long], ids=_name)
def test_without_the_rule_a_promise_is_broken(case: Case) -> None:
    found = explore(case.bounds, ALL - case.without)
    assert found.wrong
    assert found.path[0].endswith("reads the row")


def test_every_rule_is_judged() -> None:
    judged = {rule for case in (*BREAK, *SPARE) for rule in case.without}
    assert judged == set(Rule)
