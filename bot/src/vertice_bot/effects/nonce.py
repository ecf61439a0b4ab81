"""Nonces made from event ids, so that Discord drops the second copy of a message."""

from __future__ import annotations

MAX_LENGTH = 25
"""Discord's limit for a nonce; a snowflake takes 13 characters in base 36."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def nonce_for(event_id: int, index: int = 0) -> str:
    """Make the nonce of a message that an event causes.

    Parameters
    ----------
    event_id:
        Snowflake of the event: of a message, an interaction, an audit log entry, a timer.
    index:
        Which message of this event, from 0 to 1295.

    Returns
    -------
    str
        The same text in every replica for the same event and index.
    """
    if event_id < 0 or not 0 <= index < 36**2:
        raise ValueError("event_id must not be negative and index must be below 1296")
    nonce = f"{base36(event_id)}-{base36(index)}"
    if len(nonce) > MAX_LENGTH:
        raise ValueError("event_id is too large for a nonce")
    return nonce


def base36(value: int) -> str:
    """Write a number with the digits 0-9 and a-z."""
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
        if value == 0:
            return text
