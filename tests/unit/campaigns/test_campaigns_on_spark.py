"""Bot marks come out the same on Spark as on DuckDB."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.campaigns.bot import CLICK, marked
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import Engine
from regulars.storage.engines.spark import SparkEngine

START = datetime(2026, 1, 1)  # noqa: DTZ001 - engines hold UTC without saying so


def _at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


CLICKS = pa.Table.from_pylist([
    {"click_id": str(n), "message": f"m{n % 2}", "position": n, "at": _at(5) + timedelta(seconds=n), "sent_at": _at(0),
     "method": "GET", "user_agent": agent}
    for n, agent in enumerate(["Mozilla", "Slackbot", "Mozilla", None, "Mozilla", "Mozilla"])
], schema=CLICK.to_pyarrow())


def _everything(engine: Engine) -> dict[str, ir.Table]:
    return {"bots": marked(engine.arrow(CLICKS))}


def _found(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    return {name: sorted(engine.fetch(table).to_pylist(), key=str) for name, table in _everything(engine).items()}


@pytest.mark.spark
@pytest.mark.slow
def test_bot_marks_are_the_same_rows_on_spark() -> None:
    spark = SparkEngine.open("local[1]", {"spark.sql.shuffle.partitions": "1"})

    expected, found = _found(DuckDBEngine.open()), _found(spark)

    for name, rows in expected.items():
        assert found[name] == rows, name
        assert rows, name
