"""Statistics count what pixels told: on whose day, under which variant, and what is not known stays unknown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.experiments.experiment import Experiment, Variant
from regulars.shops.calendar import cases_table, days_table, shown_table, span, touched
from regulars.shops.rotation import Rotated, Span, dealt
from regulars.shops.shop import Rotation, Shop
from regulars.shops.statistics import SHOP_STATISTICS, shop_statistics
from regulars.storage.engines.duckdb import DuckDBEngine

GEAR = Shop(name="gear", domain="g.myshopify.com", source="site", timezone="America/Chicago", currency="USD")
YEN = Shop(name="yen", domain="y.myshopify.com", source="site", timezone="Asia/Tokyo", currency="JPY")
SHOPS = {"gear": GEAR, "yen": YEN}
DAY = date(2026, 2, 3)
NOON = datetime(2026, 2, 3, 18, 30, tzinfo=UTC)  # half past noon in Chicago
EVENTS = pa.schema([
    ("event_id", pa.string()), ("event_type", pa.string()), ("occurred_at", pa.timestamp("us")), ("shop_id", pa.string()),
    ("product_id", pa.string()), ("variant_id", pa.string()), ("order_id", pa.string()), ("quantity", pa.int64()),
    ("revenue", pa.int64()), ("currency", pa.string()), ("told_test", pa.string()), ("told_case", pa.string()),
])


def rotated(*stops: Span) -> Rotated:
    return Rotated(
        shop=GEAR, rotation=Rotation(experiment="gallery", product="p1", slot=timedelta(hours=1)), stops=stops,
        experiment=Experiment(
            name="gallery", variants=tuple(Variant(name=name, weight=Fraction(50)) for name in ("base", "test")), control="base",
            primary=(), unit="shop_slot", begins=date(2026, 2, 1), ends=date(2026, 2, 5),
        ),
    )


def told(*rows: tuple[str, dict[str, Any]]) -> pa.Table:
    plain = {
        "occurred_at": NOON, "shop_id": "gear", "product_id": "p2", "variant_id": "v", "order_id": None, "quantity": 1, "revenue": None,
        "currency": "USD", "told_test": None, "told_case": None,
    }
    full = [{**plain, "event_id": f"e{n}", "event_type": kind, **row} for n, (kind, row) in enumerate(rows)]
    return pa.Table.from_pylist(full, schema=EVENTS)


def expression(arrow: Any, events: pa.Table, *tests: Rotated, is_told: bool = False) -> ir.Table:
    days = [moment.date() for moment in events["occurred_at"].to_pylist()] or [DAY]
    wanted = [one for shop in SHOPS.values() for one in touched(shop, days)]
    first = datetime.combine(min(days), datetime.min.time(), tzinfo=UTC)
    end = datetime.combine(max(days) + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    return shop_statistics(
        arrow(events), days=arrow(days_table(SHOPS, wanted)), shown=arrow(shown_table(tests, first=first, end=end)),
        cases=arrow(cases_table(tests)), returned=arrow(events) if is_told else None,
    )


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    return DuckDBEngine.open({"threads": "1"})


def counted(
    engine: DuckDBEngine, events: pa.Table, *tests: Rotated, days: str = "shop", is_told: bool = False
) -> list[dict[str, Any]]:
    rows = engine.fetch(expression(engine.arrow, events, *tests, is_told=is_told)).to_pylist()
    return sorted((row for row in rows if row["days"] == days), key=str)


def views(count: int, **more: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("product_viewed", more)] * count


def test_what_was_looked_at_put_into_carts_and_sold_is_counted(engine: DuckDBEngine) -> None:
    events = told(*views(3), ("product_added", {}), ("order_line", {"revenue": 2999}), ("order_line", {"revenue": 4999, "quantity": 3}))

    [row] = counted(engine, events)

    assert {name: row[name] for name in ("impressions", "add_to_carts", "orders", "items", "revenue", "currency", "revenue_unknown")} == {
        "impressions": 3, "add_to_carts": 1, "orders": 2, "items": 4, "revenue": 7998, "currency": "USD", "revenue_unknown": 0,
    }
    assert (round(row["ctr"], 4), round(row["conversion_rate"], 4)) == (0.3333, 0.6667)


def test_nothing_gives_nothing(engine: DuckDBEngine) -> None:
    assert counted(engine, told()) == []


def test_without_impressions_there_is_no_rate(engine: DuckDBEngine) -> None:
    [row] = counted(engine, told(("product_added", {}), ("order_line", {"revenue": 1})))

    assert (row["impressions"], row["ctr"], row["conversion_rate"]) == (0, None, None)


def test_rates_are_of_impressions(engine: DuckDBEngine) -> None:
    events = told(*views(100), *[("product_added", {})] * 20, *[("order_line", {})] * 5)

    [row] = counted(engine, events)

    assert (row["ctr"], row["conversion_rate"]) == (0.2, 0.05)


def test_an_amount_that_is_not_known_or_in_other_money_is_an_order_and_no_revenue(engine: DuckDBEngine) -> None:
    events = told(("order_line", {}), ("order_line", {"revenue": 500, "currency": "EUR"}), ("order_line", {"revenue": 700}))

    [row] = counted(engine, events)

    assert (row["orders"], row["revenue"], row["revenue_unknown"]) == (3, 700, 2)


def test_two_lines_of_an_order_are_one_order(engine: DuckDBEngine) -> None:
    [row] = counted(engine, told(("order_line", {"order_id": "1"}), ("order_line", {"order_id": "1"}), ("order_line", {"order_id": "2"})))

    assert (row["orders"], row["items"]) == (2, 3)


def test_events_that_name_no_variant_have_a_row_of_their_own(engine: DuckDBEngine) -> None:
    rows = counted(engine, told(*views(2), *views(1, variant_id=None)))

    assert {row["variant_id"]: row["impressions"] for row in rows} == {"v": 2, None: 1}


def test_a_day_is_the_shop_s_own_and_the_world_s(engine: DuckDBEngine) -> None:
    events = told(
        *views(1, occurred_at=datetime(2026, 2, 3, 5, 59, 59, tzinfo=UTC)), *views(2, occurred_at=datetime(2026, 2, 3, 6, tzinfo=UTC)),
        *views(4, shop_id="yen", occurred_at=datetime(2026, 2, 3, 15, tzinfo=UTC)),
    )

    found = {days: {(row["shop_id"], row["day"].day): row["impressions"] for row in counted(engine, events, days=days)} for days in ("shop", "utc")}

    assert found == {"shop": {("gear", 2): 1, ("gear", 3): 2, ("yen", 4): 4}, "utc": {("gear", 3): 3, ("yen", 3): 4}}


def test_what_was_shown_at_the_moment_tells_rows_apart_and_nothing_while_it_was_stopped(engine: DuckDBEngine) -> None:
    one = rotated((NOON + timedelta(hours=1), NOON + timedelta(hours=2)))
    moments = [NOON + timedelta(hours=n, minutes=1) for n in range(4)]
    events = told(*(("product_viewed", {"product_id": "p1", "occurred_at": moment}) for moment in moments), *views(1))

    rows = counted(engine, events, one)

    slots = [dealt(one, int((moment - one.span[0]) / timedelta(hours=1))) for moment in moments if one.span]
    expected: dict[tuple[str, str | None], int] = {("p2", None): 1, ("p1", None): 1}
    for variant in (slots[0], slots[2], slots[3]):
        expected["p1", variant] = expected.get(("p1", variant), 0) + 1
    assert {(row["product_id"], row["shown"]): row["impressions"] for row in rows} == expected
    assert {row["experiment"] for row in rows if row["shown"]} == {"gallery"}


LINES = st.lists(
    st.fixed_dictionaries({
        "order_id": st.sampled_from(["1", "2", "gid://shopify/Order/1"]), "variant_id": st.sampled_from(["v", "w"]),
        "revenue": st.integers(min_value=0, max_value=10**6),
    }), max_size=6,
)


@given(own=LINES, seen=LINES, back=LINES)
def test_an_order_counts_by_the_word_of_one_and_what_came_back_of_it_is_taken_off(
    engine: DuckDBEngine, own: list[dict[str, Any]], seen: list[dict[str, Any]], back: list[dict[str, Any]]
) -> None:
    events = told(*(("order_line", line) for line in own), *(("order_line_seen", line) for line in seen), *(
        ("order_line_returned", {**line, "occurred_at": NOON + timedelta(days=40)}) for line in back
    ))

    rows = counted(engine, events, is_told=True)

    def number(line: dict[str, Any]) -> str:
        return str(line["order_id"]).rpartition("/")[2]

    by_shop = {number(line) for line in own}
    counts = [*own, *(line for line in seen if number(line) not in by_shop)]
    sold = {(number(line), line["variant_id"]) for line in counts}
    given_back = sum(line["revenue"] for line in back if (number(line), line["variant_id"]) in sold)
    assert sum(row["refunded"] for row in rows) == given_back
    assert sum(row["revenue"] for row in rows) == sum(line["revenue"] for line in counts) - given_back
    assert sum(row["items"] for row in rows) == len(counts)


def test_what_came_back_is_under_what_its_order_is_under(engine: DuckDBEngine) -> None:
    shown = {"product_id": "p1", "order_id": "1", "told_test": "gallery", "told_case": "TEST"}
    events = told(("order_line", {**shown, "revenue": 500}), ("order_line_returned", {
        "product_id": "p1", "order_id": "1", "revenue": 200, "occurred_at": NOON + timedelta(hours=1),
    }))

    [row] = counted(engine, events, rotated(), is_told=True)

    assert (row["experiment"], row["shown"], row["revenue"], row["refunded"]) == ("gallery", "test", 300, 200)


MOMENTS = st.datetimes(min_value=datetime(2026, 2, 1), max_value=datetime(2026, 4, 1))  # noqa: DTZ001  made aware below


@given(moments=st.lists(MOMENTS, min_size=1, max_size=30))
def test_every_event_is_in_one_row_of_each_kind_of_day(engine: DuckDBEngine, moments: list[datetime]) -> None:
    events = told(*(("product_viewed", {"occurred_at": moment.replace(tzinfo=UTC), "product_id": "p1"}) for moment in moments))

    sums = [sum(row["impressions"] for row in counted(engine, events, rotated(), days=days)) for days in ("shop", "utc")]

    assert sums == [len(moments)] * 2


@given(day=st.dates(min_value=date(2025, 1, 1), max_value=date(2027, 1, 1)), shop=st.sampled_from([GEAR, YEN]))
def test_the_days_that_are_touched_are_those_that_share_a_moment(day: date, shop: Shop) -> None:
    found = {one.day for one in touched(shop, [day]) if one.days == "shop"}

    begins, ends = span(shop, "utc", day)
    near: Iterable[date] = (day + timedelta(days=n) for n in range(-3, 4))
    assert found == {each for each in near if span(shop, "shop", each)[0] < ends and span(shop, "shop", each)[1] > begins}


@pytest.mark.spark
def test_statistics_are_the_same_rows_on_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs the spark extra")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to import

    session = (
        SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path)).config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .config("spark.sql.shuffle.partitions", "1").getOrCreate()
    )
    events = told(
        *views(5, product_id="p1"), ("product_added", {"product_id": "p1"}), ("order_line", {"revenue": 5, "order_id": "1"}),
        ("order_line", {"revenue": 5, "currency": "EUR", "variant_id": None}), *views(1, shop_id="yen"),
        ("order_line_seen", {"revenue": 9, "order_id": "gid://shopify/Order/1"}), ("order_line_seen", {"revenue": 4, "order_id": "2"}),
        ("order_line_returned", {"revenue": 2, "order_id": "1"}), ("order_line", {
            "revenue": 8, "order_id": "3", "product_id": "p1", "told_test": "gallery", "told_case": "TEST",
        }),
    )
    spark, duck = ibis.pyspark.connect(session), ibis.duckdb.connect()

    numbers = count()

    def on(backend: Any) -> Any:
        def arrow(table: pa.Table) -> ir.Table:
            file = tmp_path / f"{next(numbers)}.parquet"
            pq.write_table(table, file)
            return backend.read_parquet(str(file))
        return arrow

    expected = duck.to_pyarrow(expression(on(duck), events, rotated(), is_told=True)).cast(SHOP_STATISTICS.to_pyarrow())
    found = session.sql(spark.compile(expression(on(spark), events, rotated(), is_told=True))).toArrow().cast(SHOP_STATISTICS.to_pyarrow())

    assert sorted(found.to_pylist(), key=str) == sorted(expected.to_pylist(), key=str)
    assert len(found)
