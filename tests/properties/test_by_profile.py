"""A few profiles' rows are the same with a copy and without, whatever became of the table since it was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from regulars.clock import FixedClock
from regulars.storage.by_profile import MANY, is_due, write_copy
from regulars.storage.engines.connection import answered
from regulars.storage.engines.question import given as place
from regulars.storage.kept import Text
from regulars.storage.lake import Lake
from regulars.storage.points import Points, Tables
from regulars.storage.stores import Stores

SOURCES, IDS, MONTHS = ("desk", "shop"), ("1", "2", "Å|'3", "~", ""), ("2026-01", "2026-02", "2026-03")
AT = datetime(2026, 1, 5, tzinfo=UTC)

Row = tuple[str, str, str | None, str]       # key, source, id, month
Change = list[Row] | str                     # rows to merge, "copy", "rebuild" or "widen"

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), st.sampled_from(SOURCES), st.sampled_from([*IDS, None]), st.sampled_from(MONTHS)
    ),
    min_size=1, max_size=6, unique_by=lambda row: row[0],
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    home = tmp_path_factory.mktemp("by_profile")
    stores = Stores.open(
        landing_url=str(home / "landing"), lake_url=str(home / "lake"), book_url=f"sqlite:///{home / 'book.db'}",
        engine_url="duckdb://?threads=1", home=Path(home), clock=FixedClock(AT),
    )
    yield stores.lake
    stores.close()


def merged(lake: Lake, rows: list[Row], *, is_wide: bool = False) -> None:
    keys, sources, ids, months = zip(*rows, strict=True)
    at = pa.array([datetime(2026, 1, 5)] * len(rows), pa.timestamp("us"))  # noqa: DTZ001  as tables hold it
    table = pa.table({
        "key": keys, "profile_source": sources, "profile_id": pa.array(ids, pa.string()), "month": months,
        "occurred_at": at, **({"note": ["new"] * len(rows)} if is_wide else {}),
    })
    lake.merge(
        "events", lake.engine.arrow(table), key=["key"], partition_by="month", allow_shrink=True,
        order_by=["profile_source", "profile_id", "occurred_at"],
    )


def of_table(lake: Lake, source: str, profile: str) -> list[dict[str, object]]:
    rows = lake.table("events")
    own = rows.filter(rows.profile_source == source, rows.profile_id == profile).order_by("key")
    return list(lake.engine.fetch(own).to_pylist())


def compiled(lake: Lake) -> Text:
    points = Points(Tables(lake.book.versions, lake.files), lake.border)
    rows = points.of_profiles("events")
    own = rows.filter(rows.profile_source == place("source"), rows.profile_id == place("profile")).order_by("key")
    statement = lake.border.statement(own)
    return Text(text=statement.text, schema=statement.schema.to_pyarrow(), states=points.states)


def by_text(lake: Lake, kept: list[Text], source: str, profile: str) -> list[dict[str, object]]:
    """The answer of a text that was kept before if one holds, of a new one otherwise."""
    tables = Tables(lake.book.versions, lake.files)
    text = next((one for one in kept if one.holds(tables)), None)
    if text is None:
        kept.append(text := compiled(lake))
    values = {"source": source, "profile": profile, **text.told(tables, [profile])}
    return list(answered(lake.border.backend.con, text.text, values, schema=text.schema).to_pylist())


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(st.one_of(ROWS, st.sampled_from(["copy", "add", "widen", "rebuild"])), max_size=6))
@example([[("a", "desk", "1", "2026-01")], "copy", [("a", "shop", "2", "2026-02")]])
@example([[("a", "desk", "1", "2026-01"), ("b", "desk", None, "2026-02")], "copy", "widen"])
@example([[("a", "desk", "1", "2026-01"), ("b", "shop", "2", "2026-02")], "add", [("a", "desk", "2", "2026-01")], "add"])
@example([[("a", "desk", "1", "2026-01")], "add", [("b", "desk", None, "2026-02")], "add", [("b", "desk", "1", "2026-02")]])
def test_a_profile_has_the_same_rows_by_a_text_that_was_kept_a_new_one_and_the_table(
    lake: Lake, changes: list[Change]
) -> None:
    lake.drop("events")
    merged(lake, [("z", "desk", "1", "2026-03")])
    kept: list[Text] = []

    for change in changes:
        if isinstance(change, list):
            merged(lake, change)
        elif change in ("copy", "add"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("regulars.storage.by_profile.MOST_ADDED", 1.0 if change == "add" else 0.0)
                write_copy(lake, "events")
        elif change == "widen":
            merged(lake, [("w", "shop", "2", "2026-01")], is_wide=True)
        else:
            lake.replace("events", lake.table("events"), partition_by="month")
        by_text(lake, kept, "desk", "1")

    for source in SOURCES:
        for profile in IDS:
            told = of_table(lake, source, profile)
            assert by_text(lake, kept, source, profile) == by_text(lake, [], source, profile) == told


@pytest.mark.parametrize("has_copy", [True, False])
def test_rows_that_are_marked_as_gone_are_gone_by_a_text_too(lake: Lake, *, has_copy: bool) -> None:
    lake.drop("events")
    merged(lake, [(f"k{n:02d}", "desk", f"{n % 3}", "2026-01") for n in range(40)])
    if has_copy:
        write_copy(lake, "events")
    kept: list[Text] = []
    before = by_text(lake, kept, "desk", "1")

    merged(lake, [("k01", "desk", "2", "2026-02")])

    assert lake.manifest("events").marks is not None
    assert by_text(lake, kept, "desk", "1") == of_table(lake, "desk", "1") == before[1:]
    assert by_text(lake, kept, "desk", "2") == of_table(lake, "desk", "2")


def test_a_copy_is_spread_over_files_of_which_a_profile_needs_few(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.drop("events")
    monkeypatch.setattr("regulars.storage.engines.duckdb.FEW_ROWS", 2048)      # as few as DuckDB writes together
    merged(lake, [(f"k{n:05d}", "desk", f"{n % 5000:05d}", MONTHS[n % 3]) for n in range(20_000)])

    write_copy(lake, "events")

    found = Tables(lake.book.versions, lake.files).copied("events")
    assert found is not None
    assert len(found.copy.files) > 3
    assert len(found.files_of(["00017"])) < len(found.copy.files)
    assert len(by_text(lake, [], "desk", "00017")) == 4


def test_a_copy_is_due_when_it_leaves_many_files_out(lake: Lake) -> None:
    lake.drop("events")
    merged(lake, [("a", "desk", "1", "2026-01"), ("b", "desk", "1", "2026-02")])

    before = is_due(lake, "events", least=0, many=1)
    write_copy(lake, "events")
    merged(lake, [("c", "desk", "1", "2026-03")])
    just_after = is_due(lake, "events", least=0, many=1)
    merged(lake, [("d", "desk", "1", "2026-03")])

    assert (before, just_after, is_due(lake, "events", least=0, many=1)) == (True, False, True)
    assert not is_due(lake, "events", least=100, many=1)


def test_what_a_copy_leaves_out_is_copied_beside_it_while_that_is_little_and_not_too_often(lake: Lake) -> None:
    def copied() -> tuple[int, set[str]]:
        rows, found = write_copy(lake, "events"), Tables(lake.book.versions, lake.files).copied("events")
        assert found is not None
        assert found.rest == ()
        return rows, {file.name for file in found.copy.files}

    lake.drop("events")
    merged(lake, [(f"a{n:02d}", "desk", "1", "2026-01") for n in range(60)])
    seen = [copied()]
    for n in range(MANY + 1):
        merged(lake, [(f"b{n}", "desk", "2", "2026-02")])
        seen.append(copied())

    assert [rows for rows, _ in seen] == [60, *[1] * MANY, 60 + MANY + 1]
    assert all(before < after for (_, before), (_, after) in pairwise(seen[:-1]))
    assert len(seen[-1][1]) == 1
    merged(lake, [(f"c{n:02d}", "desk", "1", "2026-03") for n in range(60)])
    assert copied()[0] == 60 + MANY + 1 + 60


def test_a_copy_is_no_table_and_goes_with_its_own(lake: Lake) -> None:
    lake.drop("events")
    merged(lake, [("a", "desk", "1", "2026-01")])
    write_copy(lake, "events")

    named, stored, kept = lake.tables(), lake.stored(), lake.snapshot("today")
    lake.drop("events")

    assert (named, stored, set(kept)) == (["events"], ["events", "copy.events"], {"events"})
    assert lake.stored() == []


def test_only_the_copy_before_the_newest_is_kept(lake: Lake) -> None:
    lake.drop("events")
    merged(lake, [("a", "desk", "1", "2026-01")])
    for _ in range(3):
        write_copy(lake, "events")

    lake.vacuum(keep=7)

    assert len(lake.versions("copy.events")) == 2
    assert by_text(lake, [], "desk", "1") == of_table(lake, "desk", "1")
