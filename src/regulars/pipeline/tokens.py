"""Tokens that vendors rotate: kept sealed in the book, saved before the new one is used."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.clock import Clock
from regulars.errors import StoreError
from regulars.storage.book import Book


@dataclass(slots=True)
class BookTokens:
    """A token store for sources, which are declared before the book is open; `book` is set once it is."""

    clock: Clock
    book: Book | None = None

    def load(self, name: str) -> str | None:
        """Return the token last saved under that name, or None."""
        return self._opened().sealed.unseal(name)

    def save(self, name: str, token: str) -> None:
        """Keep a token: when this returns it is on disk."""
        self._opened().sealed.seal(name, token, at=self.clock.now())

    def _opened(self) -> Book:
        if self.book is None:
            raise StoreError("the book is not open", hint="tokens are kept in it: open the workspace first")
        return self.book
