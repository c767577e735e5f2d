"""What was compiled for one run is used in the next, and never for another question."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.storage.engines import texts
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.shape import shape_of, varying

DAY = date(2026, 1, 31)
VISITS = pa.table({
    "who": ["ann", "bob", "ann", "zoë"], "n": pa.array([1, 2, 3, None], pa.int64()),
    "day": pa.array([DAY, DAY - timedelta(1), None, DAY + timedelta(1)], pa.date32()),
    "at": pa.array([datetime(2026, 1, 31, 9, 0, 0, 5), None, datetime(2026, 1, 1), datetime(1969, 12, 31)]),  # noqa: DTZ001  tables hold UTC without saying so
})
OTHERS = VISITS.slice(0, 2)

Asked = Callable[[ir.Table, date], ir.Table]


def since(rows: ir.Table, day: date) -> ir.Table:
    recent = rows.filter(rows.day >= day - timedelta(2), rows["at"] <= ibis.literal(datetime(day.year, day.month, day.day)))  # noqa: DTZ001  the same
    return recent.mutate(age=ibis.literal(day).delta(recent.day, unit="day"), number=varying(day.day))


def counted(rows: ir.Table, day: date) -> ir.Table:
    found = rows.filter((rows.day == day) | (rows.day < ibis.literal(day)))
    return found.group_by("who").agg(times=found.count(), last=found["at"].max())


def beside(rows: ir.Table, day: date) -> ir.Table:
    others = rows.view()
    return rows.filter(rows.day < day).join(others, rows.n < others.n).select("who", other=others.who)


ASKED: list[Asked] = [since, counted, beside]


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine.open({"threads": "1"})
    engine.texts.folder = tmp_path / "texts"
    with engine.texts.opened():
        yield engine
    engine.close()


def kept(engine: DuckDBEngine) -> set[str]:
    assert engine.texts.folder is not None
    return {path.name for path in engine.texts.folder.iterdir()}


def stored(engine: DuckDBEngine, rows: pa.Table, folder: Path) -> ir.Table:
    """Rows as the lake has them: in files, under a name that says which."""
    written = engine.write(engine.arrow(rows), folder)
    return engine.parquet([file.path for file in written], ibis.schema(rows.schema))


def answered(engine: DuckDBEngine, expr: ir.Table) -> list[object]:
    return sorted(engine.fetch(expr).to_pylist(), key=repr)


@pytest.mark.parametrize("asked", ASKED)
def test_the_same_question_of_other_files_on_another_day_is_compiled_once(
    duck: DuckDBEngine, tmp_path: Path, asked: Asked
) -> None:
    duck.sql(asked(stored(duck, VISITS, tmp_path), DAY))
    before = kept(duck)

    duck.sql(asked(stored(duck, OTHERS, tmp_path), DAY + timedelta(40)))
    duck.sql(asked(stored(duck, VISITS.slice(4), tmp_path), DAY))           # no row at all, and no file

    assert kept(duck) == before


@settings(max_examples=30, deadline=None)
@given(
    asked=st.sampled_from(ASKED), days=st.lists(st.dates(date(2025, 12, 1), date(2026, 3, 1)), min_size=2, max_size=3),
)
def test_a_kept_text_answers_as_a_new_one(
    tmp_path_factory: pytest.TempPathFactory, asked: Asked, days: list[date]
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    keeping, plain = DuckDBEngine.open({"threads": "1"}), DuckDBEngine.open({"threads": "1"})
    keeping.texts.folder = folder / "texts"

    with keeping.texts.opened():
        found = [answered(keeping, asked(stored(keeping, VISITS, folder), day)) for day in days]

    assert found == [answered(plain, asked(plain.arrow(VISITS), day)) for day in days]


def test_two_tables_of_the_same_columns_keep_their_places(duck: DuckDBEngine, tmp_path: Path) -> None:
    left, right = stored(duck, VISITS, tmp_path), stored(duck, OTHERS, tmp_path)

    found = [answered(duck, one.anti_join(other, "who").select("who")) for one, other in [(left, right), (right, left)]]

    assert found == [[{"who": "zoë"}], []]
    assert len(kept(duck)) == 1


def test_arrow_tables_are_found_again_under_another_name(duck: DuckDBEngine) -> None:
    found = [duck.fetch(counted(duck.arrow(rows), DAY))["who"].to_pylist() for rows in (VISITS, VISITS.slice(1, 1))]

    assert [sorted(names) for names in found] == [["ann", "bob"], ["bob"]]
    assert len(kept(duck)) == 1


@pytest.mark.parametrize("changed", [
    lambda rows: rows.filter(rows.who == "bob").select("n"),
    lambda rows: rows.filter(rows.who != "ann").select("n"),
    lambda rows: rows.filter(rows.who == "ann").select(m=rows.n),
    lambda rows: rows.filter(rows.who == "ann").select(n=rows.n + 1),
    lambda rows: rows.filter(rows.who == "ann").select("n").limit(1),
    lambda rows: rows.filter(rows.who == "ann").select("n").distinct(),
    lambda rows: rows.filter(rows.who == "ann").select(rows.n.cast("int32")),
    lambda rows: rows.filter(rows.n > varying(1)).select("n"),
    lambda rows: rows.filter(rows.n > 1).select("n"),
    lambda rows: rows.cast({"n": "int32"}).filter(ibis._.who == "ann").select("n"),
])
def test_what_is_asked_otherwise_is_another_shape(changed: Callable[[ir.Table], ir.Table]) -> None:
    rows = ibis.table(ibis.schema(VISITS.schema), name="visits")
    asked = rows.filter(rows.who == "ann").select("n")

    one, other = shape_of(asked.op()), shape_of(changed(rows).op())

    assert one is not None
    assert other is not None
    assert one.key != other.key


def test_columns_of_another_type_are_another_shape() -> None:
    narrow, wide = (ibis.table({"who": "string", "n": kind}, name="visits") for kind in ("int32", "int64"))

    one, other = (shape_of(rows.filter(rows.n > varying(3)).op()) for rows in (narrow, wide))

    assert one is not None
    assert other is not None
    assert one.key != other.key


def test_a_table_beside_itself_is_not_the_table_itself() -> None:
    rows = ibis.table({"n": "int64"}, name="visits")
    others, thirds = rows.view(), rows.view()
    joined = rows.join(others, rows.n == others.n).join(thirds, rows.n == thirds.n)

    shapes = [shape_of(joined.select(n=column).op()) for column in (rows.n, others.n, thirds.n)]

    assert len({shape.key for shape in shapes if shape is not None}) == 3


def test_a_function_that_is_known_by_its_name_alone_has_no_shape() -> None:
    def jaro_similarity(one: str, other: str) -> float:
        raise NotImplementedError(one, other)            # the engine's own is called

    likeness = ibis.udf.scalar.builtin(jaro_similarity)
    rows = ibis.table({"who": "string"}, name="visits")

    assert shape_of(rows.mutate(like=likeness(rows.who, "ann")).op()) is None


def test_another_release_compiles_anew(duck: DuckDBEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    duck.sql(counted(duck.arrow(VISITS), DAY))
    monkeypatch.setattr("regulars.storage.engines.texts.version", lambda package: f"{package} 99")
    texts.compiled_by.cache_clear()

    duck.sql(counted(duck.arrow(VISITS), DAY))

    assert len(kept(duck)) == 2
    monkeypatch.undo()
    texts.compiled_by.cache_clear()


@pytest.mark.parametrize("torn", [b"", b"select 1", b"0000\nselect 1"])
def test_a_torn_text_is_compiled_anew(duck: DuckDBEngine, torn: bytes) -> None:
    expr = counted(duck.arrow(VISITS), DAY)
    before = duck.sql(expr)
    assert duck.texts.folder is not None
    for path in duck.texts.folder.iterdir():
        path.write_bytes(torn)

    assert duck.sql(expr) == before
    assert duck.sql(expr) == before


def test_what_is_asked_outside_of_a_run_is_written_nowhere(tmp_path: Path) -> None:
    engine = DuckDBEngine.open({"threads": "1"})
    engine.texts.folder = tmp_path / "texts"

    engine.fetch(counted(engine.arrow(VISITS), DAY))

    assert not engine.texts.folder.exists()


def test_too_many_texts_are_thrown_away(duck: DuckDBEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    duck.sql(counted(duck.arrow(VISITS), DAY))
    monkeypatch.setattr(texts, "MANY", 0)

    with duck.texts.opened():
        assert kept(duck) == set()


def test_two_projects_that_share_a_folder_compile_once_and_others_keep_their_own(tmp_path: Path) -> None:
    engines = [DuckDBEngine.open({"threads": "1"}) for _ in range(3)]
    shared = {"REGULARS_TEXTS": str(tmp_path / "shared")}
    for number, engine in enumerate(engines):
        engine.texts.settle(tmp_path / str(number), environment=shared if number < 2 else {})
        with engine.texts.opened():
            engine.sql(counted(engine.arrow(VISITS.slice(number)), DAY))
        engine.close()

    assert [len(kept(engine)) for engine in engines] == [1, 1, 1]
    assert [engine.texts.folder for engine in engines] == [tmp_path / "shared", tmp_path / "shared", tmp_path / "2" / "texts"]


def test_a_text_is_compiled_though_another_project_threw_the_folder_away(duck: DuckDBEngine) -> None:
    assert duck.texts.folder is not None
    expr = counted(duck.arrow(VISITS), DAY)
    before = duck.sql(expr)
    shutil.rmtree(duck.texts.folder)

    assert duck.sql(expr) == before
