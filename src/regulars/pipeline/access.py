"""Access: keys for programs that ask over HTTP; made, shown once, and known again."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from regulars.storage.book import Book
from regulars.storage.book.api_keys import ApiKey, Scope

PREFIX = "rk_"
"""What every key begins with, so that scanners of source code can find one that was left there."""

_NOBODYS = sha256(b"").hexdigest()


def new_key(
    book: Book, name: str, *, scope: Scope, by: str, at: datetime, lasts: timedelta | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with the text that a program shows; that text is kept nowhere.

    Raises RegularsError when two keys of this name are valid already.
    """
    key = ApiKey(
        key_id=secrets.token_hex(6), name=name, scope=scope, made_at=at, made_by=by,
        expires_at=None if lasts is None else at + lasts,
    )
    secret = secrets.token_urlsafe(32)       # 256 random bits: a plain hash cannot be guessed back
    book.keys.add(key, secret_hash=_hashed(secret))
    return key, f"{PREFIX}{key.key_id}_{secret}"


def known_key(book: Book, shown: str, *, at: datetime) -> ApiKey | None:
    """Return the key that a text is; None for one that is unknown, expired or revoked."""
    key_id, _, secret = shown.removeprefix(PREFIX).partition("_")
    found = book.keys.find(key_id) if shown.startswith(PREFIX) else None
    key, kept = found or (None, _NOBODYS)
    # Compared whole, and also when there is no such key: the time tells nothing of either.
    is_right = hmac.compare_digest(_hashed(secret), kept)
    return key if key is not None and is_right and key.is_valid(at) else None


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
