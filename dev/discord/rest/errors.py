"""Errors in Discord's own words and numbers (docs, topics/opcodes-and-status-codes)."""

from __future__ import annotations

from dev.discord.wire import Json


class ApiError(Exception):
    """An error answer.

    Parameters
    ----------
    status
        HTTP status.
    code
        Discord's JSON error code.
    message
        Discord's text for it.
    errors
        Field errors of an invalid form (code 50035).
    """

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


def unauthorized() -> ApiError:
    """The token is wrong: stop, every further request counts as invalid."""
    return ApiError(401, 0, "401: Unauthorized")


def missing_access() -> ApiError:
    """The bot cannot even see it."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """The bot sees it, but may not do that."""
    return ApiError(403, 50013, "Missing Permissions")


def unknown(code: int, what: str) -> ApiError:
    """It does not exist, or no longer."""
    return ApiError(404, code, f"Unknown {what}")


def invalid_form(field: str, code: str, message: str) -> ApiError:
    """A field of the body is not acceptable."""
    errors = {field: {"_errors": [{"code": code, "message": message}]}}
    return ApiError(400, 50035, "Invalid Form Body", errors)
