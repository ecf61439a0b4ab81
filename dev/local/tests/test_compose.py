"""compose.yaml and the bot agree: its variables are settings, its secrets are where they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_bot.settings import load_settings

COMPOSE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "compose.yaml").read_text()
)


@pytest.mark.parametrize("service", ["bot", "migrate"])
def test_the_bot_takes_the_variables(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPOSE["services"][service]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    assert settings.database is not None
    mounted = {f"/run/secrets/{name}" for name in COMPOSE["services"][service]["secrets"]}
    assert {str(settings.discord.token_file), str(settings.database.password_file)} == mounted
    assert settings.database.host in COMPOSE["services"]
    assert settings.cache is None


def test_the_database_has_the_same_user_name_and_password() -> None:
    postgres = COMPOSE["services"]["postgres"]["environment"]
    bot = COMPOSE["services"]["bot"]["environment"]
    assert postgres["POSTGRES_USER"] == bot["VERTICE_DATABASE__USER"]
    assert postgres["POSTGRES_DB"] == bot["VERTICE_DATABASE__NAME"]
    assert postgres["POSTGRES_PASSWORD_FILE"] == bot["VERTICE_DATABASE__PASSWORD_FILE"]


def test_the_bot_has_longer_than_it_needs_to_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPOSE["services"]["bot"]["environment"].items():
        monkeypatch.setenv(name, value)
    drain = load_settings(None).drain
    grace = float(COMPOSE["services"]["bot"]["stop_grace_period"].removesuffix("s"))
    assert drain.seconds < grace
    assert drain.grace_seconds <= grace


def test_no_secret_is_a_value() -> None:
    assert all("file" in secret for secret in COMPOSE["secrets"].values())
