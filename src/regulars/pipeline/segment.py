"""Segment: who is in which segment now; what changed is appended to the ledger and never rebuilt away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.events.event import MONEY
from regulars.events.window import AsOf
from regulars.identity.profile import KEY as PROFILE
from regulars.pipeline.named import names_of
from regulars.pipeline.own import PLACES, Own, places_for, profile_keys, values_of
from regulars.pipeline.read import digest
from regulars.pipeline.stays import until_of
from regulars.pipeline.turned import Decided, who_turned
from regulars.pipeline.workspace import Workspace
from regulars.rules.backtest import Backtest, backtest
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.explain import Explanation, declared, evaluation_of, explained, read_one
from regulars.rules.segment import Segment
from regulars.rules.transition import memberships, transitions
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.memberships import TRANSITIONS
from regulars.storage.engines.question import given, given_table

LEDGER = ibis.schema(TRANSITIONS)
"""Columns of the ledger of transitions."""


def segment_customers(workspace: Workspace) -> Steps:
    """Evaluate every segment as of now, append the changes to the ledger, and publish it with the present members."""
    engine, lake, as_of = workspace.stores.engine, workspace.lake, as_of_now(workspace)
    segments, said = workspace.project.segments, lake.meta("memberships").get("decided")
    before, now = None if said is None else Decided.from_json(said), Decided.by(workspace, as_of=as_of)
    yield Checkpoint(done=0, total=2, note=f"{len(segments)} segments")
    known = read_ledger(workspace)
    with who_turned(workspace, before, now, as_of=as_of, ledger=engine.arrow(known.rows)) as those:
        evaluation = evaluate(segments, rule_tables(workspace, ledger=known, those=those), as_of=as_of)
        changes = engine.fetch(transitions(evaluation))
    added = workspace.book.memberships.append(changes)
    yield Checkpoint(done=1, total=2, note=f"{added:,} changes")
    _publish(workspace, read_ledger(workspace, known), before, now)
    entered = sum(change == "entered" for change in changes["change"].to_pylist())
    return Work(
        rows_in=workspace.lake.rows("customers"), rows_out=added, watermark=as_of.day.isoformat(),
        note=f"{entered:,} entered, {len(changes) - entered:,} left",
    )


def _publish(workspace: Workspace, ledger: Ledger, before: Decided | None, now: Decided) -> None:
    """Bring the lake's ledger and the present members up to date, and write down what everybody was decided by."""
    lake, segments = workspace.lake, workspace.project.segments
    # The ledger only grows, so its length says which one it is: killed between the book and the lake, the next run
    # finds nothing new in the one and still brings the other up to date.
    made_of = digest(len(ledger.rows), *segments)
    is_same = lake.meta("memberships").get("made_of") == made_of
    if is_same and before is not None and now.is_as(before):
        return
    table = workspace.stores.engine.arrow(ledger.rows)
    if not is_same:
        batch = {"batch": ledger.batch}
        lake.replace("transitions", table, order_by=("customer_id",), meta=batch, allow_shrink=True)
    made = {"made_of": made_of, "decided": now.to_json()}
    lake.replace("memberships", memberships(table, segments), meta=made, allow_shrink=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The ledger of transitions up to one of its batches."""

    rows: pa.Table
    batch: int


def read_ledger(workspace: Workspace, known: Ledger | None = None) -> Ledger:
    """Return the ledger as it is now: what is known of it, or its copy in the lake, and out of the book what is newer.

    To read all of it out of the book takes ten times as long.
    """
    book, lake = workspace.book.memberships, workspace.lake
    if known is None and lake.exists("transitions"):
        rows = workspace.fetch(lake.table("transitions")).select(LEDGER.names)
        known = Ledger(rows=rows, batch=int(lake.meta("transitions").get("batch", 0)))
    known, batch = known or Ledger(rows=pa.Table.from_batches([], TRANSITIONS), batch=0), book.last_batch()
    return Ledger(rows=pa.concat_tables([known.rows, book.since(known.batch, until=batch)]), batch=batch)


def rule_tables(workspace: Workspace, *, ledger: Ledger | None = None, those: ir.Table | None = None) -> Tables:
    """Return what rules are asked of: customers, events and money with their customers, the ledger of transitions.

    `those`: the customer_id of customers who alone are asked about; everybody where it is left out.
    """
    def of(rows: ir.Table) -> ir.Table:
        return rows if those is None else rows.semi_join(those, "customer_id")

    identity = of(workspace.table("identity").select(*PROFILE, "customer_id"))
    money = workspace.table(MONEY) if workspace.lake.exists(MONEY) else None
    return Tables(
        customers=of(workspace.table("customers")),
        events=workspace.table("events").inner_join(identity, PROFILE),
        money=None if money is None else money.inner_join(identity, PROFILE),
        transitions=of(workspace.stores.engine.arrow((ledger or read_ledger(workspace)).rows)),
    )


def as_of_now(workspace: Workspace, at: datetime | None = None) -> AsOf:
    """Return the moment rules are asked about, with the business's calendar."""
    return AsOf(at=at or workspace.clock.now(), zone=workspace.zone)


def explain_customer(
    workspace: Workspace, customer_id: str, segment: str, *, at: datetime | None = None
) -> Explanation:
    """Say why a customer is in a segment or not, by the expressions that decide it. Raises NotFound for either."""
    as_of, mine = as_of_now(workspace, at), profile_keys(workspace, customer_id)
    wanted = declared(workspace.project.segments, segment)
    names = tuple(each.name for each in workspace.project.segments)
    ledger = workspace.book.memberships.transitions_of([customer_id], segments=names)
    found = workspace.ask_for(
        [profile for _, profile in mine], _one_explained, segment, places_for(mine), as_of.day, customer_id=customer_id,
        moment=as_of.moment, ledger=ledger, **values_of(mine),
    )
    return read_one(found.to_pylist(), wanted, day=as_of.day, customer_id=customer_id)


def compile_explanations(workspace: Workspace) -> None:
    """See to it that how each segment is explained today is kept as text: to compile it takes longer than to answer."""
    for each in workspace.project.segments:
        workspace.compile_ahead(_one_explained, each.name, PLACES, as_of_now(workspace).day)


def _one_explained(workspace: Workspace, segment: str, places: int, day: date) -> ir.Table:
    """Return how a segment is explained on a business day to a customer with so many profiles: a question."""
    customers, ledger = workspace.table("customers"), given_table("ledger", LEDGER)
    mine = Own(workspace=workspace, places=places)

    def until(name: str) -> ir.Table:
        rows = mine.rows(name).mutate(customer_id=given("customer_id"))
        return rows.filter(rows.occurred_at <= given("moment", "timestamp"))

    tables = Tables(
        customers=customers.filter(customers.customer_id == given("customer_id")),
        events=until("events"), money=until("money") if workspace.has("money") else None,
        transitions=ledger.filter(ledger["at"] <= given("moment", "timestamp")),
    )
    # What came after the moment is left out above, so that all moments of a day ask the same.
    evening = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(workspace.zone)).astimezone(UTC)
    as_of = as_of_now(workspace, evening - timedelta(microseconds=1))
    return explained(evaluation_of(workspace.project.segments, segment, tables=tables, as_of=as_of), segment)


def segment_named(workspace: Workspace, name: str) -> Segment:
    """Return a declared segment. Raises NotFound with the closest name."""
    by_name = {each.name: each for each in workspace.project.segments}
    if name not in by_name:
        raise NotFound(f"there is no segment {name!r}", hint=did_you_mean(name, by_name))
    return by_name[name]


def segment_counts(workspace: Workspace, *, name: str | None = None) -> list[dict[str, Any]]:
    """Return every declared segment, or one, with how many are in it now. Raises NotFound for one that there is not."""
    counts = workspace.book.memberships.counts()
    segments = workspace.project.segments if name is None else [segment_named(workspace, name)]
    return [
        {
            "segment": s.name, "title": s.title, "members": counts.get(s.name, 0), "priority": s.priority,
            "description": s.description,
        }
        for s in segments
    ]


def segment_moves(workspace: Workspace, *, since: date) -> dict[str, tuple[int, int]]:
    """Return how often customers entered and left each segment since a business day, where anybody did."""
    moves = workspace.ask(_moves, since=since).to_pylist()
    return {row["segment"]: (row["entered"], row["left"]) for row in moves}


def _moves(workspace: Workspace) -> ir.Table:
    moves = workspace.table("transitions")
    recent = moves.filter(moves.business_day >= given("since", "date"))
    return recent.group_by("segment").agg(
        entered=(recent.change == "entered").sum(), left=(recent.change == "left").sum()
    )


def segment_members(
    workspace: Workspace, name: str, *, limit: int, after: tuple[datetime, str] | None = None
) -> list[dict[str, Any]]:
    """Return the newest members of a segment, or those that come after a moment of entry and a customer.

    Columns: customer_id, name, entered_day, until_day, entered_at. Raises NotFound for a segment that is not declared.
    """
    stays = workspace.book.memberships.newest(segment_named(workspace, name).name, limit=limit, after=after)
    names = names_of(workspace, [stay.customer_id for stay in stays])
    return [
        {
            "customer_id": stay.customer_id, "name": names.get(stay.customer_id), "entered_day": stay.entered_day,
            "until_day": until_of(stay, workspace.lasting), "entered_at": stay.entered_at,
        }
        for stay in stays
    ]


def backtest_segment(
    workspace: Workspace, name: str, *, first: date, last: date, progress: Callable[[date], None] = lambda _: None
) -> Backtest:
    """Replay a segment over past days, as if nobody had ever entered; nothing is written."""
    tables = replace(rule_tables(workspace), transitions=None)
    return backtest(
        workspace.project.segments, name, tables=tables, first=first, last=last, engine=workspace.stores.engine,
        zone=workspace.zone, progress=progress,
    )
