from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from vertice_operator.cli import run as run_module
from vertice_operator.cli.bundle import outputs
from vertice_operator.cli.main import operator, vertice
from vertice_operator.runtime.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
EXAMPLE = str(ROOT / "examples" / "minimal.yaml")
NO_LOGIN = """
kind: DiscordBot
metadata: {name: x}
spec:
  discord: {tokenSecretRef: {name: t}}
  database: {direct: {host: h}}
"""
cli = CliRunner()


def test_render_prints_every_object_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    done = cli.invoke(vertice, ["render", "-f", EXAMPLE])
    assert done.exit_code == 0, done.output
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout)]
    assert {"Deployment", "ConfigMap", "NetworkPolicy", "ServiceMonitor"} <= set(kinds)
    fewer = cli.invoke(vertice, ["render", "-f", EXAMPLE, "--without-optional"])
    assert "ServiceMonitor" not in fewer.stdout


def test_render_reads_standard_input() -> None:
    text = Path(EXAMPLE).read_text()
    assert cli.invoke(vertice, ["render", "-f", "-"], input=text).exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: ConfigMap", "holds no DiscordBot"),
        ("a: [", "cannot read"),
        ("kind: DiscordBot\nmetadata: {name: x}\nspec: {}", "spec.discord"),
        (NO_LOGIN, "credentialsSecretRef"),
    ],
)
def test_render_refuses_with_the_path(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(text)
    done = cli.invoke(vertice, ["render", "-f", str(file)])
    assert done.exit_code == 2
    assert says in done.output


def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    found: list[Settings] = []

    async def serve(settings: Settings) -> None:
        found.append(settings)

    monkeypatch.setattr(run_module, "serve", serve)
    monkeypatch.setattr(run_module.logs, "set_up", lambda level, form: None)
    return found


def test_every_flag_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the help text, and true of the settings."""
    found = served(monkeypatch)
    values = {
        "NAMESPACE": "a,b", "DEFAULT_BOT_IMAGE": "i", "DEFAULT_PROXY_IMAGE": "p", "WORKERS": "3",
        "RESYNC_SECONDS": "1", "SECRET_RECHECK_SECONDS": "2", "OPTIONAL_RECHECK_SECONDS": "3",
        "STATUSZ_SECONDS": "4", "STATUS_SETTLE_SECONDS": "5", "RECONCILE_TIMEOUT": "6",
        "REQUEST_TIMEOUT": "1", "LEASE_SECONDS": "7", "LEASE_NAME": "n", "LEASE_NAMESPACE": "s",
        "IDENTITY": "me", "HTTP_HOST": "::1", "HTTP_PORT": "1", "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "console", "OPERATOR_NAMESPACE": "o",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    done = cli.invoke(operator, ["run"])
    assert done.exit_code == 0, done.output
    text = cli.invoke(operator, ["run", "--help"], env={"COLUMNS": "300"}).output
    assert {name for name in values if PREFIX + name not in text} == set()
    (settings,) = found
    assert settings == Settings(
        namespaces=("a", "b"), default_bot_image="i", default_proxy_image="p", workers=3,
        resync_seconds=1, secret_recheck_seconds=2, optional_recheck_seconds=3, statusz_seconds=4,
        status_settle_seconds=5, reconcile_timeout=6, request_timeout=1, lease_seconds=7,
        lease_name="n", lease_namespace="s", identity="me", http_host="::1", http_port=1,
        log_level="DEBUG", log_format="console", operator_namespace="o",
    )  # fmt: skip


def test_namespaces_may_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = served(monkeypatch)
    cli.invoke(operator, ["run", "--namespace", "a", "--namespace", "b"])
    assert found[0].namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--lease-seconds=3", "--request-timeout=5"], "two thirds"),
        (["--workers=0"], "greater than or equal to 1"),
        (["--log-level=LOUD"], "--log-level"),
        (["--resync-seconds=soon"], "--resync-seconds"),
    ],
)
def test_bad_flags_end_with_2_and_a_line(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], says: str
) -> None:
    served(monkeypatch)
    done = cli.invoke(operator, ["run", *flags], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert says in done.output


def test_without_a_kubeconfig_it_ends_with_2_and_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_module.logs, "set_up", lambda level, form: None)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = cli.invoke(operator, ["run", "--http-port=0"])
    assert done.exit_code == 2
    assert "no way to a cluster" in done.output


def test_a_fault_of_its_own_ends_with_70(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(settings: Settings) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run_module.logs, "set_up", lambda level, form: None)
    monkeypatch.setattr(run_module, "serve", serve)
    assert cli.invoke(operator, ["run"]).exit_code == 70


def test_a_short_lease_shortens_requests_by_itself() -> None:
    assert Settings(lease_seconds=3).request_timeout == 1
    assert Settings().request_timeout == 5
    assert Settings().lease.deadline == 10


def test_status_without_a_cluster_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = cli.invoke(vertice, ["status", "x"])
    assert done.exit_code == 69
    assert "the cluster cannot be asked" in done.output


def test_the_one_file_install_is_current_and_complete() -> None:
    for path, text in outputs(ROOT).items():
        assert (ROOT / path).read_text() == text, f"python -m vertice_operator.cli.bundle: {path}"
    documents = list(yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text()))
    assert [each["kind"] for each in documents] == [
        "CustomResourceDefinition", "Namespace", "ServiceAccount", "ClusterRole",
        "ClusterRoleBinding", "Role", "RoleBinding", "Deployment", "PodDisruptionBudget", "Service",
    ]  # fmt: skip


def test_manifests_and_code_agree_on_the_defaults() -> None:
    documents = yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text())
    deployment = next(each for each in documents if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values[f"{PREFIX}DEFAULT_BOT_IMAGE"] == Settings().default_bot_image
    assert values[f"{PREFIX}DEFAULT_PROXY_IMAGE"] == Settings().default_proxy_image
    assert container["image"].endswith(f":{Settings().operator_version}")
