"""The part of the book that arrivals need to land: it loads neither tables in memory nor an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from regulars.storage.book.database import TENANT, Database, connect
from regulars.storage.book.migrate import migrate
from regulars.storage.book.pages import PageBook
from regulars.storage.book.webhooks import WebhookBook


class Landings(Protocol):
    """A book, or this part of one."""

    @property
    def tenant(self) -> str:
        """Return whose it is."""
        ...

    @property
    def pages(self) -> PageBook:
        """Return page sets, segments, cursors."""
        ...

    @property
    def webhooks(self) -> WebhookBook:
        """Return what outside systems posted, until it is handed on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingBook:
    """One tenant's book, as far as arrivals are concerned."""

    database: Database
    pages: PageBook
    webhooks: WebhookBook

    @classmethod
    def open(cls, url: str, *, tenant: str = TENANT) -> LandingBook:
        """Open it as `Book.open` does, whose errors it raises."""
        database = Database(connect(url), tenant)
        migrate(database)
        return cls(database=database, pages=PageBook(database), webhooks=WebhookBook(database))

    @property
    def tenant(self) -> str:
        """Return whose it is."""
        return self.database.tenant
