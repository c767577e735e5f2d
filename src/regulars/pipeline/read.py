"""Read: what landed becomes typed records; what does not read goes to quarantine with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec

from regulars.errors import Overtaken
from regulars.events.currency import minor_digits
from regulars.pipeline.drifted import refuse_drift
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.workspace import Workspace
from regulars.records import quarantine, versions
from regulars.records.border import Bench, literal
from regulars.records.intake import Taken, take, typed_schema
from regulars.records.reading import Border
from regulars.records.record import Stream
from regulars.records.versions import Keyed
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.sources.source import Source

QUARANTINE = "quarantine"


def records_of(stream: Stream) -> str:
    """Return the name of the table that holds a stream's typed records."""
    return f"records.{stream.full_name}"


def read_source(workspace: Workspace, source: Source) -> Steps:
    """Read what landed since the last time, stream by stream."""
    rows_in = rows_out = refused = 0
    for number, stream in enumerate(source.streams, 1):
        read, kept, bad = read_stream(workspace, source, stream)
        read_rejects(workspace, stream, is_read=read > 0)
        rows_in, rows_out, refused = rows_in + read, rows_out + kept, refused + bad
        yield Checkpoint(done=number, total=len(source.streams), note=stream.name)
    note = f"{refused:,} quarantined: regulars quarantine" if refused else ""
    return Work(rows_in=rows_in, rows_out=rows_out, note=note, facts={"quarantined": refused})


def read_stream(workspace: Workspace, source: Source, stream: Stream) -> tuple[int, int, int]:
    """Read one stream's new landing rows; return rows read, records changed, records refused.

    The quarantine is written before the records, and the records say how far they reach: killed between the two, the
    same rows are read again and come to the same. A changed declaration reads everything again.
    """
    name, landed_as = records_of(stream), stream.parent or stream.name
    parent = next((other for other in source.streams if other.name == stream.parent), None)
    declared = digest(stream, parent)
    meta = workspace.lake.meta(name)
    is_anew = meta.get("declared") != declared
    covered = 0 if is_anew else int(meta["seq"])
    landed = workspace.book.pages.segments(source.name, landed_as, after_seq=covered)
    if not landed and not is_anew:
        return 0, 0, 0
    reaches = max((segment.seq for segment in landed), default=covered)
    note = {"declared": declared, "seq": reaches}
    with workspace.stores.border.bench() as bench:
        landing = workspace.landing.rows(source.name, landed_as, after_seq=covered, until_seq=reaches)
        current = None if is_anew else workspace.lake.on(workspace.stores.border).table(records_of(stream))
        keyed = versions.keyed(landing, parent or stream, bench=bench, current=current)
        keyed = _in_order(workspace, keyed, bench)
        if stream.parent is None:
            refuse_drift(workspace, keyed, bench=bench, is_anew=is_anew)
        taken = _taken(workspace, stream, parent, keyed, bench, is_anew=is_anew)
        _publish(workspace, stream, keyed, taken, bench, note=note, is_anew=is_anew)
    return keyed.rows, taken.kept, taken.refused


def _publish(
    workspace: Workspace, stream: Stream, keyed: Keyed, taken: Taken, bench: Bench, *, note: Mapping[str, object],
    is_anew: bool,
) -> None:
    name, lake = records_of(stream), workspace.lake.on(workspace.stores.border)
    if taken.changed:
        held = _held(workspace, stream, bench)
        answered = None if held is None else bench.select(
            "select distinct source, stream, record_key, reason from held semi join touched using (record_key)",
            _ROW, held=held, touched=taken.touched,
        )
        bad = bench.keep(taken.bad) if taken.refused else None
        quarantine_rows(workspace, bad, answered=answered)
    if is_anew:
        lake.replace(
            name, taken.good, order_by=("record_key",), meta=note, shrink_guard=stream.shrink_guard,
            allow_shrink=workspace.allow_shrink,
        )
        return
    # Only a child's record may be replaced by nothing; the others' keys are in what replaces them.
    gone = [taken.replaced] if stream.parent is not None else []
    if keyed.stream.mode != "append" or "file" in keyed.stream.key:
        gone.append(versions.gone(keyed, lake.table(name), bench=bench))
    every = " union all ".join(f"select record_key from gone{n}" for n in range(len(gone)))
    tables = {f"gone{n}": table for n, table in enumerate(gone)}
    lake.merge(
        name, taken.good, key=("record_key",), gone=bench.select(every, versions.KEYS, **tables) if gone else None,
        meta=note, shrink_guard=stream.shrink_guard, allow_shrink=workspace.allow_shrink,
    )


def read_rejects(workspace: Workspace, stream: Stream, *, is_read: bool) -> None:
    """Put what was no record at all beside the rows that do not read; a file dropped again answers for itself.

    `is_read`: records of the stream were read just now. Files of which no row was a record bring rejects alone.
    """
    landed = workspace.book.pages.segments(stream.source, rejects_of(stream))
    if not landed or stream.parent is not None:
        return
    covered = int(workspace.lake.meta(records_of(stream)).get("seq", 0))
    if not is_read and all(segment.seq <= covered for segment in landed):
        return
    with workspace.stores.border.bench() as bench:
        rows = workspace.landing.rows(stream.source, rejects_of(stream))
        delivered = workspace.landing.rows(stream.source, stream.name)
        refused = bench.keep(quarantine.rejected(rows, stream, delivered=delivered, bench=bench))
        held = _held(workspace, stream, bench, stage="source")
        answered = None if held is None else bench.select(
            "select distinct source, stream, record_key, reason from held", _ROW, held=held
        )
        quarantine_rows(workspace, refused, answered=answered)


def quarantine_rows(workspace: Workspace, refused: ir.Table | None, *, answered: ir.Table | None) -> None:
    """Add rows to the quarantine, if any, and take out those that a later version of their record answered.

    Both are the border's; `answered`: source, stream, record_key, reason. Other steps may do the same meanwhile, each
    with rows of its own: who was overtaken does it once more, on top of what the other wrote.
    """
    while True:
        try:
            _quarantine_rows(workspace, refused, answered=answered)
        except Overtaken:
            continue
        return


def _quarantine_rows(workspace: Workspace, refused: ir.Table | None, *, answered: ir.Table | None) -> None:
    lake = workspace.lake.on(workspace.stores.border)
    if refused is None:
        if lake.exists(QUARANTINE) and (answered is None or not len(workspace.stores.border.fetch(answered))):
            return
        refused = workspace.stores.border.arrow(quarantine.SCHEMA.to_pyarrow().empty_table())
    if not lake.exists(QUARANTINE):
        lake.replace(QUARANTINE, refused)
        return
    lake.merge(QUARANTINE, refused, key=quarantine.ROW, gone=answered, allow_shrink=True)


def held_counts(workspace: Workspace) -> list[dict[str, Any]]:
    """Return how many records each reason holds back, as `quarantine.counts`; nothing before the first run."""
    return workspace.once(_held_counts) if workspace.lake.exists(QUARANTINE) else []


def _held_counts(workspace: Workspace) -> list[dict[str, Any]]:
    return workspace.rows(quarantine.counts(workspace.table(QUARANTINE)))


def held_page(
    workspace: Workspace, reason: str, *, limit: int, after: tuple[str, str, str, str] | None = None
) -> list[dict[str, Any]]:
    """Return records that a reason holds back, columns of the quarantine, by source, stream, key and field.

    `after`: those four of the last one of the page before; a record without a field has "".
    """
    if not workspace.lake.exists(QUARANTINE):
        return []
    rows = workspace.table(QUARANTINE)
    mine = rows.filter(rows.reason == reason).mutate(field=rows.field.fill_null(""))
    place = (mine.source, mine.stream, mine.record_key, mine.field)
    if after is not None:
        is_beyond, is_level = ibis.literal(False), ibis.literal(True)
        for column, value in zip(place, after, strict=True):
            is_beyond, is_level = is_beyond | (is_level & (column > value)), is_level & (column == value)
        mine = mine.filter(is_beyond)
    return workspace.rows(mine.order_by("source", "stream", "record_key", "field").limit(limit))


def refused_at(workspace: Workspace, stage: quarantine.Stage) -> ir.Table | None:
    """Return every row of the quarantine that a stage refused, to be taken out when the stage does all of it anew."""
    lake = workspace.lake.on(workspace.stores.border)
    if not lake.exists(QUARANTINE):
        return None
    return quarantine.of_stage(lake.table(QUARANTINE), stage).select(*quarantine.ROW).distinct()


def digest(*declarations: object) -> str:
    """Return a fingerprint of declarations: what was made under another one is made again."""
    said = [asdict(d) if hasattr(d, "__dataclass_fields__") else d for d in declarations]  # type: ignore[call-overload]
    return hashlib.md5(msgspec.json.encode(said, order="sorted"), usedforsecurity=False).hexdigest()


def content_of(workspace: Workspace, table: str) -> str:
    """Return what changes exactly when a table's rows may have: its files, whatever its version number."""
    current = workspace.book.versions.current_version(table)
    return f"{table}:{digest(current.manifest) if current else 'none'}"


def _taken(
    workspace: Workspace, stream: Stream, parent: Stream | None, keyed: Keyed, bench: Bench, *, is_anew: bool
) -> Taken:
    """Return what the rows come to, against what stands."""
    known = None
    if not is_anew:
        current = workspace.lake.on(workspace.stores.border).table(records_of(stream))
        known = versions.known(current, _held(workspace, stream, bench, stage="reading"), bench=bench)
    border = Border(zone=workspace.zone, minor_digits=minor_digits(workspace.project.config.business.currency))
    return take(keyed, stream, border=border, bench=bench, parent=parent, known=known)


def _in_order(workspace: Workspace, keyed: Keyed, bench: Bench) -> Keyed:
    """Leave out what came behind a newer version of its record, of records that say their version."""
    field, name = versions.version_field(keyed.stream), records_of(keyed.stream)
    if field is None:
        return keyed
    lake = workspace.lake.on(workspace.stores.border)
    current = lake.table(name) if lake.exists(name) and field in lake.schema(name).names else None
    return versions.without_older(keyed, current, bench=bench)


_ROW = ibis.schema({name: quarantine.SCHEMA[name] for name in quarantine.ROW})


def _held(
    workspace: Workspace, stream: Stream, bench: Bench, *, stage: quarantine.Stage | None = None
) -> ir.Table | None:
    """Return a stream's rows in quarantine, all or those of a stage; None when there are none at all."""
    lake = workspace.lake.on(workspace.stores.border)
    if not lake.exists(QUARANTINE) or not lake.rows(QUARANTINE):
        return None
    wanted = [f"source = {literal(stream.source)}", f"stream = {literal(stream.name)}"]
    if stage is not None:
        wanted.append(f"reason in ({', '.join(map(literal, quarantine.codes(stage)))})")
    query = f"select * from quarantine where {' and '.join(wanted)}"
    return bench.select(query, quarantine.SCHEMA, quarantine=lake.table(QUARANTINE))


def empty_records(workspace: Workspace, stream: Stream) -> ir.Table:
    """Return a stream's typed records, an empty table of the right columns before any were read."""
    if workspace.lake.exists(records_of(stream)):
        return workspace.lake.table(records_of(stream))
    schema = typed_schema(stream)
    return workspace.stores.engine.arrow(schema.to_pyarrow().empty_table()).cast(schema)
