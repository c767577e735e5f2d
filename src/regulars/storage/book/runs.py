"""The ledger of runs: what was done, how far it is, how it ended, and how much usually comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from regulars.errors import NotFound
from regulars.storage.book.database import Database
from regulars.storage.book.tables import run_steps, runs


class WorkDone(Protocol):
    """What a finished step says about its work; a step that failed has all of it empty."""

    @property
    def rows_in(self) -> int: ...  # noqa: D102  the names say it
    @property
    def rows_out(self) -> int: ...  # noqa: D102
    @property
    def watermark(self) -> str: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102
    @property
    def facts(self) -> Mapping[str, Any]: ...  # noqa: D102


class StepEnd(Protocol):
    """How a step ended, as whoever carries out steps tells it."""

    @property
    def name(self) -> str: ...  # noqa: D102  the names say it
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def work(self) -> WorkDone: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102
    @property
    def code(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run, as it stands in the ledger."""

    run_id: str
    command: str
    started_at: datetime
    finished_at: datetime | None             # None: running, or killed
    outcome: str | None                      # done, failed, interrupted


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a run, as it stands in the ledger."""

    run_id: str
    step: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str                             # running, done, failed, skipped
    seconds: float | None
    rows_in: int | None
    rows_out: int | None
    watermark: str | None
    error: str | None
    code: str | None
    facts: dict[str, Any]
    done: int | None                         # units behind us at the last checkpoint
    total: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class RunBook:
    """Runs and steps; it is the ledger that `runs.execute` writes to."""

    database: Database

    def start_run(self, command: str, at: datetime) -> str:
        """Open a run and return its id, which sorts by time."""
        with self.database.writing() as connection:
            number = self.database.next_number(connection, "run")
            run_id = f"{at:%Y%m%d-%H%M%S}-{number}"
            connection.execute(sa.insert(runs).values(
                tenant=self.database.tenant, run_id=run_id, command=command, started_at=at
            ))
        return run_id

    def start_step(self, run_id: str, step: str, at: datetime) -> None:
        """Say that a step begins."""
        count = sa.select(sa.func.count()).select_from(run_steps).where(*self._run(run_steps, run_id)).scalar_subquery()
        with self.database.writing() as connection:
            connection.execute(sa.insert(run_steps).values(
                tenant=self.database.tenant, run_id=run_id, step=step, position=count, started_at=at, outcome="running"
            ))

    def checkpoint(self, run_id: str, step: str, done: int, total: int | None, note: str) -> None:
        """Say how far a step is."""
        with self.database.writing() as connection:
            connection.execute(self._step(run_id, step).values(done=done, total=total, note=note))

    def finish_step(self, run_id: str, result: StepEnd, at: datetime) -> None:
        """Say how a step ended."""
        work = result.work
        with self.database.writing() as connection:
            connection.execute(self._step(run_id, result.name).values(
                finished_at=at, outcome=result.outcome, seconds=result.seconds, rows_in=work.rows_in,
                rows_out=work.rows_out, watermark=work.watermark, error=result.error, code=result.code, note=work.note,
                facts=json.dumps(dict(work.facts), sort_keys=True),
            ))

    def finish_run(self, run_id: str, outcome: str, at: datetime) -> None:
        """Close a run."""
        with self.database.writing() as connection:
            connection.execute(
                sa.update(runs).where(*self._run(runs, run_id)).values(finished_at=at, outcome=outcome)
            )

    def close_lost(self, at: datetime) -> list[str]:
        """Mark runs that were killed as interrupted and return their ids. Call it only while holding the lease."""
        with self.database.writing() as connection:
            lost = connection.execute(sa.select(runs.c.run_id).where(
                runs.c.tenant == self.database.tenant, runs.c.finished_at.is_(None)
            ).order_by(runs.c.started_at)).scalars().all()
            mine = (runs.c.tenant == self.database.tenant, runs.c.run_id.in_(lost))
            connection.execute(sa.update(runs).where(*mine).values(finished_at=at, outcome="interrupted"))
            connection.execute(sa.update(run_steps).where(
                run_steps.c.tenant == self.database.tenant, run_steps.c.run_id.in_(lost),
                run_steps.c.outcome == "running",
            ).values(finished_at=at, outcome="failed", code="interrupted", error="the process was ended from outside"))
        return list(lost)

    def last_runs(self, limit: int = 20, *, before: str | None = None) -> list[RunRow]:
        """Return the newest runs, newest first; those older than the run `before` when one is given."""
        query = sa.select(runs).where(runs.c.tenant == self.database.tenant)
        if before is not None:
            place = sa.select(runs.c.started_at, runs.c.run_id).where(*self._run(runs, before)).scalar_subquery()
            query = query.where(sa.tuple_(runs.c.started_at, runs.c.run_id) < place)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit)).all()
        return [_run_row(row) for row in rows]

    def run(self, run_id: str) -> RunRow:
        """Return one run. Raises NotFound."""
        with self.database.reading() as connection:
            row = connection.execute(sa.select(runs).where(*self._run(runs, run_id))).one_or_none()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}")
        return _run_row(row)

    def steps(self, run_id: str) -> list[StepRow]:
        """Return the steps of a run in their order."""
        query = sa.select(run_steps).where(*self._run(run_steps, run_id)).order_by(run_steps.c.position)
        with self.database.reading() as connection:
            return [_step_row(row) for row in connection.execute(query)]

    def history(self, step: str, *, limit: int = 30) -> list[StepRow]:
        """Return a step's ends that were done, newest first: what its volume and its freshness are compared with."""
        query = sa.select(run_steps).where(
            run_steps.c.tenant == self.database.tenant, run_steps.c.step == step, run_steps.c.outcome == "done"
        )
        with self.database.reading() as connection:
            newest = query.order_by(run_steps.c.started_at.desc(), run_steps.c.run_id.desc()).limit(limit)
            return [_step_row(row) for row in connection.execute(newest)]

    def _step(self, run_id: str, step: str) -> sa.Update:
        return sa.update(run_steps).where(*self._run(run_steps, run_id), run_steps.c.step == step)

    def _run(self, table: sa.Table, run_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (table.c.tenant == self.database.tenant, table.c.run_id == run_id)


def _run_row(row: Any) -> RunRow:
    return RunRow(**{name: getattr(row, name) for name in RunRow.__dataclass_fields__})


def _step_row(row: Any) -> StepRow:
    values = {name: getattr(row, name) for name in StepRow.__dataclass_fields__}
    return StepRow(**values | {"facts": json.loads(row.facts) if row.facts else {}})
