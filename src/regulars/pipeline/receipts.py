"""Receipts into the ledger of messages: what providers told, and what follows for the address it was of."""

from __future__ import annotations

from collections.abc import Sequence

from regulars.clock import Clock
from regulars.consent.suppression import Reason, Suppression, address_hash
from regulars.destinations.sender import News, Receipt
from regulars.pipeline.salt import salt_of
from regulars.storage.book import Book
from regulars.storage.book.receipts import Kept

ENDS: dict[str, Reason] = {"bounced": "bounced", "complained": "complained"}
"""Stages after which an address is not written to any more, and why."""


def take_into_ledger(book: Book, news: Sequence[News], *, clock: Clock) -> list[Kept]:
    """Write receipts down with the message they are of, and return those that were new.

    An address that bounced or complained is suppressed, whether or not the provider says which it was.
    """
    now = clock.now()
    kept = book.receipts.keep((one for one in news if isinstance(one, Receipt)), at=now)
    salt = salt_of(book, at=now)
    book.consent.suppress(
        Suppression(
            channel=one.channel, address_hash=address_hash(one.address, channel=one.channel, salt=salt),
            reason=ENDS[one.receipt.stage], source=one.receipt.provider, since=now,
        )
        for one in kept if one.receipt.stage in ENDS and one.address is not None and one.channel is not None
    )
    return kept
