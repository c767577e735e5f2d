"""Access: keys for programs that ask over HTTP; made, shown once, and known again."""

from __future__ import annotations

from datetime import datetime, timedelta

from regulars.pipeline.secret import is_kept, minted, public_id
from regulars.storage.book import Book
from regulars.storage.book.api_keys import ApiKey, Scope

PREFIX = "rk_"
"""What every key begins with, so that scanners of source code can find one that was left there."""


def new_key(
    book: Book, name: str, *, scope: Scope, by: str, at: datetime, lasts: timedelta | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with the text that a program shows; that text is kept nowhere.

    Raises RegularsError when two keys of this name are valid already.
    """
    secret = minted(PREFIX)
    key = ApiKey(
        key_id=secret.public_id, name=name, scope=scope, made_at=at, made_by=by,
        expires_at=None if lasts is None else at + lasts,
    )
    book.keys.add(key, secret_hash=secret.kept)
    return key, secret.shown


def known_key(book: Book, shown: str, *, at: datetime) -> ApiKey | None:
    """Return the key that a text is; None for one that is unknown, expired or revoked."""
    key, kept = book.keys.find(public_id(shown, prefix=PREFIX)) or (None, None)
    is_right = is_kept(shown, kept, prefix=PREFIX)
    return key if key is not None and is_right and key.is_valid(at) else None
