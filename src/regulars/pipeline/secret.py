"""Secrets that are shown once and known again: a public id to find them by, and a hash that nothing can be made of."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

_NOBODYS = sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A new secret."""

    public_id: str
    shown: str                               # to whoever keeps it, and kept nowhere
    kept: str                                # hash of the secret part


def minted(prefix: str = "") -> Secret:
    """Return a new secret: 256 random bits, so that a plain hash cannot be guessed back."""
    public_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return Secret(public_id=public_id, shown=f"{prefix}{public_id}_{secret}", kept=_hashed(secret))


def public_id(shown: str, *, prefix: str = "") -> str:
    """Return the id by which to look for a text that is shown; no id at all for a text of another kind."""
    found = shown.removeprefix(prefix).partition("_")[0] if shown.startswith(prefix) else ""
    return found if found.isascii() and found.isalnum() else ""      # no store is asked for what it cannot keep


def is_kept(shown: str, kept: str | None, *, prefix: str = "") -> bool:
    """Return whether a text is the one that was kept; None is nobody's.

    Compared whole, and also when there is nothing to compare with: the time tells nothing of either.
    """
    secret = shown.removeprefix(prefix).partition("_")[2]
    return hmac.compare_digest(_hashed(secret), kept or _NOBODYS) and kept is not None


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
