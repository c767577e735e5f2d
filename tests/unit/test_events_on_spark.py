"""Events, money, categories and refunds are the same rows on Spark as on DuckDB."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from regulars.events import category, derive, event, money
from regulars.events.ledger import linked, reconciliation, totals
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream

ROOT = Path(__file__).parents[2]
NOW = datetime(2025, 6, 1, tzinfo=UTC)
STREAM = declare_stream("till", "payments", {
    "key": "id",
    "fields": {"id": "id", "who": "id", "at": "timestamp", "total": "money", "what": "text", "back": "id", "n": "integer"},
    "money": [
        {"kind": "sale", "amount": 'total - tax_within(total, "0.0825")', "when": "at", "who": "who", "payment": "id",
         "description": "what", "quantity": "n", "only_if": "back is null"},
        {"kind": "tax", "amount": 'tax_within(total, "0.0825")', "when": "at", "who": "who", "payment": "id",
         "description": "what", "only_if": "back is null"},
        {"kind": "refund", "amount": "abs(total)", "when": "at", "refund_of": "back", "only_if": "back is not null"},
    ],
})
BOUGHT = event.declare("bought", {
    "from": "till.payments", "who": "who", "when": "at", "only_if": "back is null",
    "what": {"amount": "total", "is_pass": 'word(what, "pass")', "year": "year(at)", "sold": 'coalesce(what, "?")'},
})


def _records() -> pa.Table:
    schema = typed_schema(STREAM)
    plain = {"record_n": 0, "fingerprint": "f", "recorded_at": NOW, "seq": 1, "at": datetime(2025, 2, 1, 5, 30, tzinfo=UTC),
             "at_day": date(2025, 1, 31), "n": 2, "who": "ann"}
    rows = [
        {"id": "1", "total": 10825, "what": "5-Punch Pass"}, {"id": "2", "total": 3333, "what": "Company hoodie", "n": 1},
        {"id": "3", "total": -999, "back": "2", "who": None}, {"id": "4", "total": None, "what": None},
        {"id": "5", "total": 500, "what": "?", "at": datetime(2026, 1, 1, tzinfo=UTC)}, {"id": "6", "total": 1, "back": "lost"},
        {"id": "7", "total": 700, "what": "odd thing"},
    ]
    full = [dict.fromkeys(schema.names) | plain | row | {"record_key": row["id"]} for row in rows]
    return pa.Table.from_pylist(full, schema=schema.to_pyarrow())


def _gathered(parts: list[ir.Table], schema: ibis.Schema) -> ir.Table:
    """Put parts together as the lake does: a column that a part lacks is null."""
    whole = [part.select(**{n: part[n].cast(k) if n in part.columns else ibis.null(k) for n, k in schema.items()}) for part in parts]
    return ibis.union(whole[0], *whole[1:]) if len(whole) > 1 else whole[0]


def _tables(records: ir.Table) -> dict[str, ir.Table]:
    wide = event.attributes([BOUGHT], {"till.payments": typed_schema(STREAM)})
    draft = _gathered(derive.drafts(records, [BOUGHT], source="till", stream="payments"), ibis.schema({**derive.DRAFT, **wide}))
    derived = derive.derived(draft, attributes=wide, now=NOW)
    made = money.lines(_gathered(money.drafts(records, STREAM), money.DRAFT), currency="USD", largest=10_000_000, now=NOW)
    rules = category.declare(yaml.safe_load((ROOT / "examples/gym/categories.yaml").read_text(encoding="utf-8")))
    ledger = linked(category.categorised(made.ledger, rules))
    return {
        "events": derive.with_month(derived.events), "held events": derived.bad, "held money": made.bad, "ledger": ledger,
        "reconciliation": reconciliation(ledger), "totals": totals(ledger, by=("category",)),
        "unmatched": category.unmatched(ledger),
    }


@pytest.mark.spark
def test_events_and_money_are_the_same_rows_on_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs the spark extra")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to import

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path)).config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    pq.write_table(_records(), tmp_path / "records.parquet")
    spark, duck = ibis.pyspark.connect(session), ibis.duckdb.connect()

    on_duck = _tables(duck.read_parquet(tmp_path / "records.parquet"))
    on_spark = _tables(spark.read_parquet(str(tmp_path / "records.parquet"), table_name="typed"))

    for name, table in on_duck.items():
        expected = sorted(duck.to_pyarrow(table).to_pylist(), key=str)
        found = sorted(session.sql(spark.compile(on_spark[name])).toArrow().to_pylist(), key=str)
        assert found == expected, name
        assert found, name
