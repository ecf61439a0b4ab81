from collections.abc import Callable
from datetime import datetime
from typing import Any

from vertice_operator.cli.show.status import all_ready, status_detail, status_list, status_table

Make = Callable[..., dict[str, Any]]


def test_a_list(a_bot: Make, draws: Callable[..., str], now: datetime) -> None:
    stale = a_bot("stale")
    stale["metadata"]["generation"] = 4
    held = a_bot("held", replicas=0, readyReplicas=0, shards={"configured": 4})
    held["metadata"]["annotations"] = {"vertice.dev/paused": "true"}
    held["spec"]["suspend"] = True
    fresh = {"metadata": {"name": "fresh", "namespace": "aaa", "generation": 1}}
    bad = a_bot("broken", ready=False, shards={"configured": 4, "owned": 3, "ready": 2})
    answer = status_list([stale, held, bad, fresh, a_bot()])
    draws("status-list", answer, status_table(answer, now))
    assert not all_ready(answer)
    assert [each["name"] for each in answer["items"] if each["ready"] and each["upToDate"]] == [
        "held",
        "my-bot",
    ]


def test_one_bot(a_bot: Make, draws: Callable[..., str], now: datetime) -> None:
    answer = status_list([a_bot(ready=False)])
    text = draws("status-one", answer, status_detail(answer, now))
    assert "cannot pull its image" in text
    assert "not shown, since all is well" not in text


def test_a_bot_with_everything_to_tell(
    a_bot: Make, draws: Callable[..., str], now: datetime
) -> None:
    bot = a_bot(
        observedGeneration=2,
        history=[],
        image={"desired": "a:1", "updateAvailable": "a:2"},
        shards={"owned": 2, "ready": 1, "configured": 4, "unowned": [1, 3]},
    )
    bot["metadata"]["annotations"] = {"vertice.dev/paused": "TRUE"}
    bot["spec"]["suspend"] = True
    answer = status_list([bot])
    draws("status-warnings", answer, status_detail(answer, now))


def test_a_bot_that_the_operator_has_not_seen(now: datetime) -> None:
    answer = status_list([{"metadata": {"namespace": "d", "name": "n", "generation": 1}}])
    assert not all_ready(answer)
    assert list(status_detail(answer, now))


def test_words_from_the_cluster_cannot_steer_the_terminal(
    a_bot: Make, draws: Callable[..., str], now: datetime
) -> None:
    evil = "\x1b]0;renamed\x07\x1b[2Jgone\r\x9b1m [bold]kept[/bold] :smile:"
    bot = a_bot(ready=False)
    bot["status"]["conditions"][0]["message"] = evil
    answer = status_list([bot])
    text = draws("status-evil", answer, status_detail(answer, now))
    assert not set(text) & {"\x1b", "\x07", "\r", "\x9b"}
    assert "[bold]kept[/bold] :smile:" in text
