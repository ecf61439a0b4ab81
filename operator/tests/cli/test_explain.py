import pytest
from kubernetes.aio.config import ConfigException

from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.explain import missing_right, no_such_bot, no_such_context, refusal
from vertice_operator.cluster import errors

FORBIDDEN = (
    'discordbots.vertice.dev "my-bot" is forbidden: User "jane" cannot get resource "discordbots" '
    'in API group "vertice.dev" in the namespace "demo"'
)


def test_the_missing_right_is_written_as_in_a_role() -> None:
    said = missing_right(FORBIDDEN)
    assert "jane may not get discordbots in namespace demo" in said
    assert '{apiGroups: ["vertice.dev"], resources: ["discordbots"], verbs: ["get"]}' in said
    assert "the whole cluster" in missing_right(FORBIDDEN.partition(" in the namespace")[0])
    assert missing_right("denied by policy") == "denied by policy"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (errors.ForbiddenError(FORBIDDEN), ExitCode.FORBIDDEN, "Missing right"),
        (errors.KindMissingError("404"), ExitCode.UNREACHABLE, "vertice manifests"),
        (errors.NotFoundError("gone"), ExitCode.NOT_FOUND, "gone"),
        (errors.ConflictError("changed"), ExitCode.NO, "repeat the command"),
        (errors.InvalidError("bad"), ExitCode.USAGE, "refuses it: bad"),
        (errors.TransportError("no answer"), ExitCode.UNREACHABLE, "--kubeconfig"),
        (errors.QuotaExceededError("quota"), ExitCode.NO, "quota"),
        (ConfigException("no file"), ExitCode.UNREACHABLE, "no file"),
    ],
)
def test_each_failure_has_its_code_and_its_advice(
    error: Exception, code: ExitCode, says: str
) -> None:
    found = refusal(error, "prod")
    assert found.code is code
    assert says in found.message


def test_names_that_are_near() -> None:
    said = no_such_bot("my-bto", "demo", ["my-bot", "other"], []).message
    assert said.endswith("did you mean my-bot?")
    assert "-n prod" in no_such_bot("x", "demo", ["x1"], [("prod", "x")]).message
    assert "there are a, b" in no_such_bot("zzz", "demo", ["b", "a"], []).message
    assert "vertice status -A" in no_such_bot("zzz", "demo", [], []).message
    many = no_such_bot("zzz", "demo", [f"bot{n:02}" for n in range(20)], []).message
    assert many.endswith("bot07 and 12 more")
    assert "did you mean prod?" in no_such_context("prd", ["prod", "dev"]).message
