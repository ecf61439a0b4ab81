from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator import __version__
from vertice_operator.cli.show.check import (
    check_document,
    draw_check,
    judge_document,
    passed,
)
from vertice_operator.cli.show.diff import compare, diff_document, draw_diff, hold
from vertice_operator.cli.show.objects import project, unified
from vertice_operator.render import RenderFacts

Make = Callable[..., dict[str, Any]]
FACTS = RenderFacts(__version__, "bot:1", "proxy:1", 34)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


def test_two_sets_of_objects(a_child: Make, draws: Callable[..., str]) -> None:
    old = [a_child("Deployment", spec={"replicas": 2}), a_child("Service", spec={})]
    new = [a_child("Deployment", spec={"replicas": 3}), a_child("Job", spec={})]
    items = [
        *compare(old, new, ("old", "new")),
        hold("Deployment", "demo", "x", "the migration runs"),
    ]
    answer = diff_document(items)
    draws("diff", answer, draw_diff(answer))
    assert answer["different"]
    assert [each["action"] for each in items] == ["change", "create", "delete", "hold"]
    assert not diff_document(compare(old, old, ("a", "b")))["different"]
    assert not diff_document([hold("a", "b", "c", "d")])["different"]


@given(JSON)
def test_a_thing_differs_from_itself_in_nothing(value: Any) -> None:
    item = {"kind": "X", "metadata": {"name": "n"}, "value": value}
    assert project(item, item) == item
    assert unified(item, item, "a", "b") == ""


def test_defaults_of_the_server_do_not_show() -> None:
    wanted = {"a": 1, "list": [{"name": "x", "v": 1}], "ports": [80]}
    live = {"a": 1, "z": 9, "list": [{"name": "x", "v": 1, "d": 2}], "ports": [80]}
    assert project(live, wanted) == wanted
    more = {**live, "list": [*live["list"], {"name": "y"}]}  # type: ignore[misc]
    assert project(more, wanted)["list"][1] == {"name": "y"}
    assert project({"ports": [80, 81]}, wanted)["ports"] == [80, 81]


def good(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "vertice.dev/v1alpha1",
        "kind": "DiscordBot",
        "metadata": {"name": "my-bot", "namespace": "demo"},
        "spec": {
            "discord": {"tokenSecretRef": {"name": "s"}},
            "database": {"direct": {"host": "h"}, "credentialsSecretRef": {"name": "s"}},
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("item", "level", "path", "says"),
    [
        (good(replicsa=3), "error", "spec.replicsa", "did you mean replicas?"),
        (good(drain={"xyz": 3}), "error", "spec.drain.xyz", "known are"),
        (good(replicas="3"), "error", "spec.replicas", "integer"),
        (good(drain={"drainSeconds": 50}), "error", "spec.drain.drainSeconds", "15 less"),
        (good(image={"repository": "a", "tag": "latest"}), "warning", "spec.image.tag", "rollback"),
        (good(networkPolicy={"enabled": False}), "warning", "spec.networkPolicy.enabled", ""),
        ({**good(), "sepc": {}}, "error", "sepc", "did you mean spec?"),
    ],
)
def test_findings(item: dict[str, Any], level: str, path: str, says: str) -> None:
    found = judge_document(item, FACTS)
    match = [each for each in found if each.path == path]
    assert match, found
    assert match[0].level == level
    assert says in match[0].message


def test_a_checked_file(draws: Callable[..., str]) -> None:
    bad = judge_document(good(replicsa=3, networkPolicy={"enabled": False}), FACTS)
    answer = check_document([("demo", "my-bot", bad), ("", "fine", judge_document(good(), FACTS))])
    draws("check", answer, draw_check(answer))
    assert not passed(answer, strict=False)
    loose = check_document(
        [("", "a", judge_document(good(networkPolicy={"enabled": False}), FACTS))]
    )
    assert passed(loose, strict=False)
    assert not passed(loose, strict=True)
