"""Occasions and what messages say of them come out the same on Spark as on DuckDB."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from courses import DRIP, HEAD, flow

from regulars.flows.flow import Flow
from regulars.flows.occasions import facts, occasions
from regulars.rules.evaluate import Tables
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import Engine
from regulars.storage.engines.spark import SparkEngine

AT = datetime(2026, 2, 3, 15, tzinfo=UTC).replace(tzinfo=None)
DAY = date(2026, 2, 3)
EVENTS = pa.Table.from_pylist([
    {"event_id": f"e{n}", "event_type": kind, "customer_id": who, "occurred_at": AT, "business_day": DAY,
     "party_id": party, "party_day": date(2026, 2, 10 + n), "child_name": f"Bo{n}", "attending": "yes", "num_kids": n,
     "kind": "day"}
    for n, (kind, who, party) in enumerate([
        ("party_hosted", "ann", "p1"), ("party_hosted", "bob", "p2"), ("party_rsvp", "cat", "p1"),
        ("party_rsvp", "dan", "p1"), ("party_hosted", None, "p3"), ("check_in", "ann", None),
    ])
])
CUSTOMERS = pa.table({
    "customer_id": ["ann", "bob", "cat"], "birthday": [date(1992, 2, 29), date(1990, 2, 4), None],
})
TRANSITIONS = pa.table({
    "segment": ["lapsed"] * 3, "customer_id": ["ann", "bob", "ann"], "at": pa.array([AT] * 3, pa.timestamp("us")),
    "business_day": [DAY] * 3, "change": ["entered", "entered", "left"], "reason": ["", None, ""],
})
PARTY = DRIP.replace("{entered: lapsed}", "{date: party_day, of: party_hosted, occasion: party_id}") + """
totals:
  guests: {count: party_rsvp, where: {attending: "yes"}, same: party_id}
  kids: {sum: num_kids, of: party_rsvp, same: party_id}
"""
FLOWS = {
    "segment": DRIP, "date": PARTY,
    "event": DRIP.replace("{entered: lapsed}", "{event: check_in, where: {kind: day}}"),
    "birthday": HEAD.replace("{entered: lapsed}", "{anniversary: birthday}") + "steps: [{message: wishes, text: hi}]",
}


def _found(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    tables = Tables(
        customers=engine.arrow(CUSTOMERS), events=engine.arrow(EVENTS), transitions=engine.arrow(TRANSITIONS)
    )
    told: dict[str, Flow] = {name: flow(text) for name, text in FLOWS.items()}
    found = {
        name: occasions(one, tables, first=date(2026, 2, 1), last=date(2026, 2, 28)) for name, one in told.items()
    }
    rows = {name: sorted(engine.fetch(table.select(sorted(table.columns))).to_pylist(), key=str)
            for name, table in found.items()}
    journeys = engine.arrow(pa.table({"customer_id": ["ann", "bob"], "occasion": ["p1@2026-02-10", "p2@2026-02-11"]}))
    said = facts(told["date"], tables.events, journeys, attributes=["child_name"], totals=["guests", "kids"])
    return {**rows, "facts": sorted(engine.fetch(said).to_pylist(), key=str)}


def test_occasions_are_who_they_should_be() -> None:
    found = _found(DuckDBEngine.open())

    assert [(row["customer_id"], row["occasion"]) for row in found["segment"]] == [
        ("ann", "2026-02-03"), ("bob", "2026-02-03")
    ]
    assert [row["occasion"] for row in found["date"]] == ["p1@2026-02-10", "p2@2026-02-11"]
    assert [(row["customer_id"], row["occasion"]) for row in found["event"]] == [("ann", "e5")]
    assert sorted(row["occasion"] for row in found["birthday"]) == ["2026-02-04", "2026-02-28"]
    assert [(row["customer_id"], row["o_child_name"], row["t_guests"], row["t_kids"]) for row in found["facts"]] == [
        ("ann", "Bo0", 2, 5), ("bob", "Bo1", 0, 0)
    ]


@pytest.mark.spark
@pytest.mark.slow
def test_occasions_are_the_same_rows_on_spark() -> None:
    spark = SparkEngine.open("local[1]", {"spark.sql.shuffle.partitions": "1"})

    assert _found(spark) == _found(DuckDBEngine.open())
