"""The files that `make dev` writes are files that the bot takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dev.local.settings import Layout, Ports, bot_config, database_password, write_files
from vertice_bot.settings import load_settings

PORTS = Ports(1001, 1002, 1003)


@pytest.mark.parametrize("token_file", [None, Path("/elsewhere/token")])
def test_the_bot_takes_the_configuration(tmp_path: Path, token_file: Path | None) -> None:
    layout = Layout(tmp_path)
    write_files(layout, bot_config(layout, PORTS, 5433, token_file), None)
    settings = load_settings(layout.config)
    assert settings.database is not None
    assert (settings.database.port, settings.database.user) == (5433, "vertice")
    assert (settings.http.port, settings.metrics.port) == (1002, 1003)
    assert settings.http.host == settings.metrics.host == "127.0.0.1"
    local = token_file is None
    assert settings.discord.api_base == ("http://127.0.0.1:1001/api/v10" if local else None)
    assert settings.discord.token_file == (token_file or layout.token)


def test_secrets_are_the_owners_alone_and_the_password_stays(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    password = database_password(layout)
    assert database_password(layout) == password
    write_files(layout, bot_config(layout, PORTS, 1, None), "token")
    for path in (layout.password, layout.token):
        assert path.stat().st_mode & 0o077 == 0
    text = layout.config.read_text()
    assert password not in text
    assert "token\n" not in text.replace("discord-token\n", "")


def test_an_edited_policy_is_left_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.policy.write_text("defaults: {levels: {enabled: true}}\n")
    write_files(layout, bot_config(layout, PORTS, 1, None), "token")
    assert yaml.safe_load(layout.policy.read_text()) == {"defaults": {"levels": {"enabled": True}}}
