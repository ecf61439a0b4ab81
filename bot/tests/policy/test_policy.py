"""The policy file: merged, reloaded, and never worse than what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vertice_bot.errors import ConfigError
from vertice_bot.policy import PolicyDocument, PolicyStore
from vertice_bot.policy.store import read_policy
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

TEXT = """
defaults: {locale: en-US, muted: false}
guilds:
  "123": {locale: pt-BR, mod_log_channel: 456, something_of_a_module: [1, 2]}
"""


@pytest.fixture
def degraded() -> Degraded:
    return Degraded(Metrics())


def mounted(folder: Path, text: str, name: str = "v1") -> Path:
    """A ConfigMap volume: the file is reached through a symbolic link that is swapped."""
    version = folder / name
    version.mkdir()
    (version / "policy.yaml").write_text(text)
    link = folder / "..data"
    fresh = folder / "..data_tmp"
    fresh.symlink_to(name)
    fresh.replace(link)
    path = folder / "policy.yaml"
    if not path.is_symlink():
        path.symlink_to("..data/policy.yaml")
    return path


def test_guilds_are_merged_over_defaults(tmp_path: Path, degraded: Degraded) -> None:
    store = PolicyStore(mounted(tmp_path, TEXT), degraded)
    assert store.refresh()
    policy = store.for_guild(123)
    assert (policy.locale, policy.mod_log_channel, policy.muted) == ("pt-BR", 456, False)
    assert policy.get("something_of_a_module") == [1, 2]
    assert policy.get("unknown") is None
    assert policy.owned_keys() >= {"locale", "mod_log_channel", "muted"}
    assert store.for_guild(999).locale == "en-US"


def test_a_swapped_link_is_noticed_and_listeners_are_told(
    tmp_path: Path, degraded: Degraded
) -> None:
    store = PolicyStore(mounted(tmp_path, TEXT), degraded)
    store.refresh()
    calls: list[int] = []
    store.on_change(lambda: calls.append(1))
    assert not store.refresh()
    mounted(tmp_path, "defaults: {locale: es-ES}", "v2")
    assert store.refresh()
    assert store.for_guild(123).locale == "es-ES"
    assert calls == [1]


def test_a_bad_file_keeps_the_previous_policy(tmp_path: Path, degraded: Degraded) -> None:
    store = PolicyStore(mounted(tmp_path, TEXT), degraded)
    store.refresh()
    for number, bad in enumerate(
        ("defaults: {locale: 7}", "guilds: [", "unknown: 1", "guilds: {x: {}}")
    ):
        mounted(tmp_path, bad, f"bad{number}")
        assert not store.refresh()
        assert store.for_guild(123).locale == "pt-BR"
        assert degraded.reason("policy") == "Invalid"
    mounted(tmp_path, TEXT, "good")
    store.refresh()
    assert degraded.reason("policy") is None


def test_a_missing_file_is_degraded_and_comes_back(tmp_path: Path, degraded: Degraded) -> None:
    path = tmp_path / "policy.yaml"
    store = PolicyStore(path, degraded)
    assert not store.refresh()
    assert degraded.reason("policy") == "FileUnreadable"
    path.write_text(TEXT)
    assert store.refresh()
    assert degraded.reason("policy") is None


def test_the_same_content_in_a_new_file_is_no_change(tmp_path: Path, degraded: Degraded) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT)
    store = PolicyStore(path, degraded)
    store.refresh()
    os.utime(path, (1, 1))
    assert not store.refresh()


def test_without_a_file_nothing_is_said(degraded: Degraded) -> None:
    store = PolicyStore(None, degraded)
    assert not store.refresh()
    assert store.document == PolicyDocument()
    assert store.for_guild(1).locale is None


def test_reading_once_names_the_key(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('guilds: {"123": {locale: english}}')
    with pytest.raises(ConfigError, match=r"guilds\.123\.locale"):
        read_policy(path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_policy(tmp_path / "absent")
