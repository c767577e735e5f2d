"""What every engine promises: the same expressions, the same types, the same files."""

from __future__ import annotations

import gc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from regulars.errors import StoreError
from regulars.storage.engines import Engine, open_engine
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.question import given, given_table


def _at(*parts: int) -> datetime:
    """A moment as tables hold it: UTC without saying so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


# Every type a table may have; the second moment does not exist on a clock in Chicago, the last row is all null.
WORLD = pa.table({
    "id": pa.array(["a", "b", "zoë", ""], pa.string()),
    "n": pa.array([1, -(2**62), 0, None], pa.int64()),
    "price": pa.array([Decimal("1.500000"), Decimal("-999999999999.999999"), Decimal(0), None], pa.decimal128(18, 6)),
    "is_paid": pa.array([True, False, True, None], pa.bool_()),
    "at": pa.array([
        _at(2026, 1, 5, 14, 30, 0, 123456), _at(2025, 3, 9, 2, 30), _at(1969, 12, 31, 23, 59, 59, 999999), None,
    ], pa.timestamp("us")),
    "day": pa.array([date(2026, 1, 5), date(1900, 2, 28), date(2024, 2, 29), None], pa.date32()),
    "share": pa.array([0.1, 1e300, -0.0, None], pa.float64()),
    "month": pa.array(["2026-01", "2025-03", None, "a/b=c %"], pa.string()),
})
SCHEMA = ibis.schema(WORLD.schema)


def _sorted(table: pa.Table) -> pa.Table:
    return table.sort_by([("id", "ascending")])


def _write(engine: Engine, table: pa.Table, folder: Path, **layout: object) -> list[Path]:
    return [file.path for file in engine.write(engine.arrow(table), folder, **layout)]


def test_what_goes_in_comes_out(engine: Engine) -> None:
    assert _sorted(engine.fetch(engine.arrow(WORLD))) == _sorted(WORLD)


def test_empty_chunks_hide_no_rows(engine: Engine) -> None:
    none = WORLD.slice(0, 0)

    assert _sorted(engine.fetch(engine.arrow(pa.concat_tables([none, none, WORLD, none])))) == _sorted(WORLD)


def test_what_is_written_is_read_back(engine: Engine, tmp_path: Path) -> None:
    paths = _write(engine, WORLD, tmp_path)

    assert _sorted(engine.fetch(engine.parquet(paths, SCHEMA))) == _sorted(WORLD)


def test_what_one_engine_writes_the_border_reads_alike(engine: Engine, duck: DuckDBEngine, tmp_path: Path) -> None:
    paths = _write(engine, WORLD, tmp_path)

    assert _sorted(duck.fetch(duck.parquet(paths, SCHEMA))) == _sorted(WORLD)


def test_what_the_border_writes_every_engine_reads_alike(engine: Engine, duck: DuckDBEngine, tmp_path: Path) -> None:
    paths = _write(duck, WORLD, tmp_path)

    assert _sorted(engine.fetch(engine.parquet(paths, SCHEMA))) == _sorted(WORLD)


def test_moments_have_no_zone_whatever_is_done_to_them(engine: Engine, tmp_path: Path) -> None:
    expr = engine.arrow(WORLD).filter(_.id == "b").select(
        "id",
        later=_.at + ibis.interval(hours=1),
        start_of_day=_.at.truncate("D"),
        read=ibis.literal("2025-03-09 02:30:00").cast("timestamp"),
        from_day=_.day.cast("timestamp"),
        known=ibis.literal(_at(2025, 3, 9, 2, 30)),
    )

    (path,) = (file.path for file in engine.write(expr, tmp_path))

    written = pq.read_table(path, schema=pa.schema([(n, pa.timestamp("us")) for n in expr.columns if n != "id"]))
    assert {str(pq.read_schema(path).field(name).type) for name in written.column_names} <= {"timestamp[us]"}
    assert written.to_pylist() == engine.fetch(expr).drop(["id"]).to_pylist() == [{
        "later": _at(2025, 3, 9, 3, 30), "start_of_day": _at(2025, 3, 9), "read": _at(2025, 3, 9, 2, 30),
        "from_day": _at(1900, 2, 28), "known": _at(2025, 3, 9, 2, 30),
    }]


def test_blanks_are_stripped_and_the_letters_of_their_escapes_are_not(engine: Engine) -> None:
    table = engine.arrow(pa.table({"text": ["family of", "\f\v van \t\n", " "]}))

    found = engine.fetch(table.select(text=table.text.strip(), odd=ibis.literal("a\f\v\a\\f")))

    assert sorted(found["text"].to_pylist()) == ["", "family of", "van"]
    assert set(found["odd"].to_pylist()) == {"a\f\v\a\\f"}


def test_a_zoned_moment_keeps_its_instant(engine: Engine) -> None:
    zoned = pa.table({"at": pa.array([datetime(2026, 1, 5, 14, 30, tzinfo=UTC)], pa.timestamp("us", tz="America/Chicago"))})

    assert engine.fetch(engine.arrow(zoned)).to_pylist() == [{"at": _at(2026, 1, 5, 14, 30)}]


def test_types_are_those_of_the_expression(engine: Engine, tmp_path: Path) -> None:
    expr = engine.arrow(WORLD).group_by("is_paid").agg(
        rows=_.count(), total=_.n.sum(), first=_.day.min(), share=(_.n > 0).sum(), kinds=_.month.nunique()
    )

    paths = [file.path for file in engine.write(expr, tmp_path)]

    assert engine.fetch(expr).schema == expr.schema().to_pyarrow()
    written = pq.read_schema(paths[0])
    assert dict(zip(written.names, written.types, strict=True)) == {n: k.to_pyarrow() for n, k in expr.schema().items()}


def test_an_older_file_lacks_a_column_and_its_rows_have_null_there(engine: Engine, tmp_path: Path) -> None:
    old = _write(engine, WORLD.select(["id"]), tmp_path)
    new = _write(engine, WORLD.select(["id", "price", "n"]), tmp_path)
    schema = ibis.schema({"price": "decimal(18, 6)", "id": "string"})

    both = engine.fetch(engine.parquet([*old, *new], schema))
    only_old = engine.fetch(engine.parquet(old, schema))

    assert both.schema.names == ["price", "id"]
    assert both["price"].null_count == len(WORLD) + 1
    assert only_old["price"].null_count == len(WORLD)


def test_a_row_knows_which_file_it_is_in(engine: Engine, tmp_path: Path) -> None:
    (first,) = _write(engine, WORLD.slice(0, 1), tmp_path)
    (second,) = _write(engine, WORLD.slice(1, 1), tmp_path)

    rows = engine.fetch(engine.parquet([first, second], ibis.schema({"id": "string"}), file="place"))

    assert dict(zip(rows["id"].to_pylist(), rows["place"].to_pylist(), strict=True)) == {"a": first.name, "b": second.name}


def test_no_rows_give_no_files_and_no_files_give_no_rows(engine: Engine, tmp_path: Path) -> None:
    for layout in ({}, {"partition_by": "month"}, {"order_by": ["id"]}):
        assert _write(engine, WORLD.slice(0, 0), tmp_path, **layout) == []

    empty = engine.fetch(engine.parquet([], SCHEMA))

    assert empty.num_rows == 0
    assert empty.schema == WORLD.schema


def test_each_file_holds_one_partition_and_keeps_its_column(engine: Engine, tmp_path: Path) -> None:
    written = engine.write(engine.arrow(WORLD), tmp_path, partition_by="month")

    assert sorted((file.partition or "", file.rows) for file in written) == [
        ("", 1), ("2025-03", 1), ("2026-01", 1), ("a/b=c %", 1)
    ]
    assert _sorted(engine.fetch(engine.parquet([file.path for file in written], SCHEMA))) == _sorted(WORLD)
    for file in written:
        assert pq.ParquetFile(file.path).read()["month"].to_pylist() == [file.partition]


@pytest.mark.parametrize("partition_by", [None, "part"])
def test_rows_are_sorted_within_each_file(engine: Engine, tmp_path: Path, partition_by: str | None) -> None:
    rows = pa.table({
        "customer": [f"{n * 7919 % 1000:04d}" for n in range(1000)], "n": list(range(1000)),
        "part": [str(n % 2) for n in range(1000)],
    })

    paths = _write(engine, rows, tmp_path, order_by=["customer", "n"], partition_by=partition_by)

    for path in paths:
        found = pq.ParquetFile(path).read()
        assert found == found.sort_by([("customer", "ascending"), ("n", "ascending")])
    assert sum(pq.read_metadata(path).num_rows for path in paths) == 1000


def test_a_missing_file_is_an_error_and_never_an_empty_table(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        engine.fetch(engine.parquet([tmp_path / "nowhere.parquet"], SCHEMA))


def test_a_torn_file_is_an_error(engine: Engine, tmp_path: Path) -> None:
    path = _write(engine, WORLD, tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(StoreError):
        engine.fetch(engine.parquet([path], SCHEMA))


def test_joins_and_windows_give_the_same_rows_everywhere(engine: Engine, duck: DuckDBEngine) -> None:
    visits = pa.table({
        "customer": ["a", "a", "b", "a", "b"], "day": pa.array([date(2026, 1, d) for d in (1, 4, 2, 9, 3)]),
        "amount": [500, 250, 100, 125, 75],
    })

    def gaps(on: Engine) -> list[dict[str, object]]:
        rows = on.arrow(visits)
        ordered = ibis.window(group_by="customer", order_by="day")
        since = rows.mutate(before=_.day.lag().over(ordered)).mutate(gap=lambda t: t.day.delta(t.before, unit="day"))
        totals = rows.group_by("customer").agg(total=_.amount.sum())
        joined = since.join(totals, "customer").order_by("customer", "day")
        return list(on.fetch(joined.select("customer", "day", "gap", "total")).to_pylist())

    assert gaps(engine) == gaps(duck)
    assert [row["gap"] for row in gaps(engine)] == [None, 3, 5, None, 1]


@pytest.mark.parametrize("url", ["duckdb://somewhere", "postgresql://host", "duckdb://?colour=red"])
def test_an_engine_that_means_nothing_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        open_engine(url)

    assert raised.value.hint


def test_an_engine_takes_its_settings_from_the_url(tmp_path: Path) -> None:
    engine = open_engine("duckdb://?threads=1&memory_limit=300MB", scratch=tmp_path / "spill")
    assert isinstance(engine, DuckDBEngine)

    found = engine.fetch(engine.backend.sql("select current_setting('threads') as threads"))

    assert found["threads"].to_pylist() == [1]
    engine.close()


def test_engines_that_work_side_by_side_share_the_memory_of_one() -> None:
    limits = []
    for sharers in (1, 3):
        engine = open_engine("duckdb://?memory_limit=3GiB", sharers=sharers)
        assert isinstance(engine, DuckDBEngine)
        found = engine.fetch(engine.backend.sql("select current_setting('memory_limit') as memory"))
        limits.append(found["memory"][0].as_py())
        engine.close()

    assert limits == ["3.0 GiB", "1.0 GiB"]


def test_an_engine_works_with_its_part_of_the_threads_while_others_are_at_work() -> None:
    at_work = [1, 2, 3, 8, 0]
    engine = open_engine("duckdb://?threads=4", sharers=3, at_work=lambda: at_work[0])
    assert isinstance(engine, DuckDBEngine)
    found = []
    for _time in list(at_work):
        rows = engine.fetch(engine.text("select current_setting('threads') as n", ibis.schema({"n": "int64"})))
        found.append(rows["n"][0].as_py())
        at_work.pop(0)
    engine.close()

    assert found == [4, 2, 2, 1, 4]


@pytest.mark.parametrize("asked", ["a", "zoë", "o'hara", "'; drop table t --", "$x"])
def test_a_question_finds_what_the_expression_with_its_values_finds(engine: Engine, asked: str) -> None:
    world = pa.table({"id": ["a", "zoë", "o'hara", "'; drop table t --", "$x"], "n": [1, 2, 3, 4, 5]})
    rows = engine.arrow(world)
    question = engine.question(rows.filter(rows.id == given("id"), rows.n <= given("most", "int64")))

    found = [question({"id": asked, "most": most}) for most in (5, 0)]

    assert [table.to_pylist() for table in found] == [[row for row in world.to_pylist() if row["id"] == asked], []]


def test_values_of_a_question_have_the_types_of_their_places(engine: Engine) -> None:
    rows = engine.arrow(WORLD)
    question = engine.question(
        rows.filter(rows["at"] == given("at", "timestamp"), rows.day == given("day", "date")).select("id")
    )

    found = question({"at": _at(2026, 1, 5, 14, 30, 0, 123456), "day": date(2026, 1, 5)})

    assert found["id"].to_pylist() == ["a"]


def test_a_table_is_given_to_a_question_each_time_it_is_asked(engine: Engine) -> None:
    rows = engine.arrow(WORLD)
    some = given_table("some", ibis.schema({"id": "string"}))
    question = engine.question(rows.semi_join(some, "id").select("id"))

    found = [question({"some": pa.table({"id": pa.array(ids, pa.string())})}) for ids in (["b"], [], ["a", "b"])]

    assert [sorted(table["id"].to_pylist()) for table in found] == [["b"], [], ["a", "b"]]


def test_an_arrow_table_is_given_back_when_no_expression_is_left_of_it(duck: DuckDBEngine) -> None:
    def lent() -> list[str]:
        views = duck.backend.con.execute("select view_name from duckdb_views() where not internal").fetchall()
        return [name for (name,) in views]

    kept = duck.arrow(WORLD)
    for _time in range(3):
        assert duck.fetch(duck.arrow(WORLD).select("id")).num_rows == WORLD.num_rows
    duck.fetch(kept)
    gc.collect()
    with duck.bench() as bench:
        text = bench.select("select id from w", ibis.schema({"id": "string"}), w=duck.arrow(WORLD))
        gc.collect()

        assert duck.fetch(kept.select("id")).num_rows == duck.fetch(text).num_rows == WORLD.num_rows
        assert len(lent()) == 2
    question = duck.question(duck.arrow(WORLD).select("id"))
    gc.collect()
    duck.fetch(duck.arrow(WORLD))
    assert question({}).num_rows == WORLD.num_rows
    del bench, text, kept, question
    gc.collect()
    duck.fetch(duck.arrow(WORLD))
    assert len(lent()) == 1
