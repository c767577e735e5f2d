"""The landing: what came from outside, unchanged, in append-only segments that appear a whole page set at a time."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from regulars.clock import Clock, SystemClock
from regulars.storage.book import Book
from regulars.storage.book.pages import Segment, StagedSet, Within
from regulars.storage.engines.duckdb import DuckDBEngine, literal
from regulars.storage.files import FileStore
from regulars.storage.segment_name import COMPACTED, LINES, PAGE, segment_name

ITEMS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("payload", pa.string())])
"""A page out of files: which file and line (from 1) an item stood in, and its JSON text."""

ROWS = ibis.schema({
    "seq": "int64", "set_id": "string", "recorded_at": "timestamp(6)", "file": "string", "line": "int64",
    "payload": "string",
})
"""Landing rows: number of the segment, its set, when that was committed (UTC), file, line and the item's JSON text."""

CHANGED = pa.schema([("seq", pa.int64()), ("file", pa.string()), ("line", pa.int64()), ("payload", pa.string())])
"""Rows that are written anew: where each lies, and what it says from now on; null: it goes."""

UNREADABLE = "unreadable_base64"
"""Key of the JSON object that stands for an item that is not text: its bytes, so that nothing is lost."""

FEW = 8
"""Segments of one day that are left as they are; with more, reading them costs more than writing one.

Lines are never left: they take ten times the room.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Pages as they came, over any files and any book. Kept true by tests/conformance/test_landing.py.

    - A page is on disk before it is in the book, a set is visible whole or not at all, and with its cursor;
    - a killed pull finds its staged pages again (`staged`), and a page staged twice counts once;
    - items keep the bytes they came with; one that is not UTF-8 text is kept as `{"unreadable_base64": "..."}`, and
      line breaks between an item's JSON tokens become spaces;
    - items that are not JSON are rows like any other: judging them is not the landing's business;
    - compaction changes no row, number or order.
    """

    files: FileStore
    book: Book
    border: DuckDBEngine                     # reads what came, whatever the engine of the rest
    clock: Clock = SystemClock()  # noqa: RUF009  a frozen value without state

    def stage(
        self,
        set_id: str,
        *,
        source: str,
        stream: str,
        page: int,
        items: Sequence[bytes] | pa.Table,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        """Store a page of a set durably, invisible until `commit`.

        Args:
            set_id: Of this pull of this stream; the same on resuming.
            source: Whose stream it is.
            stream: Of which the items are records.
            page: Its number; pages become visible in the order of their numbers.
            items: One raw JSON text each, or a table of ITEMS.
            resume: What the connector needs to ask for the next page.

        Raises:
            StoreError: The set is committed already.

        """
        now = self.clock.now()
        name = None
        if len(items):
            ending = PAGE if isinstance(items, pa.Table) else LINES
            name = self._name(source, stream, now.date(), f"{page:06d}", ending)
            local = self.files.scratch() / Path(name).name
            if isinstance(items, pa.Table):
                pq.write_table(items.select(ITEMS.names).cast(ITEMS), local, compression="zstd")
            else:
                local.write_bytes(as_lines(items))
            self.files.publish(local, name)
        self.book.pages.stage_page(
            set_id, source=source, stream=stream, page=page, segment=name, rows=len(items), resume=resume, at=now
        )

    def staged(self, source: str, stream: str) -> StagedSet | None:
        """Return the set that a killed or failed pull left staged, to go on with its `next_page`."""
        return self.book.pages.staged_set(source, stream)

    def commit(
        self,
        set_id: str,
        *,
        cursor: Mapping[str, Any] | None = None,
        is_complete: bool,
        recorded_at: datetime | None = None,
        run_id: str | None = None,
    ) -> list[Segment]:
        """Make a set visible and move its stream's cursor, at once. Cursor None leaves the cursor.

        `is_complete` says that the set holds the whole stream, so that what it lacks is gone.
        """
        at = recorded_at or self.clock.now()
        return self.book.pages.commit_set(set_id, cursor=cursor, is_complete=is_complete, recorded_at=at, run_id=run_id)

    def discard(self, set_id: str) -> None:
        """Forget a staged set and its files."""
        for name in self.book.pages.discard_set(set_id):
            self.files.delete(name)

    def rows(self, source: str, stream: str, *, after_seq: int = 0, until_seq: int | None = None) -> ir.Table:
        """Return the visible items of a stream as ROWS, on the border engine; none when nothing came.

        `file` and `line` are those of the page; items of pages without files have no file and their position in the
        segment, from 1, as line.
        """
        found = self.book.pages.segments(source, stream, after_seq=after_seq, until_seq=until_seq)
        # Only a compacted segment can reach beyond the numbers asked for.
        bounds = [f"seq > {after_seq}"] if any(segment.first_seq <= after_seq for segment in found) else []
        if until_seq is not None and any(segment.seq > until_seq for segment in found):
            bounds.append(f"seq <= {until_seq}")
        return self._rows(found, bounds)

    def payloads(self, source: str, stream: str, *, at_once: int) -> Iterator[list[bytes]]:
        """Yield the visible items of a stream, oldest segment first, some at a time and no more in memory."""
        for segment in self.book.pages.segments(source, stream):
            path = self.files.local(segment.name)
            if segment.name.endswith(LINES):
                with path.open("rb") as file:
                    while lines := [line.removesuffix(b"\n") for line in islice(file, at_once)]:
                        yield lines
                continue
            for batch in pq.ParquetFile(path).iter_batches(batch_size=at_once, columns=["payload"]):
                yield batch.column(0).cast(pa.binary()).to_pylist()

    def compact(self, source: str, stream: str, *, before: date) -> int:
        """Join the segments of each day (UTC) before a date into one where it is worth it; return how many are gone."""
        days: dict[date, list[Segment]] = defaultdict(list)
        for segment in self.book.pages.segments(source, stream):
            if segment.recorded_at.date() < before:
                days[segment.recorded_at.date()].append(segment)
        return sum(self._join(day, found) for day, found in sorted(days.items()) if _is_worth_joining(found))

    def withdraw(self, segment: Segment, changed: ir.Table, *, proof: Within | None = None) -> None:
        """Write a segment anew without some of its rows and with other text in some; the others stay as they are.

        Nothing but this and `remove` takes away what came: it is for what must be forgotten. The old file goes last.
        `changed`: the border's, columns of CHANGED. `proof` is written in the transaction by which it is so.
        """
        with self.border.bench() as bench:
            query = f"""
                select {", ".join(f"held.{name}" for name in ROWS.names if name != "payload")},
                    case when changed.seq is null then held.payload else changed.payload end as payload
                from held left join changed on held.seq = changed.seq and held.line = changed.line
                    and held.file is not distinct from changed.file
                where changed.seq is null or changed.payload is not null"""
            kept = bench.select(query, ROWS, held=self._rows([segment]), changed=changed)
            written = self.border.put_by(kept, self.files.scratch(), order_by=("seq", "file", "line"))
        name = None
        if written:
            day = segment.recorded_at.date()
            name = self._name(segment.source, segment.stream, day, "kept", COMPACTED)
            self.files.publish(written[0].path, name)
        self.book.pages.withdraw_segment(segment, name=name, rows=sum(file.rows for file in written), proof=proof)
        self.files.delete(segment.name)

    def remove(self, segment: Segment) -> None:
        """Let go of a whole segment: of what is kept no longer. Its file is gone afterwards."""
        self.book.pages.withdraw_segment(segment, name=None, rows=0)
        self.files.delete(segment.name)

    def tidy(self) -> list[str]:
        """Remove files that a killed process left and nobody knows of; return their names.

        Call it only while holding the project's lease: a page that is being staged is not yet known either.
        """
        self.files.sweep()
        # Listed first: the door lands beside a run, and puts a name into the book before there is a file of it.
        listed = self.files.list(f"{self.book.tenant}/")
        known = self.book.pages.files()
        orphans = [name for name in listed if name not in known]
        for name in orphans:
            self.files.delete(name)
        return orphans

    def _join(self, day: date, found: Sequence[Segment]) -> int:
        rows = self._rows(found)
        written = self.border.put_by(rows, self.files.scratch(), order_by=("seq", "file", "line"))
        name = self._name(found[0].source, found[0].stream, day, "day", COMPACTED)
        self.files.publish(written[0].path, name)
        self.book.pages.replace_segments(found, name=name, rows=written[0].rows)
        for segment in found:
            self.files.delete(segment.name)
        return len(found) - 1

    def _rows(self, found: Sequence[Segment], bounds: Sequence[str] = ()) -> ir.Table:
        """Return the rows of segments as text for the border: compiling it takes no time, however many there are."""
        lines = [segment for segment in found if segment.name.endswith(LINES)]
        compacted = [segment for segment in found if segment.name.endswith(COMPACTED)]
        pages = [segment for segment in found if segment.name.endswith(PAGE) and segment not in compacted]
        parts = []
        if compacted:
            whole = self.border.parquet([self.files.local(s.name) for s in compacted], ROWS)
            parts.append(f"select {_COLUMNS} from ({self.border.sql(whole)})")
        if pages:
            parts.append(self._page_rows(pages))
        if lines:
            parts.append(self._line_rows(lines))
        if not parts:
            return self.border.parquet([], ROWS)
        where = f" where {' and '.join(bounds)}" if bounds else ""
        return self.border.text(f"select {_COLUMNS} from ({' union all '.join(parts)}){where}", ROWS)

    def _page_rows(self, found: Sequence[Segment]) -> str:
        paths = [self.files.local(segment.name) for segment in found]
        items = self.border.sql(self.border.parquet(paths, ibis.schema(ITEMS), file="name"))
        known = _known(found, [path.name for path in paths])
        return f"select {_COLUMNS} from ({items}) as items join {known} on items.name = known.place"

    def _line_rows(self, found: Sequence[Segment]) -> str:
        paths = [self.files.local(segment.name) for segment in found]
        items = self.border.sql(self.border.lines(paths))
        known = _known(found, [str(path) for path in paths])
        return (
            "select seq, set_id, recorded_at, null::varchar as file, n - lines_before as line, payload "
            f"from ({items}) as items join {known} on items.path = known.place"
        )

    def _name(self, source: str, stream: str, day: date, what: str, ending: str) -> str:
        return segment_name(self.book.tenant, source, stream, day=day, what=what, ending=ending)


_COLUMNS = ", ".join(ROWS.names)


def _known(found: Sequence[Segment], places: Sequence[str]) -> str:
    """Return what the book knows of each segment, as a table in SQL: place, seq, set_id, recorded_at, lines_before."""
    rows, before = [], 0
    for segment, place in zip(found, places, strict=True):
        at = segment.recorded_at.replace(tzinfo=None)
        told = (literal(place), segment.seq, literal(segment.set_id), f"timestamp '{at}'", before)
        rows.append(f"({', '.join(map(str, told))})")
        before += segment.rows
    return f"(values {', '.join(rows)}) as known(place, seq, set_id, recorded_at, lines_before)"


def _is_worth_joining(found: Sequence[Segment]) -> bool:
    return len(found) > FEW or any(segment.name.endswith(LINES) for segment in found)


def as_lines(items: Sequence[bytes]) -> bytes:
    """Return items one per line, in their own bytes unless these cannot stand in a line of text."""
    text = b"\n".join(items)
    # The whole page is looked at first: almost every one is clean, and then nothing is done item by item.
    if text.count(b"\n") != len(items) - 1 or b"\r" in text or b"\x01" in text or not all(items) or not _is_text(text):
        text = b"\n".join(_as_line(item) for item in items)
    return text + b"\n"


def _as_line(item: bytes) -> bytes:
    # Raw line breaks are legal in JSON only between tokens, where a space means the same.
    line = item.replace(b"\r", b" ").replace(b"\n", b" ")
    if line and b"\x01" not in line and _is_text(line):
        return line
    return f'{{"{UNREADABLE}": "{base64.b64encode(item).decode()}"}}'.encode()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
