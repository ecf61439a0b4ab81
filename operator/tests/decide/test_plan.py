from typing import Any

import pytest

from vertice_operator.api.conditions import ConditionType, Reason
from vertice_operator.decide.checks import Hold
from vertice_operator.decide.facts import Defaults, Report, SecretFact
from vertice_operator.decide.migration import MigrationState
from vertice_operator.decide.plan import Act
from vertice_operator.decide.pods import read_pod
from vertice_operator.decide.rollout import live_image

MINIMAL: dict[str, Any] = {}
SPECS = [
    pytest.param(MINIMAL, id="minimal"),
    pytest.param({"autoscaling": {"enabled": True}, "shards": {"count": 4}}, id="autoscaled"),
    pytest.param({"suspend": True}, id="suspended"),
    pytest.param({"replicas": 0}, id="zero"),
    pytest.param(
        {
            "database": {
                "cloudSQL": {"instance": "p:r:i"},
                "credentialsSecretRef": {"name": "db"},
            }
        },
        id="cloud sql with a job",
    ),
    pytest.param(
        {"monitoring": {"enabled": False}, "networkPolicy": {"enabled": False}}, id="bare"
    ),
]


def acts(plan: Any) -> dict[str, Act]:
    return {f"{step.kind.kind}/{step.name}": step.act for step in plan.steps}


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kinds", [frozenset(), frozenset({"ServiceMonitor", "PrometheusRule"})])
def test_what_is_done_needs_not_be_done_again(world: Any, spec: Any, kinds: Any) -> None:
    here = world(**spec)
    here.kinds = kinds
    first = here.act()
    assert all(step.act in (Act.APPLY, Act.UNAVAILABLE) for step in first.steps)
    second = here.plan()
    assert {step.act for step in second.steps} <= {Act.SKIP, Act.UNAVAILABLE}
    assert second.prune == ()


def test_order_of_application(world: Any) -> None:
    kinds = [step.kind.kind for step in world(database=_job()).plan().steps]
    assert kinds.index("NetworkPolicy") < kinds.index("Deployment"), "no pod ever runs open"
    assert kinds.index("Job") < kinds.index("Deployment")


def test_a_change_names_its_first_difference_and_is_no_drift(world: Any) -> None:
    here = world()
    here.act()
    here.spec["image"] = {"repository": "bot", "tag": "2"}
    step = next(s for s in here.plan().steps if s.kind.kind == "Deployment")
    assert (step.act, step.drift) == (Act.APPLY, False)
    assert "spec.template" in step.because


def test_somebody_elses_change_is_drift(world: Any) -> None:
    here = world()
    here.act()
    here.live["Deployment", "my-bot"].body["spec"]["minReadySeconds"] = 0
    step = next(s for s in here.plan().steps if s.kind.kind == "Deployment")
    assert (step.act, step.drift) == (Act.APPLY, True)
    assert step.because == "spec.minReadySeconds: 0 instead of 10"


def test_only_our_own_objects_are_pruned(world: Any) -> None:
    here = world()
    here.act()
    for number, owner in enumerate([None, "another-uid", here.metadata["uid"]]):
        body = {"metadata": {"name": f"old-{number}", "namespace": "demo", "labels": {}}}
        here.put("ConfigMap", body, owner)
        here.put("Job", body, owner)
    assert [(each.kind, each.name) for each in here.plan().prune] == [("ConfigMap", "old-2")]


@pytest.mark.parametrize(
    ("break_it", "reason", "hold"),
    [
        pytest.param(
            lambda w: w.metadata["annotations"].update({"vertice.dev/paused": "true"}),
            Reason.PAUSED_BY_ANNOTATION, Hold.EVERYTHING, id="paused"),
        pytest.param(
            lambda w: w.spec.update(scheduling={"tolerations": [{"bad": 1}]}),
            Reason.INVALID_SPEC, Hold.EVERYTHING, id="invalid"),
        pytest.param(
            lambda w: setattr(w, "minor", 20),
            Reason.UNSUPPORTED_KUBERNETES_VERSION, Hold.EVERYTHING, id="old cluster"),
        pytest.param(
            lambda w: w.secrets.pop("token"), Reason.SECRET_NOT_FOUND, Hold.WORKLOAD, id="secret"),
        pytest.param(
            lambda w: w.secrets.update(db=SecretFact("db", True, frozenset({"username"}))),
            Reason.SECRET_KEY_MISSING, Hold.WORKLOAD, id="key"),
        pytest.param(
            lambda w: w.extra.update(token_holder="demo/older"),
            Reason.TOKEN_CONFLICT, Hold.OFF, id="token"),
    ],
)  # fmt: skip
def test_what_stops_work(world: Any, break_it: Any, reason: Reason, hold: Hold) -> None:
    here = world(replicas=2)
    here.act()
    break_it(here)
    here.spec["logging"] = {"level": "DEBUG"}  # a change that would roll the pods
    plan = here.plan()
    assert plan.violation is not None
    assert (plan.violation.reason, plan.violation.hold) == (reason, hold)
    found = acts(plan)
    if hold is Hold.EVERYTHING:
        assert (plan.steps, plan.prune) == ((), ())
    elif hold is Hold.WORKLOAD:
        assert found["Deployment/my-bot"] is Act.HOLD
        assert found["ConfigMap/my-bot-config"] is Act.APPLY
    else:
        here.act(plan)
        assert here.live["Deployment", "my-bot"].body["spec"]["replicas"] == 0


def test_the_first_violation_decides(world: Any) -> None:
    here = world(scheduling={"tolerations": [{"bad": 1}]})
    here.secrets = {}
    violation = here.plan().violation
    assert violation is not None
    assert violation.condition is ConditionType.SPEC_ACCEPTED


def test_an_operator_upgrade_changes_no_template(world: Any) -> None:
    here = world()
    here.act()
    before = here.live["Deployment", "my-bot"].body
    here.defaults = Defaults("9.9.9", "vertice-bot:9.9.9", "proxy:9")
    for status in ({}, {"pinned": {"botImage": "vertice-bot:0.1.0", "proxyImage": "p:1"}}):
        here.status = status
        plan = here.act()
        assert {step.act for step in plan.steps} <= {Act.SKIP, Act.UNAVAILABLE}
        assert plan.pins.update_available == "vertice-bot:9.9.9"
    assert here.live["Deployment", "my-bot"].body == before


@pytest.mark.parametrize(
    "ask",
    [{"restartAt": "2026-02-01T00:00:00Z"}, {"rollout": {"adoptOperatorDefaults": True}}],
    ids=["restartAt", "adopt"],
)
def test_a_newer_default_is_taken_when_asked_for(world: Any, ask: dict[str, Any]) -> None:
    here = world()
    here.act()
    here.status = {"pinned": {"botImage": "vertice-bot:0.1.0", "proxyImage": "p:1"}}
    here.defaults = Defaults("9.9.9", "vertice-bot:9.9.9", "proxy:9")
    here.spec |= ask
    plan = here.act()
    assert live_image(here.live["Deployment", "my-bot"].body) == "vertice-bot:9.9.9"
    assert plan.pins.bot_image == "vertice-bot:9.9.9"
    here.status = {"pinned": {"botImage": plan.pins.bot_image, "proxyImage": "proxy:9"}}
    assert {step.act for step in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE}


def _job() -> dict[str, Any]:
    return {"direct": {"host": "db.example"}, "credentialsSecretRef": {"name": "db"}}


def test_a_new_image_waits_for_its_migration(world: Any) -> None:
    here = world(database=_job())
    first = here.act()
    assert acts(first)["Deployment/my-bot"] is Act.APPLY, "a first install has nothing to keep"
    assert first.migration.state is MigrationState.RUNNING
    here.job_condition("Complete")
    done = here.act()
    assert done.migration.state is MigrationState.AT_HEAD
    del here.live[next(key for key in here.live if key[0] == "Job")]
    assert "Job" not in {s.kind.kind for s in here.plan().steps}, "its time to live runs it again"

    here.spec["image"] = {"repository": "bot", "tag": "2"}
    second = here.act()
    assert acts(second)["Deployment/my-bot"] is Act.HOLD
    assert "Job" in {step.kind.kind for step in second.steps}
    here.job_condition("Failed")
    failed = here.act()
    assert failed.migration.state is MigrationState.FAILED
    assert live_image(here.live["Deployment", "my-bot"].body) == "vertice-bot:0.1.0"
    here.spec["suspend"] = True
    here.act()
    assert here.live["Deployment", "my-bot"].body["spec"]["replicas"] == 0, "suspend never waits"
    here.spec["suspend"] = False
    here.job_condition("Complete")
    here.act()
    assert live_image(here.live["Deployment", "my-bot"].body) == "bot:2"


def test_a_lost_database_is_told_and_migrated_again(world: Any, pod: Any) -> None:
    here = world(database=_job())
    here.act()
    here.extra["pods"] = (read_pod(pod()),)
    behind = (Report("my-bot-1", True, degraded=(("migrations", "Behind"),)),)
    here.extra["reports"] = behind
    assert here.act().migration.state is MigrationState.RUNNING
    here.job_condition("Complete")
    job = next(key for key in here.live if key[0] == "Job")
    here.live[job].body["status"]["completionTime"] = "2026-01-02T03:04:00Z"
    assert here.act().migration.state is MigrationState.AT_HEAD, "the pods look again in a moment"
    here.extra["reports"] = ()
    assert here.act().migration.state is MigrationState.AT_HEAD

    here.extra["reports"] = behind
    here.live[job].body["status"]["completionTime"] = "2026-01-01T03:04:00Z"
    lost = here.act()
    assert lost.migration.state is MigrationState.MISMATCH
    assert "kubectl -n demo delete job -l vertice.dev/bot=my-bot" in lost.migration.message
    assert {step.act for step in lost.steps} <= {Act.SKIP, Act.UNAVAILABLE}, "told, not written"
    del here.live[job]
    again = here.act()
    assert acts(again)[f"Job/{job[1]}"] is Act.APPLY
    assert again.migration.state is MigrationState.RUNNING
    here.job_condition("Complete")
    here.extra["reports"] = ()
    assert here.act().migration.state is MigrationState.AT_HEAD
    assert {step.act for step in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE}


def test_a_migration_that_cannot_start_says_why(world: Any, pod: Any) -> None:
    """Else a running bot whose new image has a typo would say nothing for an hour."""
    here = world(database=_job())
    here.act()
    name = next(key[1] for key in here.live if key[0] == "Job")
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    stuck = pod(f"{name}-x", ready=False, state={"waiting": waiting})
    stuck["metadata"]["labels"]["app.kubernetes.io/component"] = "migration"
    here.extra["pods"] = (read_pod(stuck),)
    found = here.plan().migration
    assert found.state is MigrationState.FAILED
    assert "no such image" in found.message
    assert "spec.image" in found.message
    stuck["status"]["containerStatuses"] = []
    stuck["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "full"}
    ]
    here.extra["pods"] = (read_pod(stuck),)
    found = here.plan().migration
    assert found.state is MigrationState.RUNNING
    assert "full" in found.message
    stuck["metadata"]["name"] = "of-an-older-job"
    here.extra["pods"] = (read_pod(stuck),)
    assert "full" not in here.plan().migration.message


@pytest.mark.parametrize(("how", "advice"), [("Startup", "restartAt"), ("Off", "vertice-bot")])
def test_a_schema_that_is_behind_is_told_without_a_job(
    world: Any, pod: Any, how: str, advice: str
) -> None:
    here = world(database={**_job(), "migrations": how})
    here.act()
    assert here.plan().migration.state is MigrationState.NOT_CONFIGURED
    here.extra["pods"] = (read_pod(pod()),)
    here.extra["reports"] = (Report("my-bot-1", True, degraded=(("migrations", "Mismatch"),)),)
    found = here.plan().migration
    assert found.state is MigrationState.MISMATCH
    assert advice in found.message


def test_replicas_are_handed_over_once(world: Any) -> None:
    here = world(replicas=4, shards={"count": 8})
    here.act()
    here.spec["autoscaling"] = {"enabled": True, "minReplicas": 2, "maxReplicas": 6}
    plan = here.act()
    step = next(s for s in plan.steps if s.kind.kind == "Deployment")
    assert step.handover == 4
    assert "replicas" not in step.body["spec"]
    here.live["Deployment", "my-bot"].body["spec"]["replicas"] = 5
    again = next(s for s in here.plan().steps if s.kind.kind == "Deployment")
    assert (again.act, again.handover) == (Act.SKIP, None), "the autoscaler's number is its own"
    here.live["Deployment", "my-bot"].body["spec"]["replicas"] = 0
    woken = next(s for s in here.plan().steps if s.kind.kind == "Deployment")
    assert woken.handover == 2, "no autoscaler acts on 0"


def test_a_taken_default_is_kept_before_the_status_says_so(world: Any) -> None:
    """The status waits for the children to settle; the looks until then must not go back."""
    here = world()
    here.act()
    here.status = {"pinned": {"botImage": "vertice-bot:0.1.0", "proxyImage": "p:1"}}
    here.defaults = Defaults("9.9.9", "vertice-bot:9.9.9", "proxy:9")
    here.spec["restartAt"] = "2026-02-01T00:00:00Z"
    here.act()
    again = here.act()
    assert {step.act for step in again.steps} <= {Act.SKIP, Act.UNAVAILABLE}
    assert (again.pins.bot_image, again.pins.update_available) == ("vertice-bot:9.9.9", None)
    assert live_image(here.live["Deployment", "my-bot"].body) == "vertice-bot:9.9.9"


@pytest.mark.parametrize("off", [{"suspend": True}, {"replicas": 0}], ids=["suspend", "zero"])
def test_a_bot_without_its_secret_can_be_switched_off(world: Any, off: dict[str, Any]) -> None:
    here = world(replicas=2)
    here.act()
    here.secrets.pop("token")
    here.spec |= off
    plan = here.act()
    assert plan.violation is not None
    assert here.live["Deployment", "my-bot"].body["spec"]["replicas"] == 0
