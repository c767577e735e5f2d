"""What we sent comes back through the front door: out of the book into the landing, as pages like any others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from regulars.clock import Clock
from regulars.records.record import Stream
from regulars.sources.messages import JOURNEYS, RECEIPTS, REPLIES, SENT, MessagesSource
from regulars.sources.source import Page, State, Window
from regulars.storage.book.sent import Row, SentBook

SETTLES = timedelta(minutes=1)
"""What is younger is left for the next run: a transaction may still be under way that says when it was, but earlier."""

EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessages:
    """A source of messages with the book that it is read out of."""

    source: MessagesSource
    book: SentBook

    @property
    def name(self) -> str:
        """Return the source's name."""
        return self.source.name

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Return its streams."""
        return self.source.streams

    def pull(
        self, stream: Stream, *, cursor: State | None, resume: State | None, clock: Clock, window: Window | None = None
    ) -> Iterator[Page]:
        """Yield what was written down since the last pull; nothing when that is nothing."""
        del resume                           # a pull that was broken off begins anew: nothing of it is visible
        after = EVER if cursor is None else datetime.fromisoformat(str(cursor["until"]))
        until = clock.now() - SETTLES
        if window is not None:
            after, until = window
        streams = {
            SENT: self.book.sent, RECEIPTS: self.book.receipts, REPLIES: self.book.replies,
            JOURNEYS: self.book.journeys,
        }
        told = streams[stream.name]
        rows = None
        for following in told(after=after, until=until):
            if rows is not None:
                yield Page(items=_items(rows))
            rows = following
        if rows is not None:
            last = {"until": rows[-1]["moment"].isoformat()}
            yield Page(items=_items(rows), is_last=True, cursor=None if window is not None else last)


def _items(rows: list[Row]) -> tuple[bytes, ...]:
    return tuple(msgspec.json.encode({name: row[name] for name in row if name != "moment"}) for row in rows)
