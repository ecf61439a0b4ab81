"""What other programs said, made fit for a status: short, one line, and the same each time.

A status is stored with every change, so a text in it may neither grow without bound nor change
while nothing happens: source ports, back-off times and pod uids differ from one try to the next.
"""

import re

LONGEST_MESSAGE = 1024
"""Bytes of a condition's message."""
LONGEST_CHILD_MESSAGE = 256
"""Bytes of the message of one child; the condition that it belongs to says it in full."""

_ELLIPSIS = "..."
_TICKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+->"), ""),
    (re.compile(r"back-off (?:\d+[hms])+ "), "back-off "),
    (re.compile(r'^Back-off pulling image "[^"]*": (?=.)'), ""),
    (re.compile(r"^(?:ErrImagePull|ImagePullBackOff): (?=.)"), ""),
    (re.compile(r"\([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\)"), ""),
)
"""What changes by itself in the messages of the kubelet and the container runtime."""


def clip(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Shorten ``text`` to ``limit`` bytes, as it will be stored.

    Counted as JSON in UTF-8, where a quote costs two. A text that was cut ends with three dots.
    Control characters become blanks, and halves of a surrogate pair, which no JSON can carry,
    question marks.
    """
    clean = text.encode("utf-8", "replace").decode()
    clean = "".join(" " if ord(each) < 32 or ord(each) == 127 else each for each in clean)
    if _cost(clean) <= limit:
        return clean
    left, kept = limit - len(_ELLIPSIS), 0
    for each in clean:
        left -= _cost(each)
        if left < 0:
            break
        kept += 1
    return clean[:kept].rstrip() + _ELLIPSIS


def sentence(text: str, limit: int = 400) -> str:
    """Give what another program said as one sentence, without what changes by itself."""
    line = " ".join(text.split())
    for pattern, instead in _TICKS:
        line = pattern.sub(instead, line)
    line = clip(line.strip(), limit)
    return line if not line or line.endswith((".", "!", "?")) else f"{line}."


def _cost(text: str) -> int:
    return len(text.encode()) + sum(text.count(each) for each in '"\\')
