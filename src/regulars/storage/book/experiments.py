"""Experiments: how each was set up, who is in which variant, who saw it, and what people and breakers decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import assignments, experiment_decisions, experiment_epochs, exposures

MOMENT = pa.timestamp("us")

ASSIGNMENTS = pa.schema([
    *bulk.texts("unit", "variant"), pa.field("epoch", pa.int64()),
    pa.field("propensity", pa.float64()),    # the chance the unit had of this variant, in (0, 1]
    pa.field("assigned_at", MOMENT), *bulk.texts("how"),
])
"""One row per unit of an experiment, for ever: `how` is hash, quota, bandit or manual."""

EXPOSURES = pa.schema([*bulk.texts("unit", "variant"), pa.field("exposed_at", MOMENT), *bulk.texts("by")])
"""One row per unit and variant it has seen: when for the first time, and by which part of the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """How an experiment assigned from a moment on; the first epoch is its start."""

    number: int                              # from 1
    since: datetime                          # aware
    setup: str                               # JSON of what assignment depends on


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The variant that a unit was given, for ever."""

    unit: str
    variant: str
    epoch: int
    assigned_at: datetime                    # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where one unit stands in one experiment."""

    experiment: str
    unit: str
    variant: str
    assigned_at: datetime                    # aware
    exposed_at: datetime | None              # first time; None: it never saw it


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A unit that has seen a variant."""

    unit: str
    variant: str
    exposed_at: datetime                     # aware; the first time
    by: str                                  # which part of the product showed it


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One line of an experiment's log; never changed, only followed by others."""

    number: int                              # from 1, in the order they were taken
    at: datetime                             # aware
    kind: str                                # started, ramped, stopped, tripped, completed, undone, winner
    by: str                                  # a person, or the part of the product that acted
    reason: str
    detail: str                              # JSON: the evidence at that moment


@dataclass(frozen=True, slots=True)
class ExperimentBook:
    """Epochs, assignments, exposures and decisions."""

    database: Database

    def begin_epoch(self, experiment: str, setup: str, *, at: datetime) -> Epoch:
        """Return the present epoch if it has this setup, or begin another that assigns so from now on."""
        with self.database.writing() as connection:
            known = self._epochs(connection, experiment)
            if known and known[-1].setup == setup:
                return known[-1]
            epoch = Epoch(number=len(known) + 1, since=at, setup=setup)
            connection.execute(sa.insert(experiment_epochs).values(
                tenant=self.database.tenant, experiment=experiment, epoch=epoch.number, since=at, setup=setup
            ))
        return epoch

    def epochs(self, experiment: str) -> list[Epoch]:
        """Return how an experiment was set up, from its start on; empty when it has not begun."""
        with self.database.reading() as connection:
            return self._epochs(connection, experiment)

    def begun(self) -> list[str]:
        """Return the names of all experiments that ever began, sorted."""
        t = experiment_epochs.c
        query = sa.select(t.experiment).where(t.tenant == self.database.tenant).distinct()
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def assign(self, experiment: str, rows: pa.Table) -> int:
        """Keep ASSIGNMENTS of units that have none yet; the stored variant always wins. Returns how many were new."""
        statement = self.database.insert(assignments).on_conflict_do_nothing()
        table = rows.select(ASSIGNMENTS.names).cast(ASSIGNMENTS).sort_by("unit")
        with self.database.writing() as connection:
            return bulk.write(connection, statement, table, tenant=self.database.tenant, experiment=experiment)

    def size(self, experiment: str) -> int:
        """Return how many units have a variant."""
        with self.database.reading() as connection:
            return self._count(connection, assignments, experiment)

    def assignments(self, experiment: str) -> pa.Table:
        """Return who is in which variant as ASSIGNMENTS, sorted by unit."""
        t = assignments.c
        query = sa.select(t.unit, t.variant, t.epoch, t.propensity, t.assigned_at, t.how)
        return self._read(query, t, experiment, ASSIGNMENTS, order_by=("unit",))

    def assigned(self, experiment: str, unit: str) -> Assignment | None:
        """Return the assignment of one unit, or None where it has none."""
        t = assignments.c
        query = sa.select(t.unit, t.variant, t.epoch, t.assigned_at).where(
            t.tenant == self.database.tenant, t.experiment == experiment, t.unit == unit
        )
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else Assignment(**row)

    def stands(self, units: Sequence[str], *, experiments: Sequence[str]) -> list[Stand]:
        """Return where units stand in those of some experiments that they are in, by experiment and unit."""
        t, seen = assignments.c, exposures.c
        joined = assignments.outerjoin(exposures, sa.and_(
            seen.tenant == t.tenant, seen.experiment == t.experiment, seen.unit == t.unit, seen.variant == t.variant
        ))
        query = sa.select(t.experiment, t.unit, t.variant, t.assigned_at, seen.exposed_at).select_from(joined).where(
            t.tenant == self.database.tenant, t.experiment.in_(experiments), t.unit.in_(units)
        ).order_by(t.experiment, t.unit)
        with self.database.reading() as connection:
            return [Stand(**row) for row in connection.execute(query).mappings()]

    def expose(self, experiment: str, rows: pa.Table) -> int:
        """Keep EXPOSURES; one that is there keeps the earlier moment. Returns how many were new."""
        # By key, as in `assign`: two writers that meet wait for each other in one order, never in a ring.
        table = rows.select(EXPOSURES.names).cast(EXPOSURES).sort_by([("unit", "ascending"), ("variant", "ascending")])
        statement = self.database.insert(exposures)
        # Told of late, an earlier sight is still the first one.
        earlier = sa.case(
            (statement.excluded.exposed_at < exposures.c.exposed_at, statement.excluded.exposed_at),
            else_=exposures.c.exposed_at,
        )
        keys = [column.name for column in exposures.primary_key]
        kept = statement.on_conflict_do_update(index_elements=keys, set_={"exposed_at": earlier})
        whose = {"tenant": self.database.tenant, "experiment": experiment}
        with self.database.writing() as connection:
            added = bulk.write(connection, statement.on_conflict_do_nothing(), table, **whose)
            if added < len(table):
                bulk.write(connection, kept, table, **whose)
        return added

    def seen(self, experiment: str) -> int:
        """Return how many first exposures there are."""
        with self.database.reading() as connection:
            return self._count(connection, exposures, experiment)

    def standing(self, experiment: str) -> tuple[int, ...]:
        """Return how many units have a variant, have seen one, and how many epochs and decisions there are."""
        owners = (assignments, exposures, experiment_epochs, experiment_decisions)
        with self.database.reading() as connection:
            return tuple(self._count(connection, owner, experiment) for owner in owners)

    def exposures(self, experiment: str) -> pa.Table:
        """Return who has seen which variant as EXPOSURES, sorted by unit and variant."""
        t = exposures.c
        query = sa.select(t.unit, t.variant, t.exposed_at, t.by)
        return self._read(query, t, experiment, EXPOSURES, order_by=("unit", "variant"))

    def exposed(
        self, experiment: str, *, limit: int, after: tuple[str, str] | None = None
    ) -> list[Exposed]:
        """Return exposures by unit and variant, those after a unit and variant when they are given."""
        t = exposures.c
        place = sa.tuple_(t.unit, t.variant)
        query = sa.select(t.unit, t.variant, t.exposed_at, t.by).where(
            t.tenant == self.database.tenant, t.experiment == experiment,
            *(() if after is None else (place > sa.tuple_(*map(sa.literal, after)),)),
        )
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.unit, t.variant).limit(limit)).mappings()
            return [Exposed(**row) for row in rows]

    def decide(self, experiment: str, *, kind: str, by: str, reason: str, detail: str, at: datetime) -> Decision:
        """Add a line to the log and return it."""
        t = experiment_decisions
        tenant = self.database.tenant
        with self.database.writing() as connection:
            number = self._count(connection, t, experiment) + 1
            connection.execute(sa.insert(t).values(
                tenant=tenant, experiment=experiment, number=number, at=at, kind=kind, by=by, reason=reason,
                detail=detail,
            ))
        return Decision(number=number, at=at, kind=kind, by=by, reason=reason, detail=detail)

    def decisions(self, experiment: str) -> list[Decision]:
        """Return the log of an experiment, the oldest line first."""
        t = experiment_decisions.c
        query = sa.select(t.number, t.at, t.kind, t.by, t.reason, t.detail).order_by(t.number)
        mine = query.where(t.tenant == self.database.tenant, t.experiment == experiment)
        with self.database.reading() as connection:
            return [Decision(**row) for row in connection.execute(mine).mappings()]

    def _epochs(self, connection: sa.Connection, experiment: str) -> list[Epoch]:
        t = experiment_epochs.c
        query = sa.select(t.epoch.label("number"), t.since, t.setup).order_by(t.epoch)
        mine = query.where(t.tenant == self.database.tenant, t.experiment == experiment)
        return [Epoch(**row) for row in connection.execute(mine).mappings()]

    def _count(self, connection: sa.Connection, table: sa.Table, experiment: str) -> int:
        query = sa.select(sa.func.count()).select_from(table)
        mine = query.where(table.c.tenant == self.database.tenant, table.c.experiment == experiment)
        return int(connection.execute(mine).scalar_one())

    def _read(
        self, query: sa.Select[tuple[object, ...]], columns: sa.ColumnCollection[str, sa.Column[object]],
        experiment: str, schema: pa.Schema, *, order_by: tuple[str, ...],
    ) -> pa.Table:
        mine = query.where(columns["tenant"] == self.database.tenant, columns["experiment"] == experiment)
        with self.database.reading() as connection:
            return bulk.read(connection, mine, schema, order_by=order_by)
