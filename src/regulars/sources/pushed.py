"""Pushed: a source that is never asked, because what there is comes by itself or lies in the book."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from regulars.clock import Clock
from regulars.records.record import Stream

if TYPE_CHECKING:
    from regulars.sources.source import Page, State, Window


class Pushed:
    """What sources that are never asked have in common."""

    __slots__ = ()

    def pull(
        self, stream: Stream, *, cursor: State | None, resume: State | None, clock: Clock, window: Window | None = None
    ) -> Iterator[Page]:
        """Yield nothing: there is nobody to ask."""
        del stream, cursor, resume, clock, window
        yield from ()
