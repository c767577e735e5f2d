"""Purged: messages of a door that are to go, found in every store and taken out of the landing, however late."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir

from regulars.pipeline.pull import rejects_of
from regulars.pipeline.read import records_of
from regulars.pipeline.workspace import Workspace
from regulars.records import purged
from regulars.records.border import Bench
from regulars.records.purged import Wanted
from regulars.records.record import Stream
from regulars.sources.door import EVENTS as MESSAGES
from regulars.sources.door import DoorSource
from regulars.sources.source import Source
from regulars.storage.book.pages import Segment
from regulars.storage.book.purges import LANDING, Purge
from regulars.storage.landing import ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is meant of one segment."""

    segment: Segment
    rows: int
    gone: int                                # of them, those that go whole; the others say less than before


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is meant of one stream of the landing."""

    stream: str                              # `events`, or `events.rejects` for what was set aside
    parts: tuple[Part, ...]                  # segments that hold any

    @property
    def rows(self) -> int:
        """Return how many rows are meant."""
        return sum(part.rows for part in self.parts)


def messages_of(source: Source) -> Stream:
    """Return the stream of a door that holds its messages."""
    return next(stream for stream in source.streams if stream.name == MESSAGES)


def landed(workspace: Workspace, source: Source, wanted: Wanted, *, after_seq: int = 0) -> list[Found]:
    """Return what is meant of the landing of a door behind a number, stream by stream; none where nothing is."""
    found = []
    for stream in _streams(source):
        landing = workspace.landing.rows(source.name, stream, after_seq=after_seq)
        with workspace.stores.border.bench() as bench:
            changed = _changed(stream, landing, wanted, bench)
            counts = bench.fetch(
                changed.group_by("seq").agg(rows=changed.count(), gone=changed.payload.isnull().sum())
            ).to_pylist()
        parts = []
        for segment in workspace.book.pages.segments(source.name, stream, after_seq=after_seq):
            mine = [row for row in counts if segment.first_seq <= row["seq"] <= segment.seq]
            if mine:
                rows, gone = (sum(row[name] for row in mine) for name in ("rows", "gone"))
                parts.append(Part(segment=segment, rows=rows, gone=gone))
        found.append(Found(stream=stream, parts=tuple(parts)))
    return [one for one in found if one.parts]


def waiting(workspace: Workspace, source: Source, wanted: Wanted) -> int:
    """Return how many messages are meant that the door took and nobody has landed yet."""
    journals = sorted(workspace.project.config.door.folder.glob(f"*/{source.name}.stored.ndjson"))
    if not journals:
        return 0
    with workspace.stores.border.bench() as bench:
        lines = bench.select(
            "select 0::bigint as seq, null::varchar as set_id, null::timestamp as recorded_at, null::varchar as file, "
            "n as line, payload from lines", ROWS, lines=workspace.stores.border.lines(journals),
        )
        return count(purged.messages(lines, wanted, bench=bench), bench)


def meant(stream: Stream, records: ir.Table, wanted: Wanted, bench: Bench) -> ir.Table:
    """Return the keys of the records of a door's messages that are meant: `purged.KEYS`."""
    fields = purged.touched(stream.fields, wanted.path) if wanted.path is not None else {}
    there = {name: field for name, field in fields.items() if name in records.columns}
    return purged.records(records, wanted, there, bench=bench)


def recorded(workspace: Workspace, source: Source, wanted: Wanted) -> dict[str, int]:
    """Return how many records of a door are meant in every version of its table that is kept."""
    stream, lake = messages_of(source), workspace.lake.on(workspace.stores.border)
    name, found = records_of(stream), dict[str, int]()
    for version in lake.versions(name):
        with workspace.stores.border.bench() as bench:
            keys = meant(stream, lake.table(name, version=version.number), wanted, bench)
            found[f"{name} {version.number}"] = count(keys, bench)
    return found


def strike(workspace: Workspace, purge: Purge, source: Source, *, after_seq: int = 0) -> int:
    """Write the landing of a door anew behind a number without what a purge means; return how many rows it was.

    Each segment is counted in the proof by the transaction that replaces it: killed anywhere, every row counts once.
    """
    found = landed(workspace, source, purge.wanted, after_seq=after_seq)
    for one in found:
        for part in one.parts:
            segment, facts = part.segment, {"rows": part.rows, "gone": part.gone, "segments": 1}
            proof = workspace.book.purges.proving(purge.purge_id, f"{LANDING}{source.name}.{one.stream}", facts)
            held = workspace.landing.rows(
                source.name, one.stream, after_seq=max(segment.first_seq - 1, after_seq), until_seq=segment.seq
            )
            with workspace.stores.border.bench() as bench:
                changed = bench.keep(_changed(one.stream, held, purge.wanted, bench))
                workspace.landing.withdraw(segment, changed, proof=proof)
    return sum(one.rows for one in found)


def strike_late(workspace: Workspace, source: Source) -> int:
    """Take what was purged out of what landed since a door was last read; return how many rows it was."""
    purges = workspace.book.purges.listed(source.name) if isinstance(source, DoorSource) else []
    if not purges:
        return 0
    covered = min(int(workspace.lake.meta(records_of(stream)).get("seq", 0)) for stream in source.streams)
    return sum(strike(workspace, purge, source, after_seq=covered) for purge in purges)


def count(rows: ir.Table, bench: Bench) -> int:
    """Return how many rows an expression of the border has."""
    return int(bench.fetch(rows.agg(n=rows.count()))["n"][0].as_py())


def _streams(source: Source) -> tuple[str, str]:
    stream = messages_of(source)
    return stream.name, rejects_of(stream)


def _changed(stream: str, rows: ir.Table, wanted: Wanted, bench: Bench) -> ir.Table:
    find = purged.messages if stream == MESSAGES else purged.rejects
    return find(rows, wanted, bench=bench)
