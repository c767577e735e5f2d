"""Who is never written to, whatever the ledger says: kept by a salted hash, so the list holds no address.

A suppression outlives the customer: one who was erased and comes back with the next import stays unwritten to.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from regulars.consent.channel import Channel
from regulars.later import pa, pc

Reason = Literal["bounced", "complained", "do not contact", "erased", "under review", "wrong number"]

REASONS: tuple[Reason, ...] = ("bounced", "complained", "do not contact", "erased", "under review", "wrong number")

SUPPRESSIONS = {
    "channel": "string", "address_hash": "string", "reason": "string", "source": "string", "since": "timestamp",
    "lifted_at": "timestamp",
}
"""One row a channel, address and reason; in force while lifted_at is missing. Moments UTC."""


_BLOCK = 64                                  # bytes that SHA-256 takes at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One reason not to write to an address."""

    channel: Channel
    address_hash: str
    reason: Reason
    source: str                              # who says so
    since: datetime
    lifted_at: datetime | None = None

    def is_in_force(self, at: datetime) -> bool:
        """Return whether it counts at a moment."""
        return self.since <= at and (self.lifted_at is None or self.lifted_at > at)


def address_hash(address: str, *, channel: Channel, salt: bytes) -> str:
    """Return the hash of an address in its canonical spelling: HMAC-SHA256, 64 hexadecimal digits.

    The salt is secret: without it a list of all phone numbers would undo the hashes within the hour.
    """
    return hmac.digest(salt, f"{channel}\0{address}".encode(), "sha256").hex()


def address_hashes(addresses: pa.Array | pa.ChunkedArray, *, channel: Channel, salt: bytes) -> pa.Array:
    """Return the hashes of a column of addresses, once per distinct one; null where there is none."""
    column = addresses.combine_chunks() if isinstance(addresses, pa.ChunkedArray) else addresses
    distinct = pc.unique(column).drop_null()
    hashes = pa.array(_hashes(distinct.to_pylist(), channel=channel, salt=salt), pa.string())
    return hashes if distinct.equals(column) else pc.take(hashes, pc.index_in(column, distinct))


def _hashes(addresses: Iterable[str], *, channel: Channel, salt: bytes) -> list[str]:
    """Return what `address_hash` gives of each, in a third of the time: what all share is digested once.

    Source: RFC 2104, section 4, which says so of HMAC.
    """
    key = (salt if len(salt) <= _BLOCK else hashlib.sha256(salt).digest()).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + f"{channel}\0".encode())
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
    hashes = []
    for address in addresses:
        within, around = inner.copy(), outer.copy()
        within.update(address.encode())
        around.update(within.digest())
        hashes.append(around.hexdigest())
    return hashes
