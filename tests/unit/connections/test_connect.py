"""The step: what changed is made again, and whatever way it came about the tables are the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.connections import companion
from regulars.pipeline.connect import TABLES, connect_customers
from regulars.pipeline.flow import run
from regulars.pipeline.tables import INTERACTIONS
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Work

from .conftest import FILES, MONDAY, gym, opened

EVENTS = pa.schema([
    *((name, pa.string()) for name in ("event_id", "event_type", "profile_source", "profile_id", "location", "related_id",
                                       "membership_id", "name")),
    ("occurred_at", pa.timestamp("us")), ("business_day", pa.date32()),
])
WHO = [f"p{n}" for n in range(6)]
VISITS = st.lists(
    st.tuples(st.sampled_from(WHO), st.integers(0, 20), st.integers(1080, 1140)), min_size=4, max_size=60
)
STEADY = [(f"s{n}", day, 1085 + 7 * n) for n in range(4) for day in range(21)]
PASSES = st.lists(st.tuples(st.sampled_from(WHO), st.sampled_from(WHO), st.integers(0, 20)), max_size=6)


def work(workspace: Workspace) -> Work:
    steps = connect_customers(workspace)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return ended.value


def contents(workspace: Workspace) -> dict[str, str]:
    return {table: workspace.lake.content_hash(table) for table in TABLES}


def rows(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    return workspace.rows(workspace.table(table).order_by("customer_id_1", "customer_id_2", "last_day" if table != INTERACTIONS else "business_day"))


def put(
    workspace: Workspace, visits: Iterable[tuple[str, int, int]], passes: Iterable[tuple[str, str, int]] = (), *,
    merged: bool = False,
) -> None:
    """Publish events, people and transfers as the steps before would; `merged`: two of them are one customer."""
    told: list[dict[str, object]] = [
        {"event_id": f"{n}", "event_type": "check_in", "profile_source": "desk", "profile_id": who, "location": "hall",
         "occurred_at": datetime.combine(MONDAY, time(0)) + timedelta(days=day, minutes=minute),
         "business_day": MONDAY + timedelta(days=day)}
        for n, (who, day, minute) in enumerate(visits)
    ]
    ids = {who: f"c_{who}" for who in (*WHO, "s0", "s1", "s2", "s3")} | ({"p5": "c_p4"} if merged else {})
    shared = [
        {"checkin_id": f"{n}", "checkin_datetime_day": MONDAY + timedelta(days=day), "transfer_type": "guest_pass",
         "pass_type": "Guest", "purchaser_name": giver, "user_customer_id": ids[user], "purchaser_customer_id": ids[giver],
         "remaining_count": 1, "location_name": "hall"}
        for n, (giver, user, day) in enumerate(passes)
    ]
    people = [{"profile_source": "desk", "profile_id": who, "customer_id": ids[who]} for who in ids]
    tables = {
        "events": pa.Table.from_pylist(told, schema=EVENTS), "identity": pa.Table.from_pylist(people),
        "transfers": pa.Table.from_pylist(shared, schema=pa.schema([
            *((name, pa.string()) for name in ("checkin_id", "transfer_type", "pass_type", "purchaser_name",
                                               "user_customer_id", "purchaser_customer_id", "location_name")),
            ("checkin_datetime_day", pa.date32()), ("remaining_count", pa.int64()),
        ])),
    }
    for name, table in tables.items():
        workspace.lake.replace(name, workspace.stores.engine.arrow(table), allow_shrink=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterable[Workspace]:
    found = opened(gym(tmp_path))
    yield found
    found.close()


@given(st.tuples(VISITS, PASSES), st.tuples(VISITS, PASSES), st.integers(14, 18), st.sampled_from([(1, True), (1, False), (10_000, True)]))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_day_by_day_comes_to_the_same_as_all_at_once(
    workspace: Workspace, before: tuple[Any, Any], after: tuple[Any, Any], since: int, case: tuple[int, bool]
) -> None:
    many, is_merged = case
    # Of the last days everything is another, of the days before one check-in is gone, and two may become one; most
    # check-ins are of people who do not change, so that what was made of them stays.
    late = [[row for row in each if row[-2 if n == 0 else -1] >= since] for n, each in enumerate(after)]
    early = [[row for row in each if row[-2 if n == 0 else -1] < since] for n, each in enumerate(before)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(companion, "MANY", many)
        put(workspace, [*STEADY, *before[0]], before[1])
        work(workspace)
        put(workspace, [*STEADY, *early[0][1:], *late[0]], early[1] + late[1], merged=is_merged)
        work(workspace)
        by_day = contents(workspace)

        for table in TABLES:
            workspace.lake.drop(table)
        work(workspace)

    assert contents(workspace) == by_day


REGULARS = [(who, day, 1080 + n) for day in range(10) for n, who in enumerate(WHO)]
LATE = [("p0", 15, 1080), ("p1", 15, 1090), ("p1", 4, 600), ("p0", 4, 610)]


@pytest.mark.parametrize("many", [1, 10_000])
def test_new_check_ins_are_looked_at_with_nobody_but_whose_they_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(companion, "MANY", many)
    put(workspace, REGULARS)
    work(workspace)
    put(workspace, [*REGULARS, *LATE])

    done = work(workspace)

    assert done.rows_out == 2
    assert workspace.lake.rows(INTERACTIONS) == 10 * 15 + 1


def test_a_third_day_brings_the_two_days_before_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "MANY", 1)
    others = [row for row in REGULARS if row[0] not in ("p0", "p1")]
    pair = [(who, day, 600) for who in ("p0", "p1") for day in (2, 5, 11)]
    put(workspace, [*others, *pair[:2], *pair[3:5]])
    work(workspace)
    before = workspace.lake.rows(INTERACTIONS)
    put(workspace, [*others, *pair])

    done = work(workspace)

    assert done.rows_out == 2
    assert workspace.lake.rows(INTERACTIONS) == before + 3


def test_everything_is_made_anew_when_what_it_was_made_from_is_gone(workspace: Workspace) -> None:
    put(workspace, REGULARS)
    work(workspace)
    put(workspace, [*REGULARS, *LATE])
    workspace.lake.vacuum(keep=1)

    done = work(workspace)

    assert done.rows_out == len(WHO)
    assert workspace.lake.rows(INTERACTIONS) == 10 * 15 + 1


def test_nothing_is_done_when_nothing_changed(workspace: Workspace) -> None:
    put(workspace, [("p0", 1, 1080), ("p1", 1, 1085)])
    work(workspace)
    before = {table: workspace.lake.versions(table)[-1].number for table in TABLES}

    done = work(workspace)

    assert done.note == "nothing changed"
    assert {table: workspace.lake.versions(table)[-1].number for table in TABLES} == before


@pytest.mark.parametrize("checkpoints", [2, 3])
def test_stopped_anywhere_the_next_run_ends_alike(workspace: Workspace, checkpoints: int) -> None:
    put(workspace, [(who, day, 1080 + n) for day in range(6) for n, who in enumerate(WHO)])
    stopped = connect_customers(workspace)
    for _ in range(checkpoints):
        next(stopped)
    stopped.close()

    work(workspace)
    after = contents(workspace)

    for table in TABLES:
        workspace.lake.drop(table)
    work(workspace)
    assert contents(workspace) == after


def test_a_very_large_business_writes_down_only_who_met_often(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = [(who, day, 1080 + n) for day in range(8) for n, who in enumerate(WHO[:2])]
    put(workspace, [*often, ("p5", 3, 1085)])
    work(workspace)
    whole = {table: rows(workspace, table) for table in ("interactions", "companions")}

    monkeypatch.setattr(companion, "MANY", 5)
    put(workspace, [*often, ("p5", 3, 1085), ("p4", 12, 600)])
    work(workspace)

    assert rows(workspace, "interactions") == [row for row in whole["interactions"] if "c_p5" not in row.values()]
    assert [row["days_together"] for row in rows(workspace, "companions")] == [8]
    assert len(whole["interactions"]) == 10


def test_nobody_at_all_is_nobody_connected(workspace: Workspace) -> None:
    put(workspace, [])

    work(workspace)

    assert {table: workspace.lake.rows(table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_a_project_without_check_ins_connects_nobody(tmp_path: Path) -> None:
    folder = gym(tmp_path)
    for event in ("check_in", "membership", "family_link"):
        (folder / f"events/{event}.yaml").unlink()
    (folder / "events/visited.yaml").write_text(FILES["events/check_in.yaml"])
    found = opened(folder)

    result = run(found)

    assert result.exit_code == 0
    assert not found.lake.exists(INTERACTIONS)
    found.close()


def test_a_whole_run_says_who_comes_with_whom(hall: Path) -> None:
    found = opened(hall)
    names = {row["customer_id"]: row["name"] for row in found.rows(found.table("customers"))}

    connections = {
        tuple(sorted((names[row["customer_id_1"]], names[row["customer_id_2"]]))): row for row in rows(found, "connections")
    }
    found.close()

    together, linked = connections["Ann Lee", "Bob Lee"], connections["Cyd Lee", "Eve Lee"]
    assert (together["same_day_checkin"], together["family_membership"], together["strength"]) == (8, 1, 4)
    assert (linked["interaction_types"], linked["first_day"]) == ("family_membership", date(2026, 1, 2))
    assert ("Cyd Lee", "Dan Lee") not in connections
