"""The tail: what the door took and nobody has read yet, wherever it lies: in a journal, or landed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from regulars.storage.book.landing_book import Landings
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.storage.door.journal import Journal
from regulars.storage.door.landed import STREAM
from regulars.storage.files import FileStore
from regulars.storage.segment_name import LINES

MOST = 4 << 20
"""Bytes that are read at once, about ten thousand messages: the next ones wait no longer than these take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Whole lines of one source, in the order in which they were taken."""

    source: str
    data: bytes


@dataclass(slots=True, kw_only=True)
class Tail:
    """Reads along behind the door, in the door's own process. What is read is on disk, and is given out once.

    A generation is read from its journal while there is one, and from its segment of the landing, which is the same
    bytes, when it was landed before it was read to its end.
    """

    store: ArrivalStore
    book: Landings
    files: FileStore
    read: dict[str, int] = field(default_factory=dict)     # of each journal, by the name of its page set: bytes
    landed: dict[str, int] = field(default_factory=dict)   # of each source: the last segment that was looked at

    def since(self, source: str, seq: int) -> None:
        """Begin behind a segment of a source: what came before it is known. Nothing is known of other sources."""
        self.landed[source] = seq

    def again(self, source: str, seq: int) -> None:
        """Begin again behind a segment of a source, journals too: what is behind it comes once more."""
        self.read = {name: at for name, at in self.read.items() if f".{source}." not in name}
        self.since(source, seq)

    def pieces(self) -> Iterator[Piece]:
        """Yield what came since the last time, piece by piece."""
        # Segments last: what was landed while journals were read is found there.
        journals = list(self._journals())
        for name, source, journal in journals:
            yield from self._from_file(name, source, journal.path, end=journal.length)
        for source, seq in list(self.landed.items()):
            for segment in self.book.pages.segments(source, STREAM, after_seq=seq):
                if segment.set_id is not None and segment.name.endswith(LINES):
                    path = self.files.local(segment.name)
                    yield from self._from_file(segment.set_id, source, path, end=path.stat().st_size)
                self.landed[source] = segment.seq
        # A journal stays for a while after it was landed: until it is gone it is not to be read again.
        there = {name for name, _, _ in journals}
        self.read = {name: end for name, end in self.read.items() if name in there}

    def _journals(self) -> Iterable[tuple[str, str, Journal]]:
        current = self.store.current         # first: it may wait by the time that those are asked for
        for generation in (*self.store.waiting, current):
            for (source, outcome), journal in list(generation.journals.items()):
                if outcome == "stored" and source in self.landed:
                    yield f"{generation.name}.{source}.{outcome}", source, journal

    def _from_file(self, name: str, source: str, path: Path, *, end: int) -> Iterator[Piece]:
        begin = self.read.get(name, 0)
        try:
            with path.open("rb") as file:
                while begin < end:
                    file.seek(begin)
                    data = file.read(min(MOST, end - begin))
                    data = data[:data.rfind(b"\n") + 1]
                    if not data:
                        return               # a line longer than a piece: the door takes none
                    begin += len(data)
                    self.read[name] = begin
                    yield Piece(source=source, data=data)
        except FileNotFoundError:
            return                           # landed just now: it is found as a segment
