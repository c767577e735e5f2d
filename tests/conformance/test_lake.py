"""What the lake promises over every combination of files, book and engine."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from regulars.clock import FixedClock
from regulars.errors import GuardError, NotFound, StoreError
from regulars.storage.lake import Lake
from regulars.storage.manifest import Manifest
from regulars.storage.merge import MANY_FILES, MANY_GONE
from regulars.storage.stores import Stores

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def _at(*parts: int) -> datetime:
    """A moment as tables hold it: UTC without saying so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


# Every type a table may have, text that is awkward, a null of each kind, and a row that is there twice.
WORLD = pa.table({
    "key": pa.array(["a", "b", "zoë|1", "", "", "d"], pa.string()),
    "n": pa.array([1, -(2**62), 0, None, None, 7], pa.int64()),
    "price": pa.array([Decimal("1.5"), Decimal("-999999999999.999999"), Decimal(0), None, None, 1], pa.decimal128(18, 6)),
    "is_paid": pa.array([True, False, True, None, None, False], pa.bool_()),
    "at": pa.array([
        _at(2026, 1, 5, 14, 30, 0, 123456), _at(2025, 3, 9, 2, 30), _at(1969, 12, 31, 23, 59, 59, 999999),
        None, None, _at(2025, 11, 2, 1, 30),
    ], pa.timestamp("us")),
    "day": pa.array([date(2026, 1, 5), date(1900, 2, 28), date(2024, 2, 29), None, None, date(2025, 1, 1)], pa.date32()),
    "share": pa.array([0.1, 1e300, -0.0, None, None, 0.5], pa.float64()),
    "month": pa.array(["2026-01", "2025-03", None, "a/b=c %", "a/b=c %", "2026-01"], pa.string()),
})
WORLD_HASH = "ac669ca240c5ba7fd48971c2f6967624"


def _table(**keys: int) -> pa.Table:
    """Rows with a key and a number, in two months."""
    return pa.table({
        "key": list(keys), "n": list(keys.values()), "month": ["2026-01" if n % 2 else "2026-02" for n in keys.values()],
    })


def _row(key: str, n: int) -> pa.Table:
    return pa.table({"key": [key], "n": [n], "month": ["2026-00"]})


def _many(count: int, *, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table({"key": [f"k{n:05d}" for n in numbers], "n": list(numbers), "month": [f"2026-{n % 3:02d}" for n in numbers]})


def _put(lake: Lake, name: str, table: pa.Table, **options: object) -> int:
    return lake.replace(name, lake.engine.arrow(table), **options)


def _merge(lake: Lake, name: str, delta: pa.Table, *, gone: pa.Table | None = None, **options: object) -> int:
    engine = lake.engine
    return lake.merge(
        name, engine.arrow(delta), key=["key"], gone=None if gone is None else engine.arrow(gone), **options
    )


def _content(lake: Lake, name: str, **which: object) -> dict[str, object]:
    found = lake.engine.fetch(lake.table(name, **which))
    return dict(zip(found["key"].to_pylist(), found["n"].to_pylist(), strict=True))


def _files(lake: Lake, name: str, version: int = -1) -> dict[str, str | None]:
    return {file.name: file.partition for file in Manifest.from_json(lake.versions(name)[version].manifest).files}


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


@pytest.fixture
def local_lake(default_stores: Stores) -> Lake:
    """A lake on the defaults, for promises in which files, book and engine have no part."""
    return default_stores.lake


def test_a_table_of_every_type_has_one_hash_on_every_combination(lake: Lake) -> None:
    _put(lake, "world", WORLD)
    _put(lake, "laid_out", WORLD.take([5, 3, 1, 0, 2, 4]), partition_by="month", order_by=["n"])

    assert lake.content_hash("world") == lake.content_hash("laid_out") == WORLD_HASH
    assert lake.engine.fetch(lake.table("laid_out")).sort_by("n").slice(0, 4) == WORLD.sort_by("n").slice(0, 4)
    assert lake.engine.fetch(lake.table("world")).schema == WORLD.schema


def test_the_border_and_the_engine_read_each_other_s_tables(stores: Stores) -> None:
    border = stores.lake.on(stores.border)
    _put(border, "by_border", WORLD)
    _put(stores.lake, "by_engine", WORLD)

    for lake in (border, stores.lake):
        for name in ("by_border", "by_engine"):
            assert lake.engine.fetch(lake.table(name)).sort_by("n").slice(0, 4) == WORLD.sort_by("n").slice(0, 4)


@pytest.mark.parametrize("change", ["twice", "less", "null", "empty", "moved", "renamed"])
def test_any_difference_changes_the_hash(local_lake: Lake, change: str) -> None:
    other = {
        "twice": lambda: pa.concat_tables([WORLD, WORLD.slice(0, 1)]),
        "less": lambda: WORLD.slice(1),
        "null": lambda: WORLD.set_column(0, "key", pa.array(["a", "b", "zoë|1", None, "", "d"])),
        "empty": lambda: WORLD.slice(0, 0),
        "moved": lambda: WORLD.set_column(1, "n", pa.array([-(2**62), 1, 0, None, None, 7], pa.int64())),
        "renamed": lambda: WORLD.rename_columns(["id", *WORLD.column_names[1:]]),
    }[change]()
    _put(local_lake, "world", WORLD)
    _put(local_lake, "other", other)

    assert local_lake.content_hash("world") != local_lake.content_hash("other")


def test_merging_replaces_removes_and_adds(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2, c=3, d=4), partition_by="month")

    _merge(lake, "events", _table(b=20, e=5), gone=_table(c=0, unknown=0), meta={"seq": 9})

    assert _content(lake, "events") == {"a": 1, "b": 20, "d": 4, "e": 5}
    assert lake.meta("events") == {"seq": 9}
    assert lake.rows("events") == 4


def test_a_part_of_a_table_is_read_without_the_rest(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2, c=3), partition_by="month")
    _put(lake, "whole", _table(a=1, b=2))
    months = lake.engine.fetch(lake.table("events"))["month"].to_pylist()

    part = lake.engine.fetch(lake.table("events", partitions={months[0], "no such month"}))

    assert set(part["month"].to_pylist()) == {months[0]}
    assert len(part) == months.count(months[0])
    assert len(lake.engine.fetch(lake.table("whole", partitions={"no such month"}))) == 2


def test_only_files_that_lose_a_row_are_rewritten(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2, c=3, d=4), partition_by="month")
    before = _files(lake, "events")

    _merge(lake, "events", _table(e=5))
    added = _files(lake, "events")
    _merge(lake, "events", _table().cast(_table(a=1).schema), gone=_table(b=0))
    removed = _files(lake, "events")

    assert set(before) < set(added)
    assert [partition for name, partition in added.items() if name not in before] == ["2026-01"]
    assert {before[name] for name in before if name not in removed} == {"2026-02"}


def test_a_file_that_loses_few_rows_stays_and_no_reader_sees_them(lake: Lake) -> None:
    first = _put(lake, "events", _many(100), partition_by="month")
    before, changed = _files(lake, "events"), {**{f"k{n:05d}": n for n in range(100)}, "k00003": -3}
    del changed["k00007"]

    _merge(lake, "events", _row("k00003", -3), gone=_row("k00007", 0))
    _put(lake, "whole", pa.table({
        "key": list(changed), "n": list(changed.values()), "month": [f"2026-{int(key[1:]) % 3:02d}" for key in changed],
    }))

    assert set(before) < set(_files(lake, "events"))
    assert _content(lake, "events") == changed
    assert lake.rows("events") == 99
    assert lake.content_hash("events") == lake.content_hash("whole")
    assert len(_content(lake, "events", version=first)) == 100


def test_changes_are_the_rows_that_came_and_went_and_not_those_beside_them(lake: Lake) -> None:
    first = _put(lake, "events", _many(100))
    second = _merge(lake, "events", _row("k00003", -3), gone=_row("k00007", 0))
    _merge(lake, "events", _row("k00003", -4), gone=_row("k00008", 0))

    found = {}
    for since in (first, second):
        came, went = lake.changes("events", since=since)
        found[since] = [sorted(lake.engine.fetch(rows)["n"].to_pylist()) for rows in (came, went)]

    assert found == {first: [[-4], [3, 7, 8]], second: [[-4], [-3, 8]]}
    assert lake.moved("events", since=first) == (1, 3)


def test_a_file_that_lost_many_rows_is_rewritten_without_them(local_lake: Lake) -> None:
    _put(local_lake, "events", _many(100), order_by=["key"])
    (first,) = _files(local_lake, "events")
    kept = []

    for n in range(100 // MANY_GONE + 1):
        _merge(local_lake, "events", _many(0).cast(_many(1).schema), gone=_row(f"k{n:05d}", 0))
        kept.append(first in _files(local_lake, "events"))

    assert kept == [True] * (100 // MANY_GONE) + [False]
    assert local_lake.manifest("events").marks is None
    assert local_lake.rows("events") == len(_content(local_lake, "events")) == 100 - len(kept)


def test_the_vacuum_keeps_what_says_which_rows_are_gone(local_lake: Lake) -> None:
    _put(local_lake, "events", _many(100))
    for n in range(4):
        _merge(local_lake, "events", _row("new", n), gone=_row(f"k{n:05d}", 0))

    local_lake.vacuum(keep=2)

    sizes = [len(_content(local_lake, "events", version=v.number)) for v in local_lake.versions("events")]
    assert sizes == [98, 97]
    marks = [Manifest.from_json(v.manifest).marks for v in local_lake.versions("events")]
    assert set(marks) <= set(local_lake.files.list())


def test_a_row_may_move_to_another_partition(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2), partition_by="month")

    _merge(lake, "events", _table(a=6))

    assert _content(lake, "events") == {"a": 6, "b": 2}
    assert sorted(map(str, _files(lake, "events").values())) == ["2026-02", "2026-02"]


def test_all_rows_of_a_key_go_and_come_together(lake: Lake) -> None:
    lines = pa.table({"key": ["order", "order", "other"], "n": [1, 2, 3], "month": ["2026-01"] * 3})
    _put(lake, "lines", lines)

    _merge(lake, "lines", pa.table({"key": ["order", "order"], "n": [7, 8], "month": ["2026-01"] * 2}))

    found = lake.engine.fetch(lake.table("lines"))
    assert sorted(found["n"].to_pylist()) == [3, 7, 8]


def test_merging_twice_is_merging_once(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2, c=3))
    _merge(lake, "events", _table(b=20, d=4), gone=_table(c=0))
    once = lake.content_hash("events")

    _merge(lake, "events", _table(b=20, d=4), gone=_table(c=0))

    assert lake.content_hash("events") == once


def test_many_merges_give_the_table_one_load_gives_in_few_files(local_lake: Lake) -> None:
    lake = local_lake
    _put(lake, "whole", _many(600), partition_by="month", order_by=["key"])

    for first in range(0, 600, 10):
        _merge(lake, "daily", _many(10, first=first), partition_by="month", order_by=["key"])

    assert lake.content_hash("daily") == lake.content_hash("whole")
    assert len(_files(lake, "daily")) <= 3 * MANY_FILES


def test_merging_into_a_table_that_is_not_there_makes_it(lake: Lake) -> None:
    _merge(lake, "events", _table(a=1), partition_by="month", meta={"seq": 1})

    assert _content(lake, "events") == {"a": 1}
    assert lake.meta("events") == {"seq": 1}


def test_a_merge_of_nothing_keeps_the_files_and_notes_its_meta(lake: Lake) -> None:
    _put(lake, "events", _table(a=1))
    before = _files(lake, "events")

    _merge(lake, "events", _table(a=1).slice(0, 0), gone=_table(a=1).slice(0, 0), meta={"seq": 2})

    assert _files(lake, "events") == before
    assert lake.meta("events") == {"seq": 2}


def test_a_new_column_is_null_in_older_rows_and_a_missing_one_in_newer_rows(lake: Lake) -> None:
    _put(lake, "events", _table(a=1, b=2))

    _merge(lake, "events", pa.table({"key": ["c"], "n": [3], "kind": ["guest"]}))

    rows = lake.engine.fetch(lake.table("events")).sort_by("key").to_pylist()
    assert [row["kind"] for row in rows] == [None, None, "guest"]
    assert [row["month"] for row in rows] == ["2026-01", "2026-02", None]


def test_a_column_never_changes_its_type_in_a_merge(lake: Lake) -> None:
    _put(lake, "events", _table(a=1))

    _merge(lake, "events", pa.table({"key": ["a"], "n": pa.array([1], pa.int8()), "month": ["2026-01"]}))
    with pytest.raises(StoreError, match="column 'n' of events is int64 and cannot become string"):
        _merge(lake, "events", pa.table({"key": ["b"], "n": ["2"], "month": ["2026-01"]}))

    assert _content(lake, "events") == {"a": 1}


def test_an_empty_table_is_a_table(lake: Lake) -> None:
    _put(lake, "events", _table(a=1).slice(0, 0), partition_by="month")

    assert lake.exists("events")
    assert lake.engine.fetch(lake.table("events")).to_pylist() == []
    _merge(lake, "events", _table(a=1))
    assert _content(lake, "events") == {"a": 1}


def test_a_table_that_was_never_published_is_an_error_that_names_what_is_there(lake: Lake) -> None:
    _put(lake, "events", _table(a=1))

    assert not lake.exists("event")
    assert lake.meta("event") == {}
    with pytest.raises(NotFound, match="did you mean 'events'"):
        lake.table("event")
    with pytest.raises(NotFound, match="version 99 of table 'events'"):
        lake.table("events", version=99)
    assert lake.tables() == ["events"]


def test_older_versions_are_read_by_number_and_by_moment(local_lake: Lake) -> None:
    first = _put(local_lake, "events", _table(a=1))
    later = dataclasses.replace(local_lake, clock=FixedClock(NOW + timedelta(days=1)))
    _put(later, "events", _table(a=2))

    assert _content(later, "events", version=first) == {"a": 1}
    assert _content(later, "events", as_of=NOW + timedelta(hours=1)) == {"a": 1}
    assert _content(later, "events", as_of=NOW + timedelta(days=2)) == {"a": 2}
    with pytest.raises(NotFound):
        later.table("events", as_of=NOW - timedelta(days=1))


def test_a_table_may_be_made_of_its_own_older_version(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1, b=2))
    events = local_lake.table("events")

    local_lake.replace("events", events.mutate(n=events.n + 1))

    assert _content(local_lake, "events") == {"a": 2, "b": 3}


def test_a_reader_that_began_earlier_is_not_disturbed(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1))
    reading = local_lake.table("events")

    _put(local_lake, "events", _table(a=2))

    assert local_lake.engine.fetch(reading)["n"].to_pylist() == [1]


def test_of_two_that_publish_on_the_same_version_one_is_refused(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1))

    class Interrupting:
        """An engine that lets somebody else publish while it writes."""

        name = "duckdb"

        def write(self, *args: object, **options: object) -> object:
            _put(local_lake, "events", _table(a=2))
            return local_lake.engine.write(*args, **options)

    with pytest.raises(StoreError, match="another run was quicker"):
        local_lake.on(Interrupting()).replace("events", local_lake.engine.arrow(_table(a=3)))

    assert _content(local_lake, "events") == {"a": 2}


@pytest.mark.parametrize("by", ["replace", "merge"])
def test_a_table_does_not_shrink_by_more_than_its_guarded_share_unless_asked(local_lake: Lake, by: str) -> None:
    def shrink(to: int, **options: object) -> None:
        if by == "replace":
            _put(local_lake, "events", _many(to), **options)
        else:
            nothing = _many(0).cast(_many(1).schema)
            _merge(local_lake, "events", nothing, gone=_many(1000 - to, first=to), **options)

    _put(local_lake, "events", _many(1000))

    with pytest.raises(GuardError, match="events would fall from 1,000 to 799 rows, more than 20%"):
        shrink(799)
    assert local_lake.rows("events") == 1000
    shrink(800)
    assert local_lake.rows("events") == 800
    shrink(10, allow_shrink=True)
    assert local_lake.rows("events") == 10


def test_a_small_table_may_shrink(local_lake: Lake) -> None:
    _put(local_lake, "events", _many(100))

    _put(local_lake, "events", _many(0).cast(_many(1).schema))

    assert local_lake.rows("events") == 0


def test_a_snapshot_keeps_the_day_and_outlives_the_vacuum(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1))
    local_lake.snapshot(date(2026, 1, 5))
    for n in (2, 3, 4):
        _put(local_lake, "events", _table(a=n))

    removed = local_lake.vacuum(keep=1)

    assert len(removed) == 2
    assert _content(local_lake, "events") == {"a": 4}
    snapshot = local_lake.engine.fetch(local_lake.at_snapshot("events", date(2026, 1, 5)))
    assert snapshot["n"].to_pylist() == [1]
    with pytest.raises(NotFound, match="no snapshot 2026-01-06"):
        local_lake.at_snapshot("events", date(2026, 1, 6))


def test_the_vacuum_keeps_files_that_kept_versions_share(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1, b=2), partition_by="month")
    for n in range(5):
        _merge(local_lake, "events", _table(**{f"n{n}": 11}))

    local_lake.vacuum(keep=2)

    assert [len(_content(local_lake, "events", version=v.number)) for v in local_lake.versions("events")] == [6, 7]


def test_the_vacuum_removes_what_a_killed_process_left(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1))
    orphan = local_lake.files.scratch() / "part"
    orphan.write_bytes(b"half")
    local_lake.files.publish(orphan, f"default/events/{uuid4().hex}.parquet")

    assert len(local_lake.vacuum()) == 1
    assert _content(local_lake, "events") == {"a": 1}


def test_a_dropped_table_is_gone_with_its_files(local_lake: Lake) -> None:
    _put(local_lake, "events", _table(a=1))

    local_lake.drop("events")
    local_lake.vacuum()

    assert not local_lake.exists("events")
    assert local_lake.files.list() == []


def test_a_lost_file_is_an_error_and_never_an_empty_table(lake: Lake) -> None:
    _put(lake, "events", _table(a=1))
    (name,) = _files(lake, "events")
    lake.files.delete(name)

    with pytest.raises(StoreError, match="is not in"):
        lake.table("events")
    with pytest.raises(StoreError):
        lake.content_hash("events")


def test_rows_of_one_customer_are_found_without_reading_the_others(local_lake: Lake) -> None:
    rows = pa.table({"customer_id": [f"c{n % 5000:05d}" for n in range(200_000)], "n": list(range(200_000))})
    _put(local_lake, "timeline", rows, order_by=["customer_id", "n"])
    (name,) = _files(local_lake, "timeline")
    groups = pq.read_metadata(local_lake.files.local(name))

    holding = [
        group for group in range(groups.num_row_groups)
        if groups.row_group(group).column(0).statistics.min <= "c00777" <= groups.row_group(group).column(0).statistics.max
    ]

    assert groups.num_row_groups > 4
    assert len(holding) == 1
    found = local_lake.engine.fetch(local_lake.table("timeline").filter(_.customer_id == "c00777"))
    assert found.num_rows == 40
