"""Least privilege, computed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import discord
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.policy.permissions import (
    NEEDS,
    enabled,
    invite_url,
    missing_intents,
    required_permissions,
)
from vertice_bot.settings import FeatureSettings, Settings

features = st.builds(
    FeatureSettings, moderation=st.booleans(), analytics=st.booleans(), customization=st.booleans()
)


@given(features)
def test_never_administrator_and_never_more_than_needed(chosen: FeatureSettings) -> None:
    permissions = required_permissions(chosen)
    assert not permissions.administrator
    allowed = {"view_channel", "read_messages", "send_messages", "embed_links"}
    for name in enabled(chosen):
        allowed.update(NEEDS[name].permissions)
    assert {name for name, granted in permissions if granted} <= allowed


def test_names_exist_in_the_library() -> None:
    for needs in NEEDS.values():
        assert set(needs.permissions) <= set(discord.Permissions.VALID_FLAGS)
        assert set(needs.intents) <= set(discord.Intents.VALID_FLAGS)


def test_needed_intents_are_never_privileged() -> None:
    for needs in NEEDS.values():
        assert not set(needs.intents) & {"members", "presences", "message_content"}


def test_nothing_on_needs_almost_nothing() -> None:
    off = FeatureSettings(moderation=False, analytics=False, customization=False)
    assert not required_permissions(off).attach_files
    assert enabled(off) == ()


def test_missing_intents_are_named_per_feature() -> None:
    settings = Settings.model_validate({"bot": "a/b", "discord": {"intents": ["guilds"]}})
    assert missing_intents(settings) == {"analytics": ("guild_messages",)}


@given(features, st.integers(1, 2**63))
def test_the_invite_url_carries_exactly_the_permissions(
    chosen: FeatureSettings, application_id: int
) -> None:
    query = parse_qs(urlparse(invite_url(application_id, chosen)).query)
    assert query["client_id"] == [str(application_id)]
    assert query["permissions"] == [str(required_permissions(chosen).value)]
    assert query["scope"] == ["bot applications.commands"]
