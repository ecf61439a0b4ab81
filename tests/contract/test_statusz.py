"""The operator understands what a bot says at ``/statusz``."""

from __future__ import annotations

import json

from vertice_bot.app import Application
from vertice_bot.settings import Settings, ShardSettings
from vertice_operator.cluster.statusz import parse


def test_the_document_of_a_bot_is_read_by_the_operator() -> None:
    application = Application(Settings(bot="demo/my-bot", shards=ShardSettings(count=3)))
    application.degraded.set("redis", "CircuitOpen")
    application.board.draining = True
    application.bot.recommended_shards = 5
    report = parse("my-bot-0", json.dumps(application.board.document()).encode())
    assert report.reachable
    assert report.shard_count == 3
    assert report.discord == "disconnected"
    assert report.draining
    assert report.recommended == 5
    assert report.degraded == (("redis", "CircuitOpen"),)
    assert report.shards == ()
