"""What a segment would have done: evaluated day by day over history, with its holds and cooldowns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from regulars.events.engine import Engine
from regulars.events.window import AsOf
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.segment import Segment, with_dependencies
from regulars.rules.transition import memberships, transitions

END_OF_DAY = time(23, 59, 59, 999999)

LEDGER = pa.schema(
    [
        ("segment", pa.string()), ("customer_id", pa.string()), ("at", pa.timestamp("us")),
        ("business_day", pa.date32()), ("change", pa.string()), ("reason", pa.string()),
    ]
)
"""Columns of the ledger of transitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestDay:
    """One day of one segment."""

    day: date
    entered: tuple[str, ...]                 # customer ids, sorted
    left: tuple[str, ...]
    members: int                             # after both


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What a segment would have done over some days."""

    segment: str
    days: tuple[BacktestDay, ...]
    transitions: pa.Table                    # LEDGER; of the segment and those it asks about


def backtest(
    segments: Iterable[Segment],
    name: str,
    *,
    tables: Tables,
    first: date,
    last: date,
    engine: Engine,
    zone: str = "UTC",
    at: time = END_OF_DAY,
    progress: Callable[[date], None] = lambda _: None,
) -> Backtest:
    """Return who would have entered and left a segment on every day from first to last, both included.

    Each day is one bulk evaluation as of `at` in the business zone, on the ledger of the days before;
    `tables.transitions` is the ledger to begin with, cut before the first day (None: nobody ever entered).
    Nothing is written anywhere. Raises ValueError if last is before first.
    """
    if last < first:
        raise ValueError(f"the last day {last} is before the first, {first}")
    wanted = with_dependencies(segments, name)
    moments = [
        AsOf(at=datetime.combine(first + timedelta(n), at, ZoneInfo(zone)), zone=zone)
        for n in range((last - first).days + 1)
    ]
    ledger = _before(tables, moments[0], engine)
    start = engine.fetch(memberships(engine.arrow(ledger), wanted))
    members = sum(1 for segment in start["segment"].to_pylist() if segment == name)
    told: list[BacktestDay] = []
    beginning = ledger.num_rows
    for moment in moments:
        known = replace(tables, transitions=engine.arrow(ledger))
        changes = engine.fetch(transitions(evaluate(wanted, known, as_of=moment))).select(LEDGER.names).cast(LEDGER)
        ledger = pa.concat_tables([ledger, changes]).combine_chunks()
        entered, left = _who(changes, name, "entered"), _who(changes, name, "left")
        members += len(entered) - len(left)
        told.append(BacktestDay(day=moment.day, entered=entered, left=left, members=members))
        progress(moment.day)
    return Backtest(segment=name, days=tuple(told), transitions=ledger.slice(beginning))


def entries_per_customer(result: Backtest) -> Counter[int]:
    """Return how many customers would have entered once, twice, ...: the question before a segment is switched on."""
    return Counter(Counter(customer for day in result.days for customer in day.entered).values())


def _before(tables: Tables, moment: AsOf, engine: Engine) -> pa.Table:
    if tables.transitions is None:
        return LEDGER.empty_table()
    known = tables.transitions
    return engine.fetch(known.filter(known["at"] < moment.moment).select(*LEDGER.names)).cast(LEDGER)


def _who(changes: pa.Table, segment: str, change: str) -> tuple[str, ...]:
    own = changes.filter(pc.and_(pc.equal(changes["segment"], segment), pc.equal(changes["change"], change)))
    return tuple(sorted(own["customer_id"].to_pylist()))
