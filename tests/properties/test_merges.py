"""Whatever is merged into a table, in however many days, it holds what a mapping of the same keys would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.clock import FixedClock
from regulars.storage.lake import Lake
from regulars.storage.stores import Stores

FIRST = 40
KEYS = st.integers(0, FIRST + 5)
DAYS = st.lists(st.tuples(st.dictionaries(KEYS, st.integers(0, 99), max_size=4), st.sets(KEYS, max_size=3)), max_size=7)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    home = Path(tmp_path_factory.mktemp("merges"))
    stores = Stores.open(
        landing_url=str(home / "landing"), lake_url=str(home / "lake"), book_url=f"sqlite:///{home / 'book.db'}",
        engine_url="duckdb://?threads=1", home=home, clock=FixedClock(datetime(2026, 1, 5, tzinfo=UTC)),
    )
    yield stores.lake
    stores.close()


def rows(numbers: dict[int, int]) -> pa.Table:
    return pa.table({"key": pa.array(numbers, pa.int64()), "n": pa.array(numbers.values(), pa.int64())})


def held(lake: Lake, **which: int) -> dict[int, int]:
    found = lake.engine.fetch(lake.table("days", **which))
    assert len(found) == len(set(found["key"].to_pylist()))
    return dict(zip(found["key"].to_pylist(), found["n"].to_pylist(), strict=True))


def net(lake: Lake, since: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    came, went = (
        {(row["key"], row["n"]) for row in lake.engine.fetch(each).to_pylist()}
        for each in lake.changes("days", since=since)
    )
    return came - went, went - came


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=DAYS)
def test_merges_hold_what_a_mapping_would_today_and_on_every_day_before(
    lake: Lake, days: list[tuple[dict[int, int], set[int]]]
) -> None:
    lake.drop("days")
    now = {key: key for key in range(FIRST)}
    told = {lake.replace("days", lake.engine.arrow(rows(now)), order_by=["key"]): now}

    for new, gone in days:
        left = lake.engine.arrow(rows(dict.fromkeys(gone, 0)))
        version = lake.merge("days", lake.engine.arrow(rows(new)), key=["key"], gone=left, allow_shrink=True)
        now = {key: n for key, n in now.items() if key not in gone} | new
        told[version] = now

    assert {version: held(lake, version=version) for version in told} == told
    assert lake.rows("days") == len(now)
    assert {since: net(lake, since) for since in told} == {
        since: (now.items() - then.items(), then.items() - now.items()) for since, then in told.items()
    }
