"""Order of resourceVersions."""

import pytest

from vertice_operator.cluster.versions import newer, ordinal


@pytest.mark.parametrize(
    ("version", "known", "after"),
    [
        ("10", "9", True),
        ("9", "10", False),
        ("9", "9", False),
        ("b", "a", True),
        ("a", "a", False),
        ("9", "a", True),
    ],
)
def test_newer(version: str, known: str, after: bool) -> None:
    assert newer(version, known) is after


def test_texts_without_an_order_are_not_newer_where_that_must_be_sure() -> None:
    assert not newer("b", "a", unordered=False)
    assert newer("10", "9", unordered=False)


def test_ordinal() -> None:
    assert max(["9", "10", ""], key=ordinal) == "10"
