"""The part of a connection that the repositories use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[str, Any]
"""One row; its columns are read by name."""


class Queries(Protocol):
    """A connection, a transaction's connection or a pool: what runs queries of SQL.

    Each raises ``Unavailable`` or the driver's error when the database is away.
    """

    async def fetch(self, query: str, *args: Any) -> Sequence[Row]:
        """Return all rows."""

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        """Return the first row, or None."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Return the first column of the first row, or None."""
