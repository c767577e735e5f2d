"""Fresh records: a few messages of a door read as a run reads them, and the events they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.expr.operations import Field as Column

from regulars.events.currency import minor_digits
from regulars.events.derive import DRAFT, derived, drafts
from regulars.events.event import EVENT, EventType
from regulars.pipeline.arrivals import is_pushed
from regulars.pipeline.derive import event_attributes
from regulars.pipeline.workspace import Workspace
from regulars.records import versions
from regulars.records.intake import take, typed_schema
from regulars.records.reading import Border
from regulars.records.record import Field, Stream
from regulars.sources.door import EVENTS, LINKS, WRITTEN
from regulars.storage.engines.duckdb import Bench
from regulars.storage.engines.question import Statement
from regulars.storage.engines.standing import Standing

PEOPLE = "fresh_people"
"""Standing table, WHO: whose a profile is, by the last run and by what messages said since."""

WHO = ibis.schema({"profile_source": "string", "profile_id": "string", "customer_id": "string"})
BY_PROFILE = ("profile_source", "profile_id")

LINKED = "fresh_links"
"""Standing table, LINK: profile_source, profile_id and the user_id that messages gave it."""

LINK = ibis.schema({"profile_source": "string", "profile_id": "string", "user_id": "string"})

LINKS_SAID = b'"links"'
"""What stands in every line that names another id of its user, and in few besides: the door writes its names as they
are. Most batches have none, and to find none by a statement costs as much as to find some."""


def fresh_schema(workspace: Workspace) -> ibis.Schema:
    """Return the columns of fresh events: those of the lake's without what it is partitioned by."""
    return ibis.schema({**EVENT, **event_attributes(workspace)})


def widened(rows: ir.Table, schema: ibis.Schema) -> ir.Table:
    """Return rows in these columns; one that they lack is missing everywhere."""
    own = rows.schema()
    return rows.select(*(
        (rows[name] if name in own else ibis.null(kind)).cast(kind).name(name) for name, kind in schema.items()
    ))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How messages of one door are read: statements over standing tables that are made once."""

    source: str
    lines: str                               # the standing table of what is read, LANDING
    steps: tuple[tuple[str, Statement], ...]     # standing tables on the way to records, and what is put into each
    link_steps: tuple[tuple[str, Statement], ...]    # the same on the way to LINKS, of lines that have some
    standing: Standing
    linked: str                              # the standing table of LINK: ids that the records name
    links: Statement
    events: Statement                        # fresh_schema: what the records come to

    def read(self, data: bytes, *, now: datetime) -> int:
        """Put the records of some lines into the standing tables, in the place of those before.

        What does not read is left out here: the run puts it into quarantine. Returns how many ids are named that were
        not before; those are in `linked`.
        """
        lines = data.decode().split("\n")[:-1]
        self.standing.put(self.lines, pa.table({
            "seq": pa.nulls(len(lines), pa.int64()).fill_null(0), "set_id": pa.repeat("fresh", len(lines)),
            "recorded_at": pa.array([now.astimezone(UTC).replace(tzinfo=None)] * len(lines), pa.timestamp("us")),
            "file": pa.nulls(len(lines), pa.string()), "line": pa.array(range(1, len(lines) + 1), pa.int64()),
            "payload": lines,
        }))
        for name, rows in self.steps:
            self.standing.put(name, rows)
        if LINKS_SAID not in data:
            return 0                         # what the lines before named stays there, and nobody asks for it
        for name, rows in self.link_steps:
            self.standing.put(name, rows)
        return self.standing.put(self.linked, self.links)


def readings(workspace: Workspace, standing: Standing, *, fresh: str) -> dict[str, Reading]:
    """Return how the messages of every door of a project are read; `fresh` names the table of events known already."""
    doors = [source for source in workspace.project.sources if is_pushed(source)]
    return {
        door.name: _reading(workspace, standing, {stream.name: stream for stream in door.streams}, n, fresh)
        for n, door in enumerate(doors) if {stream.name for stream in door.streams} == {EVENTS, LINKS}
    }


def named_since(standing: Standing) -> ir.Table:
    """Return the WHO of ids that messages named as a known user's, and that nobody has yet."""
    links, people = standing.there(LINKED), standing.there(PEOPLE)
    users = people.select("profile_source", "customer_id", user_id=people.profile_id)
    named = links.inner_join(users, ["profile_source", "user_id"]).select(*WHO.names)
    return named.anti_join(people, BY_PROFILE).distinct(on=BY_PROFILE, keep="first")


def _reading(
    workspace: Workspace, standing: Standing, streams: Mapping[str, Stream], n: int, fresh: str
) -> Reading:
    lines, linked, parent = f"fresh_lines_{n}", f"fresh_named_{n}", streams[EVENTS]
    border = Border(zone=workspace.zone, minor_digits=minor_digits(workspace.project.config.business.currency))
    outline = _Outline(standing=standing, bench=Bench(standing.engine), prefix=f"fresh_kept_{n}")
    types = {
        name: [each for each in workspace.project.events if each.stream == stream.full_name]
        for name, stream in streams.items()
    }
    keyed = versions.keyed(standing.table(lines, versions.LANDING), parent, bench=outline)
    keyed = replace(keyed, table=outline.standing_of(keyed.table))

    def recorded(stream: Stream, *, parent: Stream | None = None) -> ir.Table:
        slim = _slim(stream, types[stream.name])
        return outline.standing_of(take(keyed, slim, border=border, bench=outline, parent=parent).good)

    records = {EVENTS: recorded(parent)}
    every, records[LINKS] = len(outline.steps), recorded(streams[LINKS], parent=parent)
    source, links = parent.source, records[LINKS]
    named = links.select(profile_source=ibis.literal(source), profile_id=links.id, user_id=links.user_id)
    standing.table(linked, LINK)
    return Reading(
        source=source, lines=lines, steps=tuple(outline.steps[:every]), link_steps=tuple(outline.steps[every:]),
        standing=standing, linked=linked,
        links=standing.statement(named.distinct().anti_join(standing.there(LINKED), LINK.names)),
        events=standing.statement(_events(workspace, source, records, types, standing.there(fresh))),
    )


def _slim(stream: Stream, types: Sequence[EventType]) -> Stream:
    """Return a stream without fields that no event reads and that always read: to plan how they are read takes long."""
    if stream.parent is not None:
        return stream
    records = ibis.table(typed_schema(stream), name="records")
    parts = drafts(records, types, source=stream.source, stream=stream.name)
    read = {each.name for part in parts for each in part.op().find(Column)}
    return replace(stream, fields=tuple(
        each for each in stream.fields
        if each.name in {*stream.key, *read} or not _always_reads(each)
    ))


def _always_reads(each: Field) -> bool:
    """Return whether no message is refused for a field: it may be any text, or nothing; or the door wrote it itself."""
    is_any_text = each.type in {"id", "text", "json"} and not each.is_required
    own = WRITTEN.get(each.name, {})         # a project may declare another field of the name
    return is_any_text or (not each.formats and (own.get("from"), own.get("type")) == (each.path, each.type))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline:
    """A bench that carries nothing out: it writes down once what is to be done with the lines of every batch."""

    standing: Standing
    bench: Bench
    prefix: str
    steps: list[tuple[str, Statement]] = field(default_factory=list)

    def select(self, query: str, schema: ibis.Schema, **tables: ir.Table) -> ir.Table:
        return self.bench.select(query, schema, **tables)

    def keep(self, table: ir.Table) -> ir.Table:
        return table                         # it is a part of the one statement that reads it

    def standing_of(self, table: ir.Table) -> ir.Table:
        """Note a standing table of these rows, filled after those noted before it."""
        name = f"{self.prefix}_{len(self.steps)}"
        self.steps.append((name, self.standing.statement(table)))
        return self.standing.table(name, table.schema())

    def fetch(self, table: ir.Table) -> pa.Table:
        """Return what is supposed of the rows, which are not there yet: the text has to be right for any."""
        return pa.table({name: [_SUPPOSED[name]] for name in table.columns})


_SUPPOSED = {"n_rows": 1, "n_sets": 1, "n_repeated": 0, "n_good": 1, "n_bad": 0, "n": 1}
"""Every batch has rows of one set, each of another key: a door takes a message once. What reads ill is left out."""


def _events(
    workspace: Workspace, source: str, records: Mapping[str, ir.Table], types: Mapping[str, Sequence[EventType]],
    fresh: ir.Table,
) -> ir.Table:
    attributes = event_attributes(workspace)
    whole = ibis.schema({**DRAFT, **attributes})
    parts = [
        widened(part, whole)
        for name, each in types.items()
        for part in drafts(records[name], each, source=source, stream=name)
    ]
    if not parts:
        return fresh.limit(0)
    # The door has dated by arrival what lay in the future: nothing is held back here for being ahead of a clock.
    made = derived(ibis.union(*parts), attributes=attributes, now=_NEVER).events
    return made.anti_join(fresh, "event_id").distinct(on="event_id", keep="first")


_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
