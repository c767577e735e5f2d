"""A delivery as it came, and what its signature says of it."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

Verdict = Literal["genuine", "unsigned", "malformed", "stale", "forged", "keyless"]
"""Genuine, or why not: no signature, one that cannot be read, one of another time, a wrong one, no key to know by."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request of an outside system."""

    url: str                                 # the public one, with its query exactly as it came
    headers: Mapping[str, str]               # names in lower case
    body: bytes                              # exactly as it came

    @property
    def content_type(self) -> str:
        """Return the kind of body without its parameters, in lower case; "" when it is not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Verifies(Protocol):
    """How one scheme tells a genuine delivery."""

    def __call__(self, delivery: Delivery, *, secrets: Sequence[str], at: datetime, window: timedelta) -> Verdict:
        """Return whether a delivery is genuine; whatever it holds, nothing is raised.

        Args:
            delivery: As it came.
            secrets: Those that count now: while a key is changed, the old and the new one.
            at: Now, aware.
            window: How far the signed time may lie from now, either way; of schemes that sign one.

        """
        ...


def is_any(found: Iterable[str], expected: Iterable[str]) -> bool:
    """Return whether any text found is one of those expected; the time it takes tells nothing of either."""
    right = [text.encode() for text in expected]
    given = [text.encode(errors="replace") for text in found]
    return sum(hmac.compare_digest(one, other) for one in given for other in right) > 0


def judged(*, is_signed: bool, moment: datetime | None, at: datetime, window: timedelta) -> Verdict:
    """Return the verdict on a signature that was compared and says its moment."""
    if not is_signed:
        return "forged"
    return "genuine" if moment is not None and abs(at - moment) <= window else "stale"


def unix_moment(text: str, *, per_second: int = 1) -> datetime | None:
    """Return the moment that seconds (or parts of them) since 1970 say; None for what is no such number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    try:
        return _ZERO + timedelta(seconds=int(text) / per_second)
    except OverflowError:
        return None


def decoded(text: str) -> bytes | None:
    """Return the bytes that a text in base 64 says; None for one that is none, or empty."""
    try:
        return b64decode(text.encode(errors="replace"), validate=True) or None
    except binascii.Error:
        return None
