"""Error answers in the shape that Google's clients read."""

from __future__ import annotations

from aiohttp import web

_REASONS: dict[int, tuple[str, str]] = {
    400: ("invalid", "The request is not valid."),
    401: ("authError", "The request has no valid access token."),
    403: ("notAuthorized", "The client is not authorized to make this request."),
    404: ("instanceDoesNotExist", "The Cloud SQL instance does not exist."),
    429: ("rateLimitExceeded", "Too many requests for this quota."),
    500: ("internalError", "An internal error occurred."),
    503: ("backendError", "The service is unavailable."),
}


def error_body(status: int, message: str | None = None) -> dict[str, object]:
    """Return ``{"error": {code, message, errors: [{reason, ...}]}}`` for an HTTP status."""
    reason, default = _REASONS[status]
    text = message or default
    detail = {"domain": "global", "reason": reason, "message": text}
    return {"error": {"code": status, "message": text, "errors": [detail]}}


def error_response(status: int, message: str | None = None) -> web.Response:
    """Return the error as an answer."""
    return web.json_response(error_body(status, message), status=status)
