"""Texts and purchasers come out the same on Spark as on DuckDB."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
import yaml

from regulars.connections.pass_use import pass_uses, taken
from regulars.connections.purchaser import PURCHASE, evidence, lodgers, pairs, transfers, weighed
from regulars.connections.transfer import declare
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import Engine
from regulars.storage.engines.spark import SparkEngine

ROOT = Path(__file__).parents[3]
RULES = declare(yaml.safe_load((ROOT / "examples/gym/transfers.yaml").read_text(encoding="utf-8")))
STREAM = declare_stream("capitan", "check_ins", {
    "key": "id",
    "fields": {"id": "id", "customer_id": "id", "checked_in_at": "timestamp", "description": "text",
               "entry_method": "text", "location_name": "text"},
})
DAY = datetime(2025, 3, 10, 12, tzinfo=UTC)
TEXTS = (
    ("ann", "5 Climb Punch Pass (4 remaining)", "ENT"), ("ben", "5 Climb Punch Pass from Ann Lee (3 remaining)", "ENT"),
    ("ben", "Guest Pass from Ann Lee", "GUE"), ("ben", "Pass from Home from Ann (Annie) Lee (1 remaining)", "ENT"),
    ("ben", "Pass from Home (2 remaining)", "ENT"), ("ben", "Day\u00a0Pass  FROM José Núñez", "ENT"),
    ("ben", "Day Pass from Ann Lee (x remaining)", "ENT"), ("ben", "from Ann Lee", "ENT"), ("ann2", "Day Pass", "MEM"),
    ("ben", "2-Week Climbing Pass from Nobody Known", "ENT"), ("ann", "Day Pass from Ann Lee", "ENT"),
)
NAMES = {"ann": "ann lee", "ann2": "ann lee", "annie": "ann annie lee", "jose": "josé núñez", "ben": "ben moss"}


def _inputs() -> dict[str, pa.Table]:
    schema = typed_schema(STREAM)
    check_ins = [
        dict.fromkeys(schema.names) | {
            "id": str(n), "record_key": str(n), "record_n": 0, "customer_id": who, "description": text, "entry_method": way,
            "checked_in_at": DAY + timedelta(hours=n), "checked_in_at_day": date(2025, 3, 10), "location_name": "Summit",
            "recorded_at": DAY, "seq": 1,
        }
        for n, (who, text, way) in enumerate(TEXTS)
    ]
    people = [
        {"profile_source": "capitan", "profile_id": who, "name": name, "raw_name": name.title(),
         "created_at": datetime(2024, 1, 1, tzinfo=UTC), "customer_id": f"c_{who}"}
        for who, name in NAMES.items()
    ]
    sales = [{"customer_id": "c_ann2", "pass_key": "5 climb punch pass", "bought_at": DAY - timedelta(days=9), "units": 5,
              "line_id": "l1"}]
    homes = [{"household_id": "h", "customer_id": who} for who in ("c_ben", "c_jose")]
    return {
        "check_ins": pa.Table.from_pylist(check_ins, schema=schema.to_pyarrow()), "people": pa.Table.from_pylist(people),
        "sales": pa.Table.from_pylist(sales, schema=PURCHASE.to_pyarrow()), "homes": pa.Table.from_pylist(homes),
    }


def _found(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """What the inputs come to on one engine, each stage carried out by it and read again."""
    given = {name: engine.arrow(table) for name, table in _inputs().items()}
    people = given["people"]
    good, bad = taken(engine.fetch(pass_uses(given["check_ins"], RULES)))
    uses, identity = engine.arrow(good), people.select("profile_source", "profile_id", "customer_id")
    met = engine.arrow(engine.fetch(pairs(uses, people.drop("customer_id"), identity)))
    visits = given["check_ins"].select(
        checkin_id="id", profile_id="customer_id", day="checked_in_at_day", location_name="location_name"
    )
    kinds = evidence(met, uses=uses, visits=visits, sales=given["sales"], identity=identity)
    reasons = engine.fetch(ibis.union(*kinds, lodgers(met, given["homes"])))
    found = weighed(met, engine.arrow(reasons))
    shared = engine.fetch(transfers(uses, found, profiles=people.drop("customer_id"), identity=identity))
    tables = {"uses": good, "refused": bad, "reasons": reasons, "transfers": shared}
    return {name: sorted(table.to_pylist(), key=str) for name, table in tables.items()}


@pytest.mark.spark
def test_texts_and_purchasers_are_the_same_rows_on_spark() -> None:
    spark = SparkEngine.open("local[1]", {"spark.sql.shuffle.partitions": "1"})

    expected, found = _found(DuckDBEngine.open()), _found(spark)

    for name, rows in expected.items():
        assert found[name] == rows, name
        assert rows, name
    assert len(expected["transfers"]) == 6
