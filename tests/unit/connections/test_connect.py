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

from regulars.pipeline import connect
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


def put(workspace: Workspace, visits: Iterable[tuple[str, int, int]], passes: Iterable[tuple[str, str, int]] = ()) -> None:
    """Publish events, people and transfers as the steps before would."""
    told: list[dict[str, object]] = [
        {"event_id": f"{n}", "event_type": "check_in", "profile_source": "desk", "profile_id": who, "location": "hall",
         "occurred_at": datetime.combine(MONDAY, time(0)) + timedelta(days=day, minutes=minute),
         "business_day": MONDAY + timedelta(days=day)}
        for n, (who, day, minute) in enumerate(visits)
    ]
    shared = [
        {"checkin_id": f"{n}", "checkin_datetime_day": MONDAY + timedelta(days=day), "transfer_type": "guest_pass",
         "pass_type": "Guest", "purchaser_name": giver, "user_customer_id": f"c_{user}", "purchaser_customer_id": f"c_{giver}",
         "remaining_count": 1, "location_name": "hall"}
        for n, (giver, user, day) in enumerate(passes)
    ]
    people = [{"profile_source": "desk", "profile_id": who, "customer_id": f"c_{who}"} for who in WHO]
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


@given(st.tuples(VISITS, PASSES), st.tuples(VISITS, PASSES), st.integers(14, 18))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_day_by_day_comes_to_the_same_as_all_at_once(
    workspace: Workspace, before: tuple[Any, Any], after: tuple[Any, Any], since: int
) -> None:
    # Only the last days change, so that most of what was made stays.
    late = [[row for row in each if row[-2 if n == 0 else -1] >= since] for n, each in enumerate(after)]
    early = [[row for row in each if row[-2 if n == 0 else -1] < since] for n, each in enumerate(before)]
    put(workspace, *before)
    work(workspace)
    put(workspace, *(one + other for one, other in zip(early, late, strict=True)))
    work(workspace)
    by_day = contents(workspace)

    for table in TABLES:
        workspace.lake.drop(table)
    work(workspace)

    assert contents(workspace) == by_day


def test_one_new_day_makes_one_day_anew(workspace: Workspace) -> None:
    visits = [(who, day, 1080 + n) for day in range(10) for n, who in enumerate(WHO[:3])]
    put(workspace, visits)
    work(workspace)
    put(workspace, [*visits, ("p0", 15, 1080), ("p1", 15, 1090)])

    done = work(workspace)

    assert done.rows_out == 1
    assert workspace.lake.rows(INTERACTIONS) == 31


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

    monkeypatch.setattr(connect, "MANY", 5)
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
