from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from vertice_operator.cli import edits
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.owners import warning

Make = Callable[..., dict[str, Any]]


def revision(owner: str = "uid-of-my-bot", **spec: Any) -> dict[str, Any]:
    meta = {"name": "my-bot-2f00d", "ownerReferences": [{"uid": owner}]}
    return {"metadata": meta, "data": {"spec": spec, "template": {}, "config": ""}}


def test_pause_and_resume_are_inverse(a_bot: Make) -> None:
    bot = a_bot()
    paused = edits.paused(bot)
    assert paused["metadata"]["annotations"] == {"vertice.dev/paused": "true"}
    assert edits.resumed(paused) == bot
    assert edits.resumed(bot) == bot
    kept = a_bot()
    kept["metadata"]["annotations"] = {"a": "b"}
    assert edits.resumed(edits.paused(kept)) == kept


def test_suspend_and_restart(a_bot: Make, now: datetime) -> None:
    bot = a_bot()
    assert edits.suspended(bot)["spec"]["suspend"] is True
    assert edits.unsuspended(bot) == bot
    assert edits.unsuspended(edits.suspended(bot))["spec"]["suspend"] is False
    assert edits.restarted(bot, now)["spec"]["restartAt"] == "2026-03-05T12:00:00Z"


def test_a_rollback_leaves_policy_and_replicas(a_bot: Make) -> None:
    bot = a_bot()
    bot["spec"] |= {"replicas": 3, "policy": {"defaults": {"a": 1}}, "suspend": True}
    after = edits.rolled_back(bot, revision(image={"tag": "1"}, replicas=9, policy={}))["spec"]
    assert after == {"image": {"tag": "1"}, "replicas": 3, "policy": {"defaults": {"a": 1}}}
    bare = edits.rolled_back(a_bot(), revision(image={"tag": "1"}, replicas=9))["spec"]
    assert bare == {"image": {"tag": "1"}}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (revision(owner="another"), "does not belong"),
        ({"metadata": {"name": "x", "ownerReferences": [{"uid": "uid-of-my-bot"}]}}, "no spec"),
    ],
)
def test_a_revision_that_cannot_be_used(a_bot: Make, found: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        edits.rolled_back(a_bot(), found)


def test_which_revision_is_gone_back_to(a_bot: Make) -> None:
    assert edits.choose_revision(a_bot(), None)["revision"] == 2
    assert edits.choose_revision(a_bot(), 1)["outcome"] == "Failed"
    for bot, number, says in (
        (a_bot(), 9, "there are 3 .Running., 2 .Good., 1 .Failed."),
        (a_bot(history=[]), None, "no history yet"),
        (a_bot(history=[{"revision": 1, "outcome": "Good"}]), None, "no earlier revision"),
    ):
        with pytest.raises(Refusal, match=says) as refused:
            edits.choose_revision(bot, number)
        assert refused.value.code is ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({}, ""),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"managedFields": [{"manager": "kubectl-client-side-apply", "operation": "Update",
                             "fieldsV1": {"f:spec": {}}}]}, ""),
        ({"managedFields": [{"manager": "vertice-operator-status", "operation": "Apply",
                             "fieldsV1": {"f:status": {}}}]}, ""),
        ({"managedFields": [{"manager": "our-pipeline", "operation": "Apply",
                             "fieldsV1": {"f:spec": {}}}]}, "our-pipeline"),
        ({"managedFields": [{"manager": "helm", "operation": "Update",
                             "fieldsV1": {"f:spec": {}}}]}, "Helm"),
    ],
)  # fmt: skip
def test_who_else_writes_it(metadata: dict[str, Any], says: str) -> None:
    said = warning({"metadata": metadata})
    assert said.startswith(f"{says} manages") if says else said == ""
