"""A finding needs a reason, a reason needs a finding, and a judge must have looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.judge.__main__ import EXCEPTIONS
from dev.judge.verdicts import (
    Explained,
    Judged,
    faults,
    of_checkov,
    of_kube_score,
    read_exceptions,
)

RENDERED = {("Deployment", "bot"): 1, ("Service", "bot"): 1}


def looked() -> list[Judged]:
    return [
        Judged(judge, f"{judge}-{number}", "about", "Deployment", "bot", good=True)
        for judge in ("checkov", "kube-score")
        for number in range(60)
    ]


BAD = Judged("checkov", "CKV_1", "about", "Deployment", "bot", good=False)
WHY = Explained("checkov", "CKV_1", frozenset({"Deployment"}), "a reason that says why it is so")


def test_all_good() -> None:
    assert faults(looked(), [], RENDERED) == []
    assert faults([*looked(), BAD], [WHY], RENDERED) == []


def test_a_finding_without_a_reason() -> None:
    assert faults([*looked(), BAD], [], RENDERED) == ["checkov CKV_1 (about): Deployment bot"]
    other = Explained("checkov", "CKV_1", frozenset({"Job"}), "a reason for another kind of object")
    assert len(faults([*looked(), BAD], [other], RENDERED)) == 2


def test_a_reason_without_a_finding() -> None:
    [said] = faults(looked(), [WHY], RENDERED)
    assert "explains nothing" in said


def test_a_judge_that_looked_at_nothing() -> None:
    blind = [each for each in looked() if each.judge != "checkov"]
    assert faults(blind, [], RENDERED) == ["checkov judged Deployment bot by 0 checks only"]
    assert len(faults([], [], RENDERED)) == 2


def test_answers_are_read() -> None:
    check = {"check_id": "CKV_1", "check_name": "about", "resource": "Deployment.bots.bot"}
    answer = {
        "results": {
            "passed_checks": [{**check, "check_result": {"result": "PASSED"}}],
            "failed_checks": [{**check, "check_result": {"result": "FAILED"}}],
        }
    }
    assert [each.good for each in of_checkov(answer)] == [True, False]
    assert of_checkov([answer])[1] == BAD
    grades = [(10, False), (5, False), (1, True)]
    scored = {
        "type_meta": {"kind": "Deployment"},
        "object_meta": {"name": "bot"},
        "checks": [
            {"check": {"id": "a", "name": "b"}, "grade": grade, "skipped": skipped}
            for grade, skipped in grades
        ],
    }
    assert [each.good for each in of_kube_score([scored])] == [True, False]


def test_every_exception_has_a_reason(tmp_path: Path) -> None:
    assert len(read_exceptions(EXCEPTIONS)) > 5
    short = tmp_path / "exceptions.yaml"
    short.write_text("- {judge: checkov, check: CKV_1, kinds: [Job], reason: because}")
    with pytest.raises(ValueError, match="say why"):
        read_exceptions(short)
