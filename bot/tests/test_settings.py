"""The configuration contract: the whole file, each variable, each refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.errors import ConfigError, ExitCode
from vertice_bot.settings import Settings, load_settings, read_secret

FULL = """
bot: demo/my-bot
revision: "abc123"
discord:
  token_file: /var/run/secrets/vertice/discord-token
  application_id: null
  intents: [guilds, guild_messages]
  api_base: null
  gateway_url: null
features: {moderation: true, analytics: true, customization: true}
shards: {count: 1}
lease: {ttl_seconds: 6, renew_seconds: 2}
database:
  host: 127.0.0.1
  port: 5432
  name: vertice
  user: null
  user_file: /var/run/secrets/vertice/database-username
  password_file: /var/run/secrets/vertice/database-password
  tls: disable
  ca_file: null
  pool_min: 1
  pool_max: 5
cache: {host: redis, port: 6379, tls: false, ca_file: null, password_file: null}
drain: {seconds: 30, grace_seconds: 60}
http: {host: 0.0.0.0, port: 8080}
metrics: {host: 0.0.0.0, port: 9090}
tracing: null
logging: {level: INFO, format: json}
policy_file: /etc/vertice/policy.yaml
dispatch_log: false
termination_log: /dev/termination-log
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("VERTICE_", "DISCORD_")):
            monkeypatch.delenv(name)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def change(path: str, value: object) -> str:
    document = yaml.safe_load(FULL)
    target = document
    *parents, last = path.split(".")
    for part in parents:
        target = target[part]
    target[last] = value
    return yaml.safe_dump(document)


def test_the_whole_contract_loads(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, FULL))
    assert settings.bot == "demo/my-bot"
    assert settings.database is not None
    assert settings.database.pool_max == 5
    assert settings.cache is not None
    assert settings.cache.host == "redis"
    assert settings.policy_file == Path("/etc/vertice/policy.yaml")


def test_defaults_need_only_the_name(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "bot: demo/my-bot"))
    assert settings.database is None
    assert settings.lease.ttl_seconds == 6
    assert settings.discord.intents == ("guilds", "guild_messages")
    assert settings.http.port == 8080
    assert settings.metrics.port == 9090


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("unknown", 1, "unknown: unknown key"),
        ("discord.tokenn", "x", "discord.tokenn: unknown key"),
        ("database.ssl", True, "database.ssl: unknown key"),
        ("shards.count", 0, "shards.count: "),
        ("discord.intents", ["guilds", "guild_mesages"], "unknown intent guild_mesages"),
        ("discord.intents", ["guild_messages"], "the intent guilds is missing"),
        ("discord.api_base", "discord.test", "discord.api_base: "),
        ("discord.gateway_url", "http://x", "discord.gateway_url: "),
        ("lease.renew_seconds", 3, "two renewals must fit"),
        ("lease.ttl_seconds", 2, "lease.ttl_seconds: "),
        ("lease.ttl_seconds", 121, "lease.ttl_seconds: "),
        ("database.pool_min", 6, "pool_min is greater than pool_max"),
        ("database.tls", "prefer", "database.tls: "),
        ("database.port", 70000, "database.port: "),
        ("drain.seconds", 50, "raise grace_seconds"),
        ("logging.level", "LOUD", "logging.level: "),
        ("bot", "my-bot", "bot: "),
    ],
)
def test_refusals_name_the_key_and_what_to_do(
    tmp_path: Path, path: str, value: object, text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, change(path, value)))
    assert caught.value.code is ExitCode.BAD_CONFIGURATION
    assert text in caught.value.message
    assert "\n" not in caught.value.message


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "bot: a/b\nx: 1\ny: 2\nshards: {count: -1}"))
    for key in ("x:", "y:", "shards.count:"):
        assert key in caught.value.message


def test_a_missing_database_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither user nor user_file"):
        load_settings(write(tmp_path, change("database.user_file", None)))


def test_unreadable_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check --config"):
        load_settings(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_settings(write(tmp_path, "bot: [unclosed"))
    with pytest.raises(ConfigError, match="keys and values"):
        load_settings(write(tmp_path, "- just\n- a list"))
    with pytest.raises(ConfigError, match="bot: required"):
        load_settings(write(tmp_path, ""))


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("VERTICE_BOT", "other/bot", "bot", "other/bot"),
        ("VERTICE_DATABASE__HOST", "db", "database.host", "db"),
        ("VERTICE_DATABASE__USER", "me", "database.user", "me"),
        ("VERTICE_DATABASE__PASSWORD_FILE", "/p", "database.password_file", Path("/p")),
        ("VERTICE_DISCORD__TOKEN_FILE", "/t", "discord.token_file", Path("/t")),
        ("VERTICE_DISCORD__INTENTS", "guilds,members", "discord.intents", ("guilds", "members")),
        ("VERTICE_DISCORD__INTENTS", "[guilds]", "discord.intents", ("guilds",)),
        ("VERTICE_LEASE__TTL_SECONDS", "10", "lease.ttl_seconds", 10.0),
        ("VERTICE_FEATURES__ANALYTICS", "false", "features.analytics", False),
        ("VERTICE_SHARDS__COUNT", "16", "shards.count", 16),
        ("VERTICE_HTTP__PORT", "0", "http.port", 0),
        ("VERTICE_LOGGING__LEVEL", "debug", "logging.level", "DEBUG"),
        ("VERTICE_DISPATCH_LOG", "1", "dispatch_log", True),
        ("VERTICE_REPLICA", "pod-1", "replica", "pod-1"),
        ("VERTICE_REVISION", "7c", "revision", "7c"),
        ("VERTICE_CACHE__HOST", "elsewhere", "cache.host", "elsewhere"),
        ("VERTICE_POLICY_FILE", "null", "policy_file", None),
        ("VERTICE_DATABASE", "null", "database", None),
        ("DISCORD_API_BASE", "http://x/api/v10/", "discord.api_base", "http://x/api/v10"),
        ("DISCORD_GATEWAY_URL", "ws://x", "discord.gateway_url", "ws://x"),
    ],
)
def test_variables_win_over_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    path: str,
    expected: object,
) -> None:
    monkeypatch.setenv(name, value)
    found: object = load_settings(write(tmp_path, FULL))
    for part in path.split("."):
        found = getattr(found, part)
    assert found == expected


def test_discords_own_variables_win_over_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_DISCORD__API_BASE", "http://ours")
    monkeypatch.setenv("DISCORD_API_BASE", "http://theirs")
    assert load_settings(write(tmp_path, FULL)).discord.api_base == "http://theirs"


def test_a_section_can_come_from_variables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_BOT", "demo/my-bot")
    monkeypatch.setenv("VERTICE_DATABASE__HOST", "db")
    settings = load_settings(None)
    assert settings.database is not None
    assert settings.database.host == "db"


def test_foreign_variables_with_our_prefix_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_CACHE", "/home/me/.cache/vertice")
    monkeypatch.setenv("VERTICE_BOT_SERVICE_HOST", "10.0.0.1")
    settings = load_settings(write(tmp_path, FULL))
    assert settings.cache is not None
    assert settings.cache.host == "redis"


def test_an_unknown_key_in_a_variable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_DATABASE__HOSTT", "db")
    with pytest.raises(ConfigError, match=r"database\.hostt: unknown key"):
        load_settings(write(tmp_path, FULL))


def test_secrets(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cr3t-value\n")
    secret = read_secret(path, "discord.token_file")
    assert secret.get_secret_value() == "s3cr3t-value"
    assert "s3cr3t" not in repr(secret)
    path.write_text("\n")
    with pytest.raises(ConfigError, match=r"discord\.token_file: .* is empty"):
        read_secret(path, "discord.token_file")
    with pytest.raises(ConfigError, match="mount the Secret"):
        read_secret(tmp_path / "absent", "discord.token_file")


def test_errors_never_show_values(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "bot: a/b\ndiscord: {token: MTk4NjIy.Cl2FMQ.hunter2hunter2}"))
    assert "hunter2" not in caught.value.message


@given(st.floats(3, 30), st.floats(0.2, 10))
def test_lease_bounds_leave_room_for_two_renewals(ttl: float, renew: float) -> None:
    try:
        lease = Settings.model_validate(
            {"bot": "a/b", "lease": {"ttl_seconds": ttl, "renew_seconds": renew}}
        ).lease
    except ValueError:
        assert renew * 2 > ttl - 1
    else:
        assert lease.renew_seconds * 2 <= lease.ttl_seconds - 1
