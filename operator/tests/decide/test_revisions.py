"""What is asked for, what runs, what is kept: roll-outs, going back, and another operator's way."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from vertice_operator.api.conditions import ConditionType, Reason
from vertice_operator.api.v1alpha1.status import RevisionOutcome
from vertice_operator.decide.outcome import Outcome
from vertice_operator.decide.plan import Act, Plan
from vertice_operator.decide.pods import read_pod
from vertice_operator.decide.rollout import live_image
from vertice_operator.decide.status import make_status
from vertice_operator.render import ANNOTATION_LAST_GOOD, ANNOTATION_ROLLED_BACK, pod_template

IMAGE = {"repository": "bot", "tag": "1"}


def settle(here: Any) -> Plan:
    """Act until nothing is left to do, with the status that each pass writes."""
    for _ in range(4):
        plan = here.act()
        here.status = make_status(here.facts(), plan, Outcome()).to_dict()
        if {step.act for step in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE, Act.HOLD}:
            return plan
    raise AssertionError([(s.name, s.because) for s in here.plan().steps if s.act is Act.APPLY])


def edit(here: Any, **spec: Any) -> Plan:
    """Change the spec as a person does, and let the operator follow."""
    here.spec |= spec
    here.metadata["generation"] += 1
    return settle(here)


def rolled(here: Any, **spec: Any) -> str:
    """Roll a change out to its good end; return the revision."""
    edit(here, **spec)
    here.finished()
    settle(here)
    return str(here.revisions[-1])


def annotations(here: Any) -> dict[str, str]:
    found: dict[str, str] = here.template["metadata"]["annotations"]
    return found


def outcomes(here: Any) -> list[tuple[int, str]]:
    return [(each["revision"], each["outcome"]) for each in here.status["history"]]


def mounted(here: Any) -> str:
    """The configuration that pods of the live template read."""
    volume = next(each for each in here.template["spec"]["volumes"] if each["name"] == "config")
    key = next(i["key"] for i in volume["configMap"]["items"] if i["path"] == "config.yaml")
    return str(here.live["ConfigMap", "my-bot-config"].body["data"][key])


def condition(here: Any, kind: ConditionType = ConditionType.ROLLED_OUT) -> tuple[str, str]:
    found = next(each for each in here.status["conditions"] if each["type"] == kind)
    return found["reason"], found["message"]


def test_each_distinct_rollout_is_kept_and_five_of_them(world: Any) -> None:
    here = world(image=IMAGE)
    first = rolled(here)
    assert here.live["ControllerRevision", first].body["data"]["config"] == mounted(here)
    for tag in range(2, 9):
        rolled(here, image={"repository": "bot", "tag": str(tag)})
        edit(here, replicas=tag)  # which concerns no template
    assert len(here.revisions) == 5
    assert outcomes(here) == [(number, "Good") for number in (8, 7, 6, 5, 4)]
    assert [each["image"] for each in here.status["history"]][:2] == ["bot:8", "bot:7"]
    files = here.live["ConfigMap", "my-bot-config"].body["data"]
    assert len(files) == 3, "one configuration for all of these, the present one, the policy"


def test_what_ran_before_gets_the_next_number_and_no_second_record(world: Any) -> None:
    here = world(image=IMAGE)
    first = rolled(here)
    second = rolled(here, image={"repository": "bot", "tag": "2"})
    rolled(here, image=IMAGE)
    assert here.revisions == [second, first]
    assert outcomes(here) == [(3, "Good"), (2, "Good")]


@pytest.mark.parametrize("how", ["deadline", "crash loop"])
@pytest.mark.parametrize(
    "change",
    [{"image": {"repository": "bot", "tag": "2"}}, {"logging": {"level": "DEBUG"}}],
    ids=["image", "configuration"],
)
def test_a_failed_rollout_goes_back_and_stays_back(
    world: Any, pod: Any, how: str, change: dict[str, Any]
) -> None:
    here = world(image=IMAGE)
    good = rolled(here)
    before, config = here.template, mounted(here)
    edit(here, **change)
    bad = here.revisions[-1]
    assert annotations(here)["vertice.dev/revision"] == bad != good
    fail(here, pod, how)
    plan = settle(here)
    assert plan.history.running is not None
    assert plan.history.running.name == good
    assert here.template == before, "the pods that still run are these: none starts anew"
    assert mounted(here) == config
    assert here.live["ConfigMap", "my-bot-config"].body["data"]["config.yaml"] == config
    marks = here.live["Deployment", "my-bot"].body["metadata"]["annotations"]
    assert marks[ANNOTATION_ROLLED_BACK] == bad
    assert outcomes(here) == [(2, "Failed"), (1, "Good")]
    assert condition(here)[0] == Reason.ROLLED_BACK
    here.finished()
    here.extra["pods"] = ()
    settle(here)
    edit(here, replicas=2)
    assert here.template == before, "another number of replicas is no other request"
    assert condition(here)[0] == Reason.ROLLED_BACK


def fail(here: Any, pod: Any, how: str) -> None:
    if how == "deadline":
        here.overdue()
        return
    here.deployed(replicas=2, updatedReplicas=1)
    crashing = pod(
        ready=False, restartCount=3, lastState={"terminated": {"exitCode": 1}},
        state={"waiting": {"reason": "CrashLoopBackOff"}}, annotations=dict(annotations(here)),
    )  # fmt: skip
    here.extra["pods"] = (read_pod(crashing),)


@pytest.mark.parametrize(
    ("request_again", "runs"),
    [
        ({"restartAt": "2026-02-01T00:00:00Z"}, "bad"),
        ({"image": {"repository": "bot", "tag": "3"}}, "new"),
        ({"image": IMAGE}, "good"),
        ({"rollout": {"autoRollback": False}}, "bad"),
    ],
    ids=["restartAt", "another image", "the good one", "no rollback"],
)
def test_another_request_ends_a_rollback(
    world: Any, request_again: dict[str, Any], runs: str
) -> None:
    here = world(image=IMAGE)
    good = rolled(here)
    edit(here, image={"repository": "bot", "tag": "2"})
    bad = here.revisions[-1]
    here.overdue()
    settle(here)
    here.finished()
    settle(here)
    edit(here, **request_again)
    expected = {"good": good, "bad": bad}.get(runs, here.revisions[-1])
    assert annotations(here)["vertice.dev/revision"] == expected
    marks = here.live["Deployment", "my-bot"].body["metadata"]["annotations"]
    assert ANNOTATION_ROLLED_BACK not in marks
    if runs == "bad":
        assert here.revisions == [good, bad], "the same revision again"
        here.deployed(replicas=2, updatedReplicas=1)
        assert settle(here).history.running is None, "the deadline has begun anew"


def test_without_a_good_revision_nothing_is_gone_back_to(world: Any) -> None:
    here = world(image=IMAGE)
    settle(here)
    edit(here, image={"repository": "bot", "tag": "2"})
    here.overdue()
    assert settle(here).history.running is None
    assert condition(here)[0] == Reason.PROGRESS_DEADLINE_EXCEEDED
    assert outcomes(here) == [(2, "Failed"), (1, "Superseded")]


def test_what_was_good_is_known_although_no_status_said_so(world: Any) -> None:
    """An edit may come before the status of a finished roll-out is written."""
    here = world(image=IMAGE)
    settle(here)
    first = here.revisions[-1]
    here.finished()
    edit(here, image={"repository": "bot", "tag": "2"})
    here.status = {}  # as after a restore from a backup
    marks = here.live["Deployment", "my-bot"].body["metadata"]["annotations"]
    assert marks[ANNOTATION_LAST_GOOD] == first
    here.overdue()
    plan = settle(here)
    assert plan.history.running is not None
    assert plan.history.running.name == first


def test_the_good_revision_is_kept_however_many_fail_after_it(world: Any) -> None:
    here = world(image=IMAGE, rollout={"autoRollback": False})
    good = rolled(here)
    for tag in range(2, 10):
        edit(here, image={"repository": "bot", "tag": str(tag)})
        here.overdue()
    assert good in here.revisions
    assert len(here.revisions) == 5
    plan = edit(here, rollout={"autoRollback": True})
    assert plan.history.running is not None
    assert plan.history.running.name == good


def test_a_restart_rolls_the_same_revision_again(world: Any) -> None:
    here = world(image=IMAGE)
    name = rolled(here)
    edit(here, restartAt="2026-02-01T00:00:00Z")
    assert annotations(here)["vertice.dev/restarted-at"] == "2026-02-01T00:00:00Z"
    assert here.revisions == [name]
    here.extra["secret_hash"] = "bb22"
    settle(here)
    assert annotations(here)["vertice.dev/secret-hash"] == "bb22"
    assert here.revisions == [name]


def test_going_back_brings_no_old_secret(world: Any) -> None:
    here = world(image=IMAGE)
    rolled(here)
    edit(here, image={"repository": "bot", "tag": "2"})
    here.extra["secret_hash"] = "bb22"
    settle(here)
    here.overdue()
    settle(here)
    assert live_image(here.live["Deployment", "my-bot"].body) == "bot:1"
    assert annotations(here)["vertice.dev/secret-hash"] == "bb22"


# Another version of the operator


@pytest.fixture
def another_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on the operator makes pods and config.yaml in another way."""

    def change() -> None:
        def template(bot: Any, facts: Any, config: str) -> dict[str, Any]:
            made = pod_template(bot, facts, config)
            made["spec"]["hostUsers"] = False
            return made

        def config(bot: Any, facts: Any) -> str:
            return f"{bot.spec.logging.level}: a key that no older bot knows\n"

        monkeypatch.setattr("vertice_operator.render.revision.pod_template", template)
        monkeypatch.setattr("vertice_operator.render.revision.config_yaml", config)

    return change


def test_another_rendering_restarts_no_bot(world: Any, another_way: Callable[[], None]) -> None:
    here = world(image=IMAGE, logging={"level": "INFO"})
    rolled(here)
    before, config = copy.deepcopy(here.template), mounted(here)
    another_way()
    assert {step.act for step in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE}
    settle(here)
    assert (here.template, mounted(here)) == (before, config)
    assert yaml.safe_load(here.live["ConfigMap", "my-bot-config"].body["data"]["config.yaml"])
    reason, message = condition(here)
    assert reason == Reason.UPDATE_AVAILABLE
    assert "hostUsers" in message
    here.template["spec"]["terminationGracePeriodSeconds"] = 7
    step = next(each for each in here.act().steps if each.kind.kind == "Deployment")
    assert step.drift, "what is kept is also kept right"
    assert here.template == before


@pytest.mark.parametrize(
    ("change", "adopted"),
    [
        ({"replicas": 3}, False),
        ({"policy": {"defaults": {"locale": "de"}}}, False),
        ({"logging": {"level": "DEBUG"}}, True),
        ({"image": {"repository": "bot", "tag": "2"}}, True),
        ({"restartAt": "2026-02-01T00:00:00Z"}, True),
        ({"rollout": {"adoptOperatorDefaults": True}}, True),
    ],
    ids=["replicas", "policy", "configuration", "image", "restartAt", "adopt"],
)
def test_another_rendering_waits_for_a_change_that_reaches_the_pods(
    world: Any, another_way: Callable[[], None], change: dict[str, Any], adopted: bool
) -> None:
    here = world(image=IMAGE, logging={"level": "INFO"})
    rolled(here)
    before = here.template
    another_way()
    edit(here, **change)
    assert ("hostUsers" in here.template["spec"]) is adopted
    assert ("no older bot" in mounted(here)) is adopted
    assert (here.template == before) is not adopted
    here.finished()
    settle(here)
    assert (condition(here)[0] == Reason.UPDATE_AVAILABLE) is not adopted


def test_a_rotated_secret_rolls_the_kept_template(
    world: Any, another_way: Callable[[], None]
) -> None:
    here = world(image=IMAGE)
    rolled(here)
    another_way()
    here.extra["secret_hash"] = "bb22"
    settle(here)
    assert annotations(here)["vertice.dev/secret-hash"] == "bb22"
    assert "hostUsers" not in here.template["spec"]


@pytest.mark.parametrize("lost", ["status", "Deployment", "both"])
def test_the_kept_template_survives_losses(
    world: Any, another_way: Callable[[], None], lost: str
) -> None:
    here = world(image=IMAGE)
    rolled(here)
    before = here.template
    another_way()
    if lost != "Deployment":
        here.status = {}
    if lost != "status":
        del here.live["Deployment", "my-bot"]
    settle(here)
    assert here.template == before


def test_a_field_that_only_a_newer_operator_looks_at_restarts_nothing(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was changed when it reached no template; the spec that is kept does not have it."""
    here = world(image=IMAGE)
    rolled(here)
    edit(here, replicas=2)
    here.finished()
    before = here.template

    def template(bot: Any, facts: Any, config: str) -> dict[str, Any]:
        made = pod_template(bot, facts, config)
        made["metadata"]["annotations"]["replicas"] = str(bot.spec.replicas)
        return made

    monkeypatch.setattr("vertice_operator.render.revision.pod_template", template)
    settle(here)
    assert here.template == before


def test_a_kept_rendering_needs_no_new_migration(
    world: Any, another_way: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = {"direct": {"host": "db.example"}, "credentialsSecretRef": {"name": "db"}}
    here = world(image=IMAGE, database=database)
    here.act()
    here.job_condition("Complete")
    rolled(here)
    del here.live[next(key for key in here.live if key[0] == "Job")]
    another_way()
    monkeypatch.setattr("vertice_operator.render.migration_job._POD_APP", "renamed")
    plan = settle(here)
    assert "Job" not in {step.kind.kind for step in plan.steps}
    assert condition(here, ConditionType.DATABASE_MIGRATED)[0] == Reason.AT_HEAD
    edit(here, image={"repository": "bot", "tag": "2"})
    assert any(key[0] == "Job" for key in here.live)


def test_a_migration_keeps_the_configuration_it_began_with(world: Any) -> None:
    database = {"direct": {"host": "db.example"}, "credentialsSecretRef": {"name": "db"}}
    here = world(image=IMAGE, database=database)
    here.act()
    here.job_condition("Complete")
    rolled(here)
    edit(here, image={"repository": "bot", "tag": "2"})
    jobs = [live for key, live in here.live.items() if key[0] == "Job"]
    assert len(jobs) == 2
    before = jobs[-1].body["spec"]["template"]
    for level in ("DEBUG", "WARNING", "ERROR", "CRITICAL", "INFO", "DEBUG"):
        edit(here, logging={"level": level})
    after = [live for key, live in here.live.items() if key[0] == "Job"]
    assert len(after) == 2
    assert after[-1].body["spec"]["template"] == before
    volume = next(each for each in before["spec"]["volumes"] if each["name"] == "config")
    keys = {item["key"] for item in volume["configMap"]["items"]}
    assert keys <= here.live["ConfigMap", "my-bot-config"].body["data"].keys()
    assert live_image(here.live["Deployment", "my-bot"].body) == "bot:1", "the gate holds"
    assert mounted(here)


def test_a_failed_migration_is_a_failed_revision(world: Any) -> None:
    database = {"direct": {"host": "db.example"}, "credentialsSecretRef": {"name": "db"}}
    here = world(image=IMAGE, database=database)
    here.act()
    here.job_condition("Complete")
    rolled(here)
    before = here.template
    edit(here, image={"repository": "bot", "tag": "2"})
    assert outcomes(here) == [(2, RevisionOutcome.RUNNING), (1, RevisionOutcome.GOOD)]
    job = [live for key, live in here.live.items() if key[0] == "Job"][-1]
    job.body["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    settle(here)
    assert here.template == before
    assert outcomes(here) == [(2, RevisionOutcome.FAILED), (1, RevisionOutcome.GOOD)]
    assert condition(here)[0] == Reason.MIGRATION_FAILED
    edit(here, image=IMAGE)
    assert outcomes(here) == [(3, RevisionOutcome.GOOD), (2, RevisionOutcome.FAILED)]


def test_the_account_of_old_pods_stays_until_the_new_ones_have_proved_themselves(
    world: Any,
) -> None:
    here = world(image=IMAGE)
    rolled(here)
    edit(here, identity={"serviceAccountName": "own"})
    assert ("ServiceAccount", "my-bot") in here.live
    here.finished()
    settle(here)
    assert ("ServiceAccount", "my-bot") not in here.live


def test_a_changed_number_of_a_revision_is_put_right(world: Any) -> None:
    here = world(image=IMAGE)
    first = rolled(here)
    second = rolled(here, image={"repository": "bot", "tag": "2"})
    here.live["ControllerRevision", first].body["revision"] = 99
    step = next(each for each in here.act().steps if each.name == first)
    assert (step.act, step.drift) == (Act.APPLY, True)
    assert here.revisions == [first, second]
