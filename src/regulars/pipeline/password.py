"""Passwords: which will do, how one is kept (argon2id), and whether a text is one; wrong takes as long as unknown."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12                                # characters
LONGEST = 200                                # so that nobody's password is work for minutes

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""19 MiB and two passes, OWASP's recommendation for argon2id: a machine with two cores stays answerable."""

_PLAIN = ("password", "passwort", "contraseña", "qwerty", "letmein", "welcome", "123456", "abcdef", "regulars")


def complaint(password: str, *, email: str = "", name: str = "") -> str | None:
    """Return why a text will not do as somebody's password; None when it will.

    Long is what counts, so nothing is asked of its characters. Source: NIST SP 800-63B, section 5.1.1.
    """
    said = _normal(password)
    if len(said) < SHORTEST:
        return f"Use at least {SHORTEST} characters: three or four words are easy to remember."
    if len(said) > LONGEST:
        return f"Use at most {LONGEST} characters."
    folded = said.casefold()
    own = [part for part in (*email.casefold().replace("@", " ").split(), *name.casefold().split()) if len(part) > 3]
    rest = folded
    for word in (*own, *_PLAIN):
        rest = rest.replace(word, "")
    if len(set(rest)) < 5:
        return "Use something that is harder to guess: not your name, your address, or the same again and again."
    return None


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return _HASHER.hash(_normal(password))


def is_right(password: str, kept: str | None) -> bool:
    """Return whether a text is the password that was kept; None is nobody's, and takes as long."""
    try:
        # What is longer than any that is kept is wrong in any case, and not hashed as a whole.
        is_same = _HASHER.verify(kept or _nobodys(), _normal(password)[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return is_same and kept is not None


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made with other costs than a new one would be."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash("")


def _normal(password: str) -> str:
    # The same letters are the same password on every keyboard.
    return unicodedata.normalize("NFKC", password)
