"""Who is never written to, whatever the ledger says: kept by a salted hash, so the list holds no address.

A suppression outlives the customer: one who was erased and comes back with the next import stays unwritten to.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from regulars.consent.channel import Channel

Reason = Literal["bounced", "complained", "do not contact", "erased", "under review", "wrong number"]

REASONS: tuple[Reason, ...] = ("bounced", "complained", "do not contact", "erased", "under review", "wrong number")

SUPPRESSIONS = ibis.schema({
    "channel": "string", "address_hash": "string", "reason": "string", "source": "string", "since": "timestamp",
    "lifted_at": "timestamp",
})
"""One row a channel, address and reason; in force while lifted_at is missing. Moments UTC."""


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
    hashes = pa.array(
        [address_hash(address, channel=channel, salt=salt) for address in distinct.to_pylist()], pa.string()
    )
    return pc.take(hashes, pc.index_in(column, distinct))
