"""Shops: what is shown of a product now, and a step that counts what each was shown, put into carts and sold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.pipeline.derive import EVENTS
from regulars.pipeline.read import digest
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.shops.calendar import DAYS, ShopDay, cases_table, days_table, shown_table, touched
from regulars.shops.rotation import Rotated, stops_of
from regulars.shops.shop import Shop
from regulars.shops.statistics import SHOP_DAY, order_days, shop_statistics

STATISTICS = "shop_statistics"
_ORDER = ("shop_id", "days", "day", "product_id", "variant_id")


def rotated_of(workspace: Workspace) -> list[Rotated]:
    """Return every product under test with its experiment and what was decided of it."""
    experiments = {each.name: each for each in workspace.project.experiments}
    return [
        Rotated(shop=shop, rotation=rotation, experiment=experiments[rotation.experiment], stops=stops_of(
            (each.kind, each.at) for each in workspace.book.experiments.decisions(rotation.experiment)
        ))
        for shop in workspace.project.shops for rotation in shop.experiments
    ]


def count_shops(workspace: Workspace) -> Steps:
    """Bring the statistics up to date with the events: days on which anything came or went are counted anew."""
    lake, shops = workspace.lake, {shop.name: shop for shop in workspace.project.shops}
    rotated, version = rotated_of(workspace), _version(workspace)
    declared = digest([repr(shops), repr(rotated)])
    meta = lake.meta(STATISTICS)
    since = meta["events"] if meta.get("declared") == declared else None
    if since == version:
        return Work(note="nothing changed")
    yield Checkpoint(done=0, total=1, note="days")
    moments = _moments(workspace, since)
    anew = moments is None
    found = _moments(workspace, None) if moments is None else moments
    assert found is not None
    wanted = _wanted(workspace.fetch(found), shops)
    rows = _counted(workspace, wanted, shops, rotated)
    told = {"declared": declared, "events": version}
    if anew:
        lake.replace(STATISTICS, rows, partition_by="month", order_by=_ORDER, meta=told, allow_shrink=True)
    else:
        gone = workspace.stores.engine.arrow(_keys(wanted))
        lake.merge(STATISTICS, rows, key=SHOP_DAY, gone=gone, meta=told, allow_shrink=True)
    return Work(rows_in=len(wanted), rows_out=lake.rows(STATISTICS), note=f"{len(wanted):,} days counted")


def _moments(workspace: Workspace, since: int | None) -> ir.Table | None:
    """Return on which days of UTC anything of which shop came or went since a version of the events; None: not known.

    `since` None: all days there are.
    """
    if since is None:
        return _days_in(workspace.lake.table(EVENTS))
    changes = workspace.lake.changes(EVENTS, since=since)
    if changes is None:
        return None
    days = [_days_in(each) for each in changes]
    if any(shop.orders for shop in workspace.project.shops):
        # News of an order changes the day on which it was made: its pixel counts no more, or something came back.
        days += [order_days(workspace.lake.table(EVENTS), of=each) for each in changes]
    return ibis.union(*days, distinct=True)


def _days_in(events: ir.Table) -> ir.Table:
    told = events.filter(events.shop_id.notnull())
    return told.select("shop_id", utc_day=told.occurred_at.date()).distinct()


def _wanted(rows: pa.Table, shops: Mapping[str, Shop]) -> list[ShopDay]:
    """Return the days of shops that lie in days of UTC; a shop that is declared no more has none."""
    days: dict[str, set[date]] = {}
    for shop_id, day in zip(rows["shop_id"].to_pylist(), rows["utc_day"].to_pylist(), strict=True):
        days.setdefault(shop_id, set()).add(day)
    return sorted(one for name, of in days.items() if name in shops for one in touched(shops[name], of))


def _counted(
    workspace: Workspace, wanted: Sequence[ShopDay], shops: Mapping[str, Shop], rotated: Iterable[Rotated]
) -> ir.Table:
    """Count days anew, of the months in which they lie."""
    engine, days, events = workspace.stores.engine, days_table(shops, wanted), workspace.lake.table(EVENTS)
    covered = sorted(set(days["utc_day"].to_pylist()))
    first, end = _moment(covered[0]) if covered else _ZERO, _moment(covered[-1], after=1) if covered else _ZERO
    months = {f"{day + timedelta(days=n):%Y-%m}" for day in covered for n in (-1, 0, 1)}
    return shop_statistics(
        workspace.lake.table(EVENTS, partitions=months), days=engine.arrow(days),
        shown=engine.arrow(shown_table(rotated, first=first, end=end)), cases=engine.arrow(cases_table(rotated)),
        returned=events if any(shop.orders for shop in shops.values()) else None,
    )


_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(day: date, *, after: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=after), time(0), tzinfo=UTC)


def _keys(wanted: Sequence[ShopDay]) -> pa.Table:
    rows = [{"shop_id": one.shop_id, "days": one.days, "day": one.day} for one in wanted]
    return pa.Table.from_pylist(rows, schema=pa.schema([DAYS.field(name) for name in SHOP_DAY]))


def _version(workspace: Workspace) -> int:
    current = workspace.book.versions.current_version(EVENTS)
    return 0 if current is None else current.number
