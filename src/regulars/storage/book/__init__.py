"""The operational database: what was decided and done, and which files the other two stores consist of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.storage.book.book import Book

__all__ = ["Book"]


def __getattr__(name: str) -> object:
    # Found when it is asked for: who needs a part of the book, as the door alone does, is spared the other thirty.
    if name != "Book":
        raise AttributeError(name)
    from regulars.storage.book.book import Book  # noqa: PLC0415  see above

    return Book
