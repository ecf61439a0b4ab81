"""The ConfigMap that the operator renders is read by the bot, and says what the resource said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.contract.rendered import EXAMPLES, Rendered, everything, render
from vertice_bot.app import Application, run
from vertice_bot.cli.main import app
from vertice_bot.policy.permissions import NEEDS, enabled, missing_intents
from vertice_bot.policy.store import read_policy
from vertice_bot.settings import Settings, load_settings
from vertice_operator.api import names

RENDERED = pytest.mark.parametrize("made", everything(), ids=lambda made: made.label)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("VERTICE_", "DISCORD_")):
            monkeypatch.delenv(name)


def write(made: Rendered, folder: Path) -> Path:
    """Put the files where a pod would have them, below ``folder``; return that of config.yaml."""
    for source in made.secret_files:
        file = folder / source.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("value", encoding="utf-8")
    for name, text in made.config_files.items():
        here = text.replace(names.CONFIG_DIR, str(folder)).replace(": /var/", f": {folder}/var/")
        (folder / name).write_text(here, encoding="utf-8")
    return folder / names.CONFIG_FILE


def load(made: Rendered, folder: Path) -> Settings:
    return load_settings(write(made, folder))


@pytest.mark.parametrize(
    "spec",
    [
        {"shards": {"count": 4096, "leaseSeconds": 120, "renewSeconds": 30}},
        {"shards": {"count": 1, "leaseSeconds": 6, "renewSeconds": 1}},
        {"logging": {"level": "CRITICAL"}},
        {"drain": {"gracePeriodSeconds": 3600, "drainSeconds": 3585}},
        {"drain": {"gracePeriodSeconds": 15, "drainSeconds": 0}},
    ],
    ids=["most-shards", "least-shards", "quietest", "longest-drain", "shortest-drain"],
)
def test_the_bot_takes_what_the_resource_may_say_at_most(
    spec: dict[str, object], tmp_path: Path
) -> None:
    minimal = yaml.safe_load((EXAMPLES / "minimal.yaml").read_text(encoding="utf-8"))
    load(render("at most", minimal | {"spec": minimal["spec"] | spec}), tmp_path)


@RENDERED
def test_the_bot_reads_it_and_sees_what_the_resource_says(made: Rendered, tmp_path: Path) -> None:
    settings = load(made, tmp_path)
    spec, metadata = made.bot.spec, made.bot.metadata
    assert settings.bot == f"{metadata.namespace}/{metadata.name}"
    assert settings.features.moderation == spec.discord.features.moderation
    assert settings.features.analytics == spec.discord.features.analytics
    assert settings.features.customization == spec.discord.features.customization
    assert settings.lease.ttl_seconds == spec.shards.lease_seconds
    assert settings.drain.grace_seconds == spec.drain.grace_period_seconds
    assert settings.database is not None
    assert settings.database.name == spec.database.name
    assert (settings.cache is None) == (spec.cache is None)
    assert settings.logging.format == spec.logging.format


@RENDERED
def test_every_key_of_the_bot_is_written_and_no_other(made: Rendered, tmp_path: Path) -> None:
    """A key that is left out would change with the bot's version; an unknown one stops the bot."""
    written = yaml.safe_load(made.config_files[names.CONFIG_FILE])
    only_from_the_pod = {"replica", "revision"}
    assert set(written) == set(Settings.model_fields) - only_from_the_pod
    settings = load(made, tmp_path)
    for section in ("discord", "features", "lease", "database", "cache", "drain"):
        value = getattr(settings, section)
        if value is not None:
            assert set(written[section]) == set(type(value).model_fields), section


@RENDERED
def test_the_policy_file_is_read(made: Rendered, tmp_path: Path) -> None:
    write(made, tmp_path)
    policy = read_policy(tmp_path / names.POLICY_FILE)
    assert {str(guild) for guild in policy.guilds} == set(made.bot.spec.policy.guilds)


@RENDERED
def test_the_command_check_is_content_with_it(made: Rendered, tmp_path: Path) -> None:
    config = write(made, tmp_path)
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == 0, result.output


@RENDERED
def test_every_intent_that_a_module_needs_is_rendered(made: Rendered, tmp_path: Path) -> None:
    settings = load(made, tmp_path)
    assert missing_intents(settings) == {}
    for feature in enabled(settings.features):
        assert set(NEEDS[feature].intents) <= set(settings.discord.intents)
    settings.discord.build_intents()


@RENDERED
def test_a_privileged_intent_is_rendered_only_when_asked_for(
    made: Rendered, tmp_path: Path
) -> None:
    privileged = {"members", "presences", "message_content"}
    asked = {intent.flag for intent in made.bot.spec.discord.intents}
    have = set(load(made, tmp_path).discord.intents)
    assert have & privileged == asked & privileged


@RENDERED
def test_what_the_operator_accepts_is_not_refused_by_the_bot(
    made: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some settings are valid and yet refused at start, such as a part that is not built yet."""

    async def started(_: Application) -> None:
        """Stand for everything that comes after the refusals."""

    monkeypatch.setattr(Application, "run", started)
    monkeypatch.setattr("vertice_bot.app.configure_logging", lambda *_, **__: None)
    assert run(load(made, tmp_path)) == 0


@RENDERED
def test_the_operator_accepts_every_example(made: Rendered) -> None:
    assert made.refused == ()
