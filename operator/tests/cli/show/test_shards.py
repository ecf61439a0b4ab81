from collections.abc import Callable
from typing import Any

from vertice_operator.cli.look.statusz import Said
from vertice_operator.cli.show.shards import bot_shards, complete, draw_shards, shard_list

Make = Callable[..., dict[str, Any]]


def statusz(*shards: int, **rest: Any) -> dict[str, Any]:
    return {
        "role": "active" if shards else "standby",
        "shard_count": 4,
        "shards": [
            {"id": each, "state": "LIVE", "epoch": 7, "latency_seconds": 0.0421} for each in shards
        ],
        "lag_seconds": 0.25,
        "discord": {"state": "connected", "identify_remaining": 998},
        "degraded": [],
        **rest,
    }


def test_what_the_pods_say(a_bot: Make, draws: Callable[..., str]) -> None:
    said = [
        Said("my-bot-7f-b", statusz(2, draining=True)),
        Said("my-bot-7f-a", statusz(0, 1, degraded=[{"part": "redis", "reason": "Refused"}])),
        Said("my-bot-7f-c", {}, "503: connection refused"),
    ]
    answer = shard_list([bot_shards(a_bot(), said)])
    draws("shards", answer, draw_shards(answer))
    assert answer["items"][0]["unowned"] == [3]
    assert not complete(answer)


def test_what_the_status_says_when_nobody_may_be_asked(
    a_bot: Make, draws: Callable[..., str]
) -> None:
    refused = [Said("my-bot-7f-a", {}, "forbidden", forbidden=True)]
    some = a_bot("some", shards={"configured": 4, "owned": 2, "ready": 1, "unowned": [1, 3]})
    answer = shard_list(
        [bot_shards(a_bot(), refused), bot_shards(some, (), "you may not list pods")]
    )
    text = draws("shards-status", answer, draw_shards(answer))
    assert 'resources: ["pods/proxy"]' in text
    assert not complete(answer)
    assert complete(shard_list([bot_shards(a_bot(), refused)]))


def test_a_bot_that_never_ran_is_not_complete() -> None:
    bare = {"metadata": {"namespace": "d", "name": "n"}}
    assert not complete(shard_list([bot_shards(bare, ())]))


def test_a_pod_that_says_less_than_this_version_knows(a_bot: Make) -> None:
    answer = bot_shards(a_bot(), [Said("a", {"role": "active", "shard_count": 1})])
    assert (answer["source"], answer["unowned"]) == ("statusz", [0])
    assert list(draw_shards(shard_list([answer])))
