from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.processes


async def test_ping_says_which_instance_answers(live: Any) -> None:
    answer = await live.run("nina", "ping")
    assert answer.state == "answered"
    assert answer.ephemeral
    assert "replica `replica-a` · shard 0" in answer.content


async def test_about_shows_version_lease_and_invite(live: Any) -> None:
    answer = await live.run("nina", "about")
    fields = {field["name"]: field["value"] for field in answer.embeds[0]["fields"]}
    assert answer.embeds[0]["title"] == "Vértice 0.1.0"
    assert (fields["Replica"], fields["Revision"], fields["Shard"]) == (
        "`replica-a`",
        "`rev1`",
        "0 of 1",
    )
    assert fields["Lease epoch"] == "1"
    (row,) = answer.message["components"]
    assert row["components"][0]["url"].startswith("https://discord.com/oauth2/authorize?")
