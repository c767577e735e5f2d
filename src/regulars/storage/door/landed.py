"""Journals become segments of the landing: read from then on like what any other stream brought."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from regulars.clock import Clock
from regulars.sources.door import EVENTS
from regulars.sources.webhook.line import MARK, read_delivery
from regulars.storage.book.landing_book import Landings
from regulars.storage.door.generation import Generation, Key, Outcome
from regulars.storage.door.journal import Journal
from regulars.storage.files import FileStore
from regulars.storage.segment_name import LINES, segment_name

STREAM = EVENTS
"""The stream of a source that takes arrivals: all its messages, whatever their type."""

REJECTS = f"{STREAM}.rejects"
"""The stream of what was no good message; reading puts it into the quarantine."""

_AT_ONCE = 1 << 18
"""Bytes that are looked at, and whose deliveries are queued, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalLanding:
    """Where arrivals land. Light: needs the landing's files and the book, and no engine."""

    files: FileStore
    book: Landings
    clock: Clock

    def land(self, generation: Generation) -> None:
        """Make a generation's journals visible; done twice it equals done once. Raises StoreError, OSError."""
        # An answer lands behind what it answers, for the newest word about a row of the quarantine stands.
        for (source, outcome), journal in sorted(generation.journals.items(), key=_order):
            stream = {"stored": STREAM, "quarantined": REJECTS, "answered": REJECTS}.get(outcome)
            if stream is not None and journal.lines:
                # Queued first: what is landed is forgotten by the door, so nothing else would hand it on.
                self._queue(generation, source, outcome)
                self._land(journal.path, f"{generation.name}.{source}.{outcome}", source, stream, journal.lines)

    def queue(self, generation: Generation) -> None:
        """Put the deliveries of a generation into the queue, before it is landed; done twice it equals done once."""
        for source, outcome in generation.journals:
            self._queue(generation, source, outcome)

    def _queue(self, generation: Generation, source: str, outcome: Outcome) -> None:
        if outcome != "stored" or source not in generation.deliver:
            return
        with generation.journals[source, outcome].path.open("rb") as file:
            # To look for the mark costs a hundredth of reading every line.
            while data := file.read(_AT_ONCE) + file.readline():
                marked = [line for line in data.split(b"\n") if MARK in line] if MARK in data else []
                self.book.webhooks.add(source, [one for one in map(read_delivery, marked) if one is not None])

    def _land(self, path: Path, set_id: str, source: str, stream: str, rows: int) -> None:
        if self.book.pages.is_committed(set_id):
            return
        now = self.clock.now()
        name = segment_name(self.book.tenant, source, stream, day=now.date(), what="door", ending=LINES)
        # In the book before it is a file: then no run that tidies up takes it for something nobody knows.
        self.book.pages.stage_page(
            set_id, source=source, stream=stream, page=0, segment=name, rows=rows, resume=None, at=now
        )
        local = self.files.scratch() / path.name
        _linked(path, local)
        self.files.publish(local, name)
        self.book.pages.commit_set(set_id, cursor=None, is_complete=False, recorded_at=now, run_id=None)


def _order(item: tuple[Key, Journal]) -> tuple[str, int]:
    source, outcome = item[0]
    return source, ("quarantined", "answered", "blocked", "duplicate", "stored").index(outcome)


def _linked(path: Path, to: Path) -> None:
    """Give a file a second name where that is possible, else copy it: the journal stays until all is settled."""
    try:
        os.link(path, to)
    except OSError:
        shutil.copyfile(path, to)
