"""Formulas: what they compute, and how they refuse."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.errors import DeclarationError
from regulars.records.formula import Formula
from regulars.records.formula_functions import FUNCTIONS

ROW = pa.table({
    "status": pa.array(["ACT"]),
    "name": pa.array(["Ann van Lee"]),
    "turned": pa.array(["Lee, Ann"]),
    "description": pa.array(["Capitan membership #17 renewal payment: Solo Weekly"]),
    "nothing": pa.array([None], pa.string()),
    "amount": pa.array([10825], pa.int64()),
    "quantity": pa.array([-3], pa.int64()),
    "large": pa.array([9_007_199_254_740_993], pa.int64()),
    "price": pa.array([Decimal("2.555")], pa.decimal128(18, 6)),
    "is_free": pa.array([False]),
    "at": pa.array([datetime(2025, 1, 1, 5, 30, tzinfo=UTC)], pa.timestamp("us")),
    "at_day": pa.array([date(2024, 12, 31)]),
    "born_on": pa.array([date(2000, 2, 29)]),
})

ANSWERS = [
    ('lower(status) == "act"', True),
    ('upper("act") == status', True),
    ("amount + 1", 10826),
    ("100 * 100 * 100", 1_000_000),
    ("-amount", -10825),
    ("amount // 7", 1546),
    ("quantity // 2", -2),
    ("quantity % 2", 1),
    ("large // 1", 9_007_199_254_740_993),
    ("large // 3", 3_002_399_751_580_331),
    ("amount // 0", None),
    ("amount / 0", None),
    ("amount / 100", Decimal("108.250000")),
    ("price * quantity", Decimal("-7.665000")),
    ("integer(round(price * quantity * 100))", -767),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(price, 2)", Decimal("2.560000")),
    ("integer(-2.9)", -2),
    ('integer("12x")', None),
    ('integer(" 12 ")', 12),
    ('decimal("1.25")', Decimal("1.250000")),
    ('tax_within(amount, "0.0825")', 825),
    ("tax_within(-amount, 0.0825)", -825),
    ('tax_within(1, "0.0825")', 0),
    ("abs(quantity)", 3),
    ("least(amount, 5, quantity)", -3),
    ("greatest(price, 5)", Decimal("5.000000")),
    ('extract(description, "membership #([0-9]+)")', "17"),
    ('extract(description, "order #([0-9]+)")', None),
    (r'matches(description, "#\d+ renewal")', True),
    ('word(description, "renewal payment")', True),
    ('word(description, "member")', False),
    ('word(description, "member*")', True),
    ('word("Day-Pass!", "day pass")', True),
    ('word("Company hoodie", "comp", "camp")', False),
    ('word("Café — day pass…", "day pass")', True),
    ('word("Crème Brûlée", "brûlée")', True),
    ('word("Éday pass", "day pass")', False),
    ('word("brûlées", "brûlée")', False),
    ('word("brûlées", "brûl*")', True),
    ('word("day\u00a0pass", "day pass")', False),
    ('word("Yoga — Kids", "yoga — kids")', True),
    ('contains(description, "#17")', True),
    ('starts_with(status, "A") and not ends_with(status, "X")', True),
    ('replace(status, "A", "E")', "ECT"),
    ('concat(status, "-", nothing, amount)', "ACT-10825"),
    ('coalesce(nothing, "none")', "none"),
    ("length(status)", 3),
    ('trim("  ")', None),
    ("split_name_first(name)", "Ann"),
    ("split_name_last(name)", "van Lee"),
    ("split_name_first(turned)", "Ann"),
    ("split_name_last(turned)", "Lee"),
    ("nothing is null", True),
    ("nothing is not None", False),
    ('nothing == "x"', None),
    ('status in ("ACT", "FRZ")', True),
    ('status not in ["ACT"]', False),
    ('amount if status == "ACT" else null', 10825),
    ("1 if nothing is null else 0.5", Decimal("1.000000")),
    ("0 < amount <= 10825", True),
    ("is_free or false", False),
    ("not is_free", True),
    ("day(at)", date(2024, 12, 31)),
    ("days_between(born_on, at)", 9072),
    ("add_days(born_on, 1)", date(2000, 3, 1)),
    ("add_days(born_on, quantity)", date(2000, 2, 26)),
    ("year(at)", 2024),
    ("month(born_on)", 2),
    ('born_on < "2000-03-01"', True),
    ('at >= "2025-01-01"', True),
    ("text(amount)", "10825"),
]


def _duckdb(table: pa.Table) -> tuple[ibis.BaseBackend, ir.Table]:
    engine = ibis.duckdb.connect()
    return engine, engine.create_table("records", table, temp=True)


@pytest.mark.parametrize(("text", "answer"), ANSWERS, ids=[text for text, _ in ANSWERS])
def test_a_formula_computes_its_value_exactly(text: str, answer: object) -> None:
    engine, table = _duckdb(ROW)

    found = engine.to_pyarrow(table.select(value=Formula.parse(text).column(table)))["value"][0].as_py()

    assert found == answer
    assert isinstance(found, bool) == isinstance(answer, bool)


@pytest.mark.spark
def test_every_formula_has_the_same_answer_on_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs the spark extra")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to import

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path)).config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .getOrCreate()
    )
    engine = ibis.pyspark.connect(session)
    pq.write_table(ROW, tmp_path / "row.parquet")
    table = engine.read_parquet(str(tmp_path / "row.parquet"), table_name="records")

    columns = {f"v{n}": Formula.parse(text).column(table) for n, (text, _) in enumerate(ANSWERS)}
    found = list(session.sql(engine.compile(table.select(**columns))).toArrow().to_pylist()[0].values())

    assert found == [answer for _, answer in ANSWERS]


REFUSALS = [
    ("statu == 1", "there is no field 'statu'", "did you mean 'status'"),
    ("lowr(status)", "there is no function 'lowr'", "did you mean 'lower'"),
    ("lower(amount)", "column 7: expected text, not number", "text(…)"),
    ("lower()", "lower is not called so", "lower(text)"),
    ("status +", "column", "a formula looks like"),
    ("status == 1", "text beside number", ""),
    ("status == null", "nothing equals a missing value", "is null"),
    ("amount and is_free", "expected boolean, not number", "compare it"),
    ("__import__('os')", "no function '__import__'", ""),
    ("status.upper()", "no function 'status.upper'", ""),
    ("[x for x in status]", "ListComp is not part of formulas", ""),
    ("lambda: 1", "Lambda is not part of formulas", ""),
    ("status[0]", "Subscript is not part of formulas", ""),
    ("price // 2", "whole numbers", "integer(…)"),
    ("0.12345678 * amount", "more than six places", ""),
    ('tax_within(amount, "8,25%")', "is not a rate", 'tax_within(total, "0.0825")'),
    ("matches(status, name)", "regex must be written out", ""),
    ('matches(status, "(")', "is no regex", ""),
    ('matches(status, "a(?=b)")', "not read by every engine", ""),
    ("text(at)", "engines write times differently", "day(…)"),
    ("day(born_on) == amount", "date beside number", ""),
    ("status in name", "`in` needs a list", ""),
    ("f'{status}'", "JoinedStr is not part of formulas", ""),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSALS, ids=[text for text, _, _ in REFUSALS])
def test_a_wrong_formula_says_where_and_what_would_be_right(text: str, message: str, hint: str) -> None:
    _, table = _duckdb(ROW)

    with pytest.raises(DeclarationError) as refused:
        Formula.parse(text, path=("only_if",)).column(table)

    assert message in refused.value.message
    assert "column" in refused.value.message
    assert hint in refused.value.hint
    assert refused.value.path == ("only_if",)


def test_a_formula_names_the_fields_it_reads() -> None:
    formula = Formula.parse('lower(status) == "x" and day(at) > "2024-01-01" or true')

    assert formula.names == {"status", "at"}


def test_a_formula_written_over_several_lines_is_one_formula() -> None:
    formula = Formula.parse('status == "A"\n  or status == "B"\n')

    assert formula.text == 'status == "A"   or status == "B"'


def test_a_formula_knows_its_type_without_data() -> None:
    schema = ibis.schema({"amount": "int64", "at": "timestamp", "at_day": "date"})

    assert Formula.parse("amount // 2").kind(schema).is_integer()
    assert Formula.parse("day(at)").kind(schema).is_date()


def test_every_function_has_an_example_here() -> None:
    shown = " ".join(text for text, _ in ANSWERS)

    assert [name for name in FUNCTIONS if f"{name}(" not in shown] == []

def test_formulas_are_read_in_several_threads_at_once() -> None:
    # A thread that collects garbage lets another in.
    def let_in(_phase: str, _told: dict[str, int]) -> None:
        time.sleep(0)

    def read(_: int) -> int:
        return len([Formula.parse(f"a + {n} * (b - c) + d + e + f == g") for n in range(150)])

    thresholds = gc.get_threshold()
    gc.callbacks.append(let_in)
    gc.set_threshold(5)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(read, range(4)))
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(let_in)

    assert found == [150] * 4
