from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.decide.diff import first_difference

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)
DOCUMENT = st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=5)


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(containers)}}


CASES = [
    pytest.param({"a": 1}, {"a": 1, "b": 2}, None, id="what others added"),
    pytest.param({"a": 1}, {"a": 2}, "a: 2 instead of 1", id="changed"),
    pytest.param({"a": {"b": 1}}, {"a": {}}, "a.b: nothing instead of 1", id="removed"),
    pytest.param({"a": True}, {"a": 1}, "a: 1 instead of True", id="a bool is no number"),
    pytest.param({"a": {}}, {}, None, id="empty map and absent"),
    pytest.param({"a": []}, {}, None, id="empty list and absent"),
    pytest.param({"a": []}, {"a": [1]}, "a: 1 entries instead of 0", id="emptied list"),
    pytest.param({"a": ["x"]}, {"a": ["x", "y"]}, "a: 2 entries instead of 1", id="atomic"),
    pytest.param(
        pod({"name": "bot", "image": "a:2"}),
        pod({"name": "injected"}, {"name": "bot", "image": "a:1", "stdin": False}),
        "spec.containers[bot].image: 'a:1' instead of 'a:2'",
        id="by name, whatever was injected",
    ),
    pytest.param(
        pod({"name": "bot"}), pod({"name": "x"}), "spec.containers[bot]", id="container removed"
    ),
    pytest.param(
        {"resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}},
        {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}},
        None,
        id="same quantity",
    ),
    pytest.param(
        {"resources": {"limits": {"memory": "512Mi"}}},
        {"resources": {"limits": {"memory": "1Gi"}}},
        "resources.limits.memory: '1Gi' instead of '512Mi'",
        id="another quantity",
    ),
    pytest.param(
        pod({"name": "b", "env": [{"name": "A", "value": "1"}]}),
        pod({"name": "b", "env": [{"name": "A", "value": "1.0"}]}),
        "spec.containers[b].env[A].value: '1.0' instead of '1'",
        id="only quantities are compared as such",
    ),
    pytest.param(
        {"spec": {"ports": [{"port": 9090, "protocol": "TCP", "name": "m"}]}},
        {"spec": {"ports": [{"port": 1}, {"port": 9090, "name": "m", "protocol": "TCP"}]}},
        None,
        id="service ports by number",
    ),
]


@pytest.mark.parametrize(("wanted", "live", "expected"), CASES)
def test_first_difference(wanted: Any, live: Any, expected: str | None) -> None:
    found = first_difference(wanted, live)
    assert found == expected or (expected is not None and found and found.startswith(expected))


@given(DOCUMENT)
def test_an_object_has_no_difference_from_itself(document: dict[str, Any]) -> None:
    assert first_difference(document, document) is None


@given(DOCUMENT, DOCUMENT)
def test_what_others_add_is_theirs(document: dict[str, Any], added: dict[str, Any]) -> None:
    assert first_difference(document, {**added, **document}) is None


@given(DOCUMENT, st.data())
def test_every_changed_leaf_is_seen(document: dict[str, Any], data: st.DataObject) -> None:
    paths = list(_leaves(document, ()))
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    found = first_difference(document, _without(document, path))
    assert found is not None


def _leaves(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*path, place))
    else:
        yield path


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return "a value that no test document has"
    if isinstance(value, dict):
        return {key: _without(v, path[1:]) if key == path[0] else v for key, v in value.items()}
    return [_without(v, path[1:]) if n == path[0] else v for n, v in enumerate(value)]


def test_zeros_that_the_server_leaves_out_are_no_difference() -> None:
    """Otherwise such a bot would be applied anew at each look."""
    assert first_difference({"spec": {"minReadySeconds": 0}}, {"spec": {}}) is None
    assert first_difference({"spec": {"minReadySeconds": 0}}, {"spec": {"minReadySeconds": 9}})
    assert first_difference({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}) is None
    assert first_difference({"automountServiceAccountToken": False}, {}), "not set means true"
    assert first_difference({"replicas": 0}, {}), "not set means 1"
