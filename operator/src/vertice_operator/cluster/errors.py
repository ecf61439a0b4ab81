"""What can go wrong with a request, in the operator's own words.

The rest of the operator never sees an HTTP status. Two questions decide everything: may the same
request succeed by itself later (``transient``), and what should a person read.
"""

import json
from typing import Any

_NO_SUCH_FIELD = "failed to create typed patch object"
"""How the server refuses an apply with an unknown field: with a 500, though it is ours to mend."""


class ClusterError(Exception):
    """A request to the API server failed.

    ``transient`` tells the retry policy whether the fault is expected to end by itself.
    """

    transient = True

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class TransportError(ClusterError):
    """No usable answer: connection refused, time-out, 429, 5xx, 401."""


class ConflictError(ClusterError):
    """Somebody else changed or replaced the object first; read again and decide again."""


class ExpiredError(ClusterError):
    """A paged list outlived the server's cache (410); start it over."""


class NotFoundError(ClusterError):
    """The object does not exist."""

    transient = False


class KindMissingError(NotFoundError):
    """The API server does not know this kind: its CRD is not installed."""


class ForbiddenError(ClusterError):
    """The API server refused: missing right, admission policy, terminating namespace."""

    transient = False


class QuotaExceededError(ForbiddenError):
    """A ResourceQuota or LimitRange of the namespace refuses the object."""


class InvalidError(ClusterError):
    """The object breaks the schema or a rule; ``fields`` holds the paths that are to blame."""

    transient = False

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class NotLeaderError(ClusterError):
    """The leader Lease is no longer surely ours, so nothing may be written."""


def from_response(status: int, body: bytes, retry_after: str | None = None) -> ClusterError:
    """Translate an HTTP error answer of the API server.

    Parameters
    ----------
    status
        HTTP status, 400 or above.
    body
        The answer; a ``Status`` object, or plain text where no handler exists for the path.
    retry_after
        The header of that name, in seconds.
    """
    document = _status_document(body)
    message = str(document.get("message") or body[:300].decode(errors="replace").strip())
    message = message or f"HTTP {status}"
    if status == 404:
        return NotFoundError(message) if document.get("details") else KindMissingError(message)
    if status == 409:
        return ConflictError(message)
    if status == 410:
        return ExpiredError(message)
    if status == 403:
        quota = "exceeded quota" in message or "LimitRange" in message or "usage per" in message
        return QuotaExceededError(message) if quota else ForbiddenError(message)
    fields = _fields(document)
    if status == 422 and "metadata.uid" in fields:
        return ConflictError(message)  # the guard of a write: it is another object by now
    if status in (400, 405, 413, 415, 422) or (status == 500 and _NO_SUCH_FIELD in message):
        return InvalidError(message, fields)
    return TransportError(f"{status}: {message}", _seconds(retry_after))


def _status_document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _fields(document: dict[str, Any]) -> tuple[str, ...]:
    causes = (document.get("details") or {}).get("causes") or []
    return tuple(str(cause["field"]) for cause in causes if cause.get("field"))


def _seconds(header: str | None) -> float:
    return float(header) if header and header.isdigit() else 0.0
