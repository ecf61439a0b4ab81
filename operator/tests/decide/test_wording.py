import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertice_operator.decide.wording import clip, sentence

TEXTS = st.text(st.characters(exclude_categories=()), max_size=400)


@given(TEXTS, st.integers(8, 300))
@settings(deadline=None)
def test_a_clipped_text_has_at_most_its_bytes_as_json(text: str, limit: int) -> None:
    short = clip(text, limit)
    stored = json.dumps(short, ensure_ascii=False).encode()
    assert len(stored) - 2 <= limit
    assert clip(short, limit) == short
    assert "\n" not in short


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100))
@settings(deadline=None)
def test_what_fits_stays_as_it_is(text: str) -> None:
    assert clip(text, 200) == text


def test_a_cut_is_shown() -> None:
    assert clip("crème " * 10, 20) == "crème crème cr..."
    assert clip('"' * 10, 11) == '""""...'
    assert clip("half \ud83c of a pair") == "half ? of a pair"


UID = "-0000-4000-8000-0123456789ab"
SAME = [
    (
        "dial tcp 10.1.2.3:45678->34.1.2.3:443: connect: connection refused",
        "dial tcp 10.1.2.3:1234->34.1.2.3:443: connect: connection refused",
    ),
    (
        f"back-off 20s restarting failed container=bot pod=my-bot-1(0c1d2e3f{UID})",
        f"back-off 2m40s restarting failed container=bot pod=my-bot-1(ffffffff{UID})",
    ),
    ("read [fd00::1]:3456->[fd00::2]:443: EOF", "read [fd00::1]:99->[fd00::2]:443: EOF"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_changes_by_itself_is_left_out(one: str, other: str) -> None:
    assert one != other
    assert sentence(one) == sentence(other)


def test_what_tells_something_stays() -> None:
    text = "0/2 nodes are available: 2 Insufficient memory"
    assert sentence(text) == f"{text}."
    assert sentence("Back-off pulling image x:1") == "Back-off pulling image x:1."
    assert "10.96.0.10:53" in sentence("lookup registry on 10.96.0.10:53: no such host")
