"""Who was there together, and what follows from it, is the same on Spark."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from regulars.connections.co_presence import arrivals, together, together_expression
from regulars.connections.companion import tallies, ties
from regulars.connections.connection import connections
from regulars.connections.interaction import same_day_checkins
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.spark import SparkEngine

from .conftest import MONDAY, check_ins


@pytest.mark.spark
@pytest.mark.slow
def test_interactions_connections_and_ties_are_the_same_rows(engine: DuckDBEngine) -> None:
    spark = SparkEngine.open("local[1]", {"spark.sql.shuffle.partitions": "1"})
    rows = check_ins(
        (f"c{n % 7}", MONDAY + timedelta(days=n % 5), 600 + n * 13 % 90, (None, "hall")[n % 2]) for n in range(120)
    )
    asked = pa.array(["c1", "c4"])
    on_duck = same_day_checkins(engine.arrow(together(arrivals(rows), at_least=2, of=asked)))
    of = spark.arrow(pa.table({"customer_id": asked}))
    on_spark = same_day_checkins(together_expression(spark.arrow(rows), at_least=2, of=of))
    newest = MONDAY + timedelta(days=4)

    for rule in (lambda t: t, connections, lambda t: ties(tallies(t), newest=newest).drop("recent_days", "recent_weight")):
        found, wanted = (sorted(map(str, of.fetch(rule(table)).to_pylist())) for of, table in ((spark, on_spark), (engine, on_duck)))
        assert len(found) > 5
        assert found == wanted
    spark.close()
