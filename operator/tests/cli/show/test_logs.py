import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.cli.show.logs import Filter, Interleaver, Line, Role, draw_line, parse


def read(raw: str, second: int = 1, **more: Any) -> Line:
    values = {"pod": "my-bot-7f-abc", "container": "bot", "role": Role.BOT, "place": 0, **more}
    return parse(f"2026-03-05T12:00:{second:02d}.123456789Z", raw, **values)


def bot_line(severity: str, message: str, **fields: Any) -> str:
    return json.dumps({"time": "t", "severity": severity, "message": message, **fields})


def test_lines_for_people(draws: Callable[..., str]) -> None:
    lines = [
        read(bot_line("INFO", "shard is live", shard=0, by="RESUMED", bot="demo/my-bot")),
        read(bot_line("WARNING", "two words", text="two words", many=[1, 2])),
        read(bot_line("ERROR", "failed\nagain", exception="Traceback:\n  boom\n")),
        read("2026/03/05 ready for new connections", container="cloud-sql-proxy", role=Role.PROXY),
        read(json.dumps({"event": "demo/my-bot: applied", "level": "warn", "logger": "x"}),
             pod="vertice-operator-1", role=Role.OPERATOR),
        read("\x1b[2J\x1b]0;x\x07"),
        read(bot_line("DEBUG", "")),
    ]  # fmt: skip
    document = {"lines": [line.to_dict() for line in lines]}
    text = draws("logs", document, map(draw_line, lines))
    assert not set(text) & {"\x1b", "\x07"}


@pytest.mark.parametrize(
    ("chosen", "raw", "role", "wanted"),
    [
        ({}, bot_line("DEBUG", "x"), Role.BOT, True),
        ({"level": "WARNING"}, bot_line("INFO", "x"), Role.BOT, False),
        ({"level": "WARNING"}, bot_line("ERROR", "x"), Role.BOT, True),
        ({"level": "WARNING"}, "plain", Role.PROXY, False),
        ({"replicas": ("abc",)}, "x", Role.BOT, True),
        ({"replicas": ("abd",)}, "x", Role.BOT, False),
        ({"shards": (3,)}, bot_line("INFO", "x", shard=3), Role.BOT, True),
        ({"shards": (3,)}, bot_line("INFO", "x", shards=[1, 3]), Role.BOT, True),
        ({"shards": (3,)}, bot_line("INFO", "x", shard=30), Role.BOT, False),
        ({"shards": (3,)}, bot_line("INFO", "x"), Role.BOT, False),
        ({}, '{"event": "demo/my-bot: applied"}', Role.OPERATOR, True),
        ({}, '{"event": "demo/my-bot-2: applied"}', Role.OPERATOR, False),
        ({}, '{"event": "x-demo/my-bot: applied"}', Role.OPERATOR, False),
        ({"whole_operator": True}, '{"event": "leading"}', Role.OPERATOR, True),
        ({"replicas": ("abc",)}, '{"event": "demo/my-bot: x"}', Role.OPERATOR, False),
    ],
)
def test_filters(chosen: dict[str, Any], raw: str, role: Role, wanted: bool) -> None:
    assert Filter("demo/my-bot", **chosen).wants(read(raw, role=role)) is wanted


@given(st.lists(st.tuples(st.integers(0, 59), st.floats(0, 5)), max_size=30))
def test_lines_that_come_within_the_patience_are_in_order(
    arrivals: list[tuple[int, float]],
) -> None:
    order = Interleaver(patience=10)
    for place, (second, moment) in enumerate(sorted(arrivals, key=lambda each: each[1])):
        order.add(read("x", second, place=place), moment)
        assert order.due(moment) == []
    found = order.due(100)
    assert found == sorted(found)
    assert len(found) == len(arrivals)
    assert order.rest() == []


def test_a_line_is_held_back_no_longer_than_the_patience() -> None:
    order = Interleaver(patience=0.5)
    order.add(read("late", 9), 0.0)
    order.add(read("early", 1), 0.4)
    assert order.due(0.5) == []  # the early one may itself be overtaken
    assert [each.raw for each in order.due(0.9)] == ["early", "late"]
    order.add(read("left", 2), 5.0)
    assert [each.raw for each in order.rest()] == ["left"]
