"""Reading the case book, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from vertice_bot.db.repos import cases
from vertice_bot.db.repos.cases import Book, Case
from vertice_bot.db.repos.queries import Queries

PAGE_SIZE = 8


@dataclass(frozen=True, slots=True)
class Page:
    """One page of cases, newest first; ``number`` counts from 1 and never leaves the book."""

    cases: tuple[Case, ...]
    number: int
    pages: int
    total: int


class CaseBook:
    """Answers questions about cases.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    store:
        The database.
    """

    def __init__(self, bot: str, store: Queries) -> None:
        self._bot = bot
        self._store = store

    async def page(self, guild_id: int, member_id: int | None, number: int) -> Page:
        """Return a page; a number outside the book gives the nearest page there is.

        Raises
        ------
        Unavailable
            The database is away.
        """
        book = Book(self._bot, guild_id, member_id)
        total = await cases.count(self._store, book)
        pages = max(1, -(-total // PAGE_SIZE))
        shown = min(max(1, number), pages)
        offset = (shown - 1) * PAGE_SIZE
        found = await cases.page(self._store, book, limit=PAGE_SIZE, offset=offset)
        return Page(tuple(found), shown, pages, total)
