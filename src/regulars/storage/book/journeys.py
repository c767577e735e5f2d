"""Journeys: who is on the way through which flow, every step they took, and which flows rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa

from regulars.flows.journey import JOURNEYS, TAKEN
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.planned import plan_within
from regulars.storage.book.tables import flow_journeys, flow_states, flow_steps

FlowState = Literal["running", "paused"]

BEGUN = pa.schema([JOURNEYS.field(name) for name in ("customer_id", "occasion", "anchor_day", "ended_at")])
"""One row a journey, ended or not: what decides whether another one may begin."""

_COLUMNS = tuple(JOURNEYS.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a flow runs."""

    flow: str
    state: FlowState = "running"
    reason: str | None = None
    changed_at: datetime | None = None       # aware; None: it was never anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyLine:
    """One journey, to look at."""

    customer_id: str
    occasion: str
    anchor_day: date
    entered_at: datetime                     # aware, as all moments here
    is_held_out: bool
    step: str                                # where it rests; empty: the end
    due_at: datetime | None
    ended_at: datetime | None                # None: on the way
    ending: str | None
    reason: str | None


Place = tuple[datetime, str, str]
"""Where a page of journeys ended: when it began, customer, occasion."""


@dataclass(frozen=True, slots=True)
class JourneyBook:
    """Journeys and their steps."""

    database: Database

    def standing(self, flow: str) -> Standing:
        """Return whether a flow runs; one that nobody paused does."""
        s = flow_states.c
        query = sa.select(s.flow, s.state, s.reason, s.changed_at).where(
            s.tenant == self.database.tenant, s.flow == flow
        )
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Standing(flow=flow) if row is None else Standing(**row)

    def stand(self, flow: str, state: FlowState, *, reason: str | None, at: datetime) -> None:
        """Write down that a flow rests, or runs again."""
        with self.database.writing() as connection:
            connection.execute(self.database.upsert(flow_states).values(
                tenant=self.database.tenant, flow=flow, state=state, reason=reason, changed_at=at
            ))

    def on_the_way(self, flow: str) -> pa.Table:
        """Return the journeys of a flow that have not ended, as JOURNEYS."""
        return self._read(JOURNEYS, flow, flow_journeys.c.ended_at.is_(None))

    def begun_since(self, flow: str, day: date) -> pa.Table:
        """Return the journeys of a flow whose occasion is of a business day or later, as BEGUN."""
        return self._read(BEGUN, flow, flow_journeys.c.anchor_day >= day)

    def begun_by(self, flow: str, customers: Sequence[str]) -> pa.Table:
        """Return all journeys that some customers ever began in a flow, as BEGUN."""
        return self._of_some(BEGUN, flow, customers)

    def of(self, flow: str, customers: Sequence[str]) -> pa.Table:
        """Return all journeys of some customers in a flow, as JOURNEYS."""
        return self._of_some(JOURNEYS, flow, customers)

    def steps_of(self, flow: str, customers: Sequence[str]) -> pa.Table:
        """Return every step that some customers took in a flow, as TAKEN, in the order in which they took them."""
        t, parts = flow_steps.c, [TAKEN.empty_table()]
        with self.database.reading() as connection:
            for start in range(0, len(customers), bulk.BATCH):
                query = sa.select(*(t[name] for name in TAKEN.names)).where(
                    t.tenant == self.database.tenant, t.flow == flow,
                    t.customer_id.in_(customers[start:start + bulk.BATCH]),
                )
                parts.append(bulk.read(connection, query, TAKEN, order_by=["customer_id"]))
        order = ("customer_id", "occasion", "at", "due_at")
        return pa.concat_tables(parts).sort_by([(name, "ascending") for name in order])

    def begin(self, flow: str, journeys: pa.Table) -> int:
        """Keep JOURNEYS that begin; one that there is stays as it is. Returns how many are new."""
        statement = self.database.insert(flow_journeys).on_conflict_do_nothing()
        with self.database.writing() as connection:
            return bulk.write(connection, statement, journeys.select(_COLUMNS), tenant=self.database.tenant, flow=flow)

    def go(
        self, flow: str, journeys: pa.Table, taken: pa.Table, *, messages: Mapping[str, pa.Table], at: datetime
    ) -> None:
        """Keep where JOURNEYS are now, the steps they took and the messages of these, in one transaction.

        So a message is planned exactly when its step is taken. A step is kept as it was first; `messages` are PLANNED
        rows by the id of their occurrence.
        """
        shared = {"tenant": self.database.tenant, "flow": flow}
        with self.database.writing() as connection:
            for campaign_id, rows in sorted(messages.items()):
                plan_within(self.database, connection, campaign_id, rows, at=at)
            bulk.write(connection, self.database.insert(flow_steps).on_conflict_do_nothing(), taken, **shared)
            bulk.write(connection, _moved(self.database), journeys.select(_COLUMNS), **shared)

    def page(
        self, flow: str, *, limit: int, step: str | None = None, is_over: bool | None = None,
        before: Place | None = None,
    ) -> list[JourneyLine]:
        """Return journeys of a flow, those that began last first; `step`: that rest there, `is_over`: that ended."""
        t = flow_journeys.c
        query = sa.select(*(t[name] for name in JourneyLine.__slots__)).where(
            t.tenant == self.database.tenant, t.flow == flow
        )
        if step is not None:
            query = query.where(t.step == step, t.ended_at.is_(None))
        if is_over is not None:
            query = query.where(t.ended_at.is_not(None) if is_over else t.ended_at.is_(None))
        if before is not None:
            at, customer, occasion = before
            query = query.where(sa.or_(
                t.entered_at < at, sa.and_(t.entered_at == at, sa.or_(
                    t.customer_id > customer, sa.and_(t.customer_id == customer, t.occasion > occasion)
                )),
            ))
        ordered = query.order_by(t.entered_at.desc(), t.customer_id, t.occasion).limit(limit)
        with self.database.reading() as connection:
            return [JourneyLine(**row) for row in connection.execute(ordered).mappings()]

    def counts(self, flow: str) -> list[tuple[str, bool, str | None, int]]:
        """Return step, whether held out, ending and how many journeys; on the way where there is no ending."""
        t = flow_journeys.c
        kinds = (t.step, t.is_held_out, t.ending)
        query = sa.select(*kinds, sa.func.count()).where(
            t.tenant == self.database.tenant, t.flow == flow
        ).group_by(*kinds)
        with self.database.reading() as connection:
            return sorted((tuple(row) for row in connection.execute(query)), key=repr)

    def outcomes(self, flow: str) -> list[tuple[str, str, int]]:
        """Return step, outcome and how many journeys took it so."""
        t = flow_steps.c
        query = sa.select(t.step, t.outcome, sa.func.count()).where(
            t.tenant == self.database.tenant, t.flow == flow
        ).group_by(t.step, t.outcome)
        with self.database.reading() as connection:
            return sorted(tuple(row) for row in connection.execute(query))

    def _of_some(self, schema: pa.Schema, flow: str, customers: Sequence[str]) -> pa.Table:
        parts = [
            self._read(schema, flow, flow_journeys.c.customer_id.in_(customers[start:start + bulk.BATCH]))
            for start in range(0, len(customers), bulk.BATCH)
        ]
        return pa.concat_tables([schema.empty_table(), *parts])

    def _read(self, schema: pa.Schema, flow: str, *where: sa.ColumnElement[bool]) -> pa.Table:
        t = flow_journeys.c
        query = sa.select(*(t[name] for name in schema.names)).where(
            t.tenant == self.database.tenant, t.flow == flow, *where
        )
        with self.database.reading() as connection:
            return bulk.read(connection, query, schema, order_by=["customer_id", "occasion"])


def _moved(database: Database) -> Any:
    """Return the statement that keeps where a journey is; the end of one is never undone."""
    statement = database.insert(flow_journeys)
    keys = ["tenant", "flow", "customer_id", "occasion"]
    changed = ("step", "since", "due_at", "ended_at", "ending", "reason")
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed},
        where=flow_journeys.c.ended_at.is_(None),
    )
