"""The operational database: what was decided and done, and which files the other two stores consist of."""

from regulars.storage.book.book import Book

__all__ = ["Book"]
