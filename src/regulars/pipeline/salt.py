"""The secret that hashes of addresses are made with, in the book."""

from __future__ import annotations

import secrets
from datetime import datetime

from regulars.storage.book import Book

SALT = "consent.salt"
"""The sealed secret; made once, and never changed."""


def salt_of(book: Book, *, at: datetime) -> bytes:
    """Return the secret of a book; it is made when first asked for, and kept as of that moment."""
    return bytes.fromhex(book.sealed.seal_once(SALT, secrets.token_hex(32), at=at))
