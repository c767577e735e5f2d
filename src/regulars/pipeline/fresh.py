"""Fresh: what came through the door is on its person's timeline and counted in segments at once, before any run.

Micro-batches of the door's tail go through the very expressions of a run: messages become records, records events,
events decide segments, and what changed goes into the ledger. A run makes all of it again from what landed, and then
it is forgotten here. People are those the last run knew, with the ids that `identify` or `alias` gave them since;
somebody entirely new waits for the next run, and so do spending, traits and what time alone changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.pipeline.derive import EVENTS
from regulars.pipeline.fresh_records import LINK, LINKED, PEOPLE, WHO, Reading, fresh_schema, named_since, readings
from regulars.pipeline.fresh_segments import Counted, Deciding
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.timeline import Place
from regulars.pipeline.workspace import Workspace
from regulars.storage.door.tail import Tail
from regulars.storage.engines.question import Statement
from regulars.storage.engines.standing import Standing

FRESH, CAME = "fresh_events", "fresh_came"
"""Standing tables, `fresh_schema`: events that no run has made yet, and those of the batch."""

NEEDED = (EVENTS, "identity", "customers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Since when the door is ahead: everything that it acknowledged before these moments (aware) is seen."""

    timeline: datetime                       # on its person's timeline
    segments: datetime                       # in segments


@dataclass(slots=True, kw_only=True)
class Fresh:
    """The fresh tail of one project. One thread calls `step`, one may call `decide`, any may ask for `newest`."""

    workspace: Workspace
    tail: Tail
    standing: Standing
    deciding: Deciding
    readings: Mapping[str, Reading] = field(default_factory=dict)
    whose: Statement | None = None           # WHO of ids that messages named
    newest_first: Statement | None = None
    made_of: tuple[object, ...] = ()         # business day and versions that the statements were made for
    purged: int = 0                          # purges that the book knew of then
    looked_at: datetime | None = None        # when the last look at the door began that has ended

    @classmethod
    def of(cls, workspace: Workspace, tail: Tail) -> Fresh:
        """Return the fresh tail of a project whose stores nobody else uses."""
        standing = Standing.of(workspace.stores.border)
        counted = Counted.by(workspace.project.segments)
        deciding = Deciding(workspace=workspace, standing=standing, fresh=FRESH, came=CAME, counted=counted)
        return cls(workspace=workspace, tail=tail, standing=standing, deciding=deciding)

    def step(self) -> int:
        """Take in what the door took since the last time; return how many events it came to."""
        begun = self.workspace.clock.now()
        if not self._is_ready():
            return 0
        count = sum(self._take(self.readings[piece.source], piece.data, at=begun) for piece in self.tail.pieces())
        self.looked_at = begun
        return count

    def decide(self) -> int:
        """Let those to whom something happened enter and leave segments; return how many changes there were.

        May be called from a second thread.
        """
        return self.deciding.decide()

    def reach(self) -> Reach | None:
        """Return how far it has come, from any thread; None before anybody is known."""
        if self.looked_at is None:
            return None
        return Reach(timeline=self.looked_at, segments=min([self.looked_at, *self.deciding.waiting()]))

    def newest(self, customer_id: str, *, limit: int, after: Place | None = None) -> list[dict[str, Any]]:
        """Return the newest fresh events of a customer, in the columns of the lake's events that say something."""
        if self.newest_first is None:
            return []
        behind = {"occurred_at": after and after.occurred_at, "event_id": after and after.event_id}
        found = self.standing.ask(self.newest_first, customer_id=customer_id, most=limit, **behind)
        return [{name: value for name, value in row.items() if value is not None} for row in found.to_pylist()]

    def _take(self, reading: Reading, data: bytes, *, at: datetime) -> int:
        assert self.whose is not None
        if reading.read(data, now=at):
            self.standing.add(LINKED, self.standing.all_of(reading.linked))
            self.standing.add(PEOPLE, self.whose)
        count = self.standing.put(CAME, reading.events)
        self.standing.add(FRESH, self.standing.all_of(CAME))
        self.deciding.touch(at=at)
        return count

    def _is_ready(self) -> bool:
        """Make the statements anew when the lake or the day is another than they were made for; false before a run."""
        versions = [self.workspace.book.versions.current_version(name) for name in NEEDED]
        if any(version is None for version in versions):
            return False                     # nobody is known yet
        today = as_of_now(self.workspace).day
        now: tuple[object, ...] = (today, *(version.number for version in versions if version is not None))
        if now == self.made_of:
            return True
        purged = len(self.workspace.book.purges.listed())
        if not self.made_of:
            self._begin()
        elif purged != self.purged:
            self._begin_again()
        events = self.workspace.lake.on(self.standing.engine).table(EVENTS)
        known = self.deciding.look(events)
        with self.deciding.at_work:
            # At once: for whoever decides, an event is fresh or known, and never both or neither.
            self._forget(events)
            self.deciding.prepare(known, today=today)
        self.made_of, self.purged = now, purged
        return True

    def _begin(self) -> None:
        """Make the standing tables, and the statements that need nothing but them."""
        standing, schema = self.standing, fresh_schema(self.workspace)
        for name, columns in ((FRESH, schema), (CAME, schema), (PEOPLE, WHO), (LINKED, LINK)):
            standing.table(name, columns)
        self.readings = readings(self.workspace, standing, fresh=FRESH)
        self.whose = standing.statement(named_since(standing))
        self.newest_first = _newest_first(schema)
        for name in self.readings:
            self.tail.since(name, self._covered(name))

    def _begin_again(self) -> None:
        """Read everything again that no run has read: of the rest, some was purged and is in no run's events."""
        with self.deciding.at_work:
            self.standing.clear(FRESH)
        for name in self.readings:
            self.tail.again(name, self._covered(name))

    def _covered(self, source: str) -> int:
        """Return how far the last run read the messages of a door."""
        return int(self.workspace.lake.meta(f"records.{source}.events").get("seq", 0))

    def _forget(self, events: ir.Table) -> None:
        """Take up whom the last run knows, and forget the events that it made."""
        lake, standing = self.workspace.lake.on(self.standing.engine), self.standing
        assert self.whose is not None
        standing.put(PEOPLE, standing.statement(self._known(lake.table("identity"))))
        standing.add(PEOPLE, self.whose)
        made = events.filter(events.source.isin(sorted(self.readings))).select("event_id")
        standing.remove(FRESH, standing.statement(made), key="event_id")

    def _known(self, identity: ir.Table) -> ir.Table:
        """Return the WHO of profiles that messages may speak of."""
        project = self.workspace.project
        types = [each for each in project.events if each.stream.partition(".")[0] in self.readings]
        spoken_of = {*self.readings, *(each.who_source for each in types if each.who_source is not None)}
        return identity.filter(identity.profile_source.isin(sorted(spoken_of))).select(*WHO.names)


def _newest_first(schema: ibis.Schema) -> Statement:
    text = f"""
        select {FRESH}.* from {FRESH} join {PEOPLE} using (profile_source, profile_id)
        where customer_id = $customer_id and (
            $occurred_at is null or occurred_at < $occurred_at
            or (occurred_at = $occurred_at and event_id > $event_id)
        )
        order by occurred_at desc, event_id limit $most"""
    return Statement(text=text, schema=schema)
