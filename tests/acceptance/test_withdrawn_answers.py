"""A relation asked for customer by customer holds no more once its customer's answer lacks it; a failed answer says nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.sandbox import Fault, Faults, SandboxServer

OFF = ("memberships", "check_ins", "associations", "association_members", "events", "event_parts", "referrals")
SOURCE = f"""\
kind: capitan
url: ${{CAPITAN_URL}}
key: sandbox
rate: none
streams:
  relations: {{enabled: true, shrink_guard: 1}}
{"".join(f"  {name}: {{enabled: false}}" + chr(10) for name in OFF)}"""
TOML = '[business]\nname = "Corner Gym"\ntimezone = "America/Chicago"\ncurrency = "USD"\ncountry = "US"\n'
PEOPLE = {1: ("Ann", "Lee", "1984-03-01"), 2: ("Ben", "Lee", "2015-06-12"), 3: ("Cal", "Ray", "1980-01-01"), 4: ("Dee", "Ray", "2014-01-01")}
SECOND = "2026-01-11T00:00:00+00:00"
"""When the gym takes back that Ben is Cal's child; that Ben is Ann's and Dee is Cal's it says on."""
RELATIONS = [(1, 2, None), (3, 2, SECOND), (3, 4, None)]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def gym(tmp_path: Path) -> Iterator[SandboxServer]:
    """The gym's vendor; nobody but Ann and Cal has relations, and theirs can change."""
    folder = tmp_path / "world" / "capitan"
    folder.mkdir(parents=True)
    people = [
        (None, {"id": n, "first_name": first, "last_name": last, "birthday": born, "email": None, "telephone": None})
        for n, (first, last, born) in PEOPLE.items()
    ]
    told = [(until, {"customer_id": who, "related_customer_id": whom, "relation": "CHI"}) for who, whom, until in RELATIONS]
    for name, items in {"customers": people, "relations": told}.items():
        lines = [json.dumps({"visible_from": "2025-01-01T00:00:00+00:00", "visible_until": until, "item": item}) for until, item in items]
        (folder / f"{name}.ndjson").write_text("\n".join(lines) + "\n")
    for name, text in {"regulars.toml": TOML, "sources/gym.yaml": SOURCE}.items():
        (tmp_path / "club" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "club" / name).write_text(text)
    with SandboxServer(["capitan"], tmp_path / "world") as server:
        yield server


def evening(gym: SandboxServer, folder: Path, day: int, *, exit_code: int = 0) -> Workspace:
    now = datetime(2026, 1, day, 23, tzinfo=UTC)
    gym.set_clock(now)
    workspace = open_workspace(folder / "club", clock=FixedClock(now), environment={"CAPITAN_URL": gym.url_of("capitan")})
    assert run(workspace).exit_code == exit_code
    return workspace


def homes(workspace: Workspace, *, version: int | None = None) -> list[list[str]]:
    who = {row["customer_id"]: row["profile_id"] for row in workspace.rows(workspace.table("identity"))}
    found: dict[str, list[str]] = {}
    for row in workspace.rows(workspace.lake.table("household_members", version=version)):
        found.setdefault(row["household_id"], []).append(who[row["customer_id"]])
    return sorted(map(sorted, found.values()))


def told(workspace: Workspace) -> set[tuple[str, str]]:
    return {(row["customer_id"], row["related_customer_id"]) for row in workspace.rows(workspace.table("records.gym.relations"))}


def test_a_relation_the_vendor_removed_makes_no_home_from_the_next_day_and_what_was_is_still_told(gym: SandboxServer, tmp_path: Path) -> None:
    first = evening(gym, tmp_path, 10)
    before, version = homes(first), first.lake.versions("household_members")[-1].number

    workspace = evening(gym, tmp_path, 11)

    assert (before, homes(workspace)) == ([["1", "2", "3", "4"]], [["1", "2"], ["3", "4"]])
    assert homes(workspace, version=version) == before


def test_an_answer_with_nothing_in_it_withdraws_all_of_that_customer_and_nothing_of_another(gym: SandboxServer, tmp_path: Path) -> None:
    world = tmp_path / "world" / "capitan" / "relations.ndjson"
    lines = [json.loads(line) for line in world.read_text().splitlines()]
    for line in lines:
        line["visible_until"] = SECOND if line["item"]["customer_id"] == 3 else None
    world.write_text("\n".join(map(json.dumps, lines)) + "\n")
    evening(gym, tmp_path, 10)

    workspace = evening(gym, tmp_path, 11)

    assert told(workspace) == {("1", "2")}
    assert homes(workspace) == [["1", "2"], ["3"], ["4"]]


@pytest.mark.parametrize("fault", [Fault(kind="status", status=500), Fault(kind="lost_page"), Fault(kind="broken_json")], ids=lambda fault: fault.kind)
def test_a_failed_or_partial_answer_withdraws_nothing_and_the_next_whole_one_does(gym: SandboxServer, tmp_path: Path, fault: Fault) -> None:
    before = told(evening(gym, tmp_path, 10))
    gym.faults = Faults(only="customers/3/relations", chance=1.0, kinds=(fault,))

    failed = evening(gym, tmp_path, 11, exit_code=1)

    assert (told(failed), homes(failed)) == (before, [["1", "2", "3", "4"]])
    gym.faults = Faults()
    assert homes(evening(gym, tmp_path, 12)) == [["1", "2"], ["3", "4"]]


def test_asking_again_and_reading_everything_anew_come_to_the_same(gym: SandboxServer, tmp_path: Path) -> None:
    evening(gym, tmp_path, 10)
    workspace = evening(gym, tmp_path, 11)
    tables = ("records.gym.relations", "family_links", "household_members")
    before = [workspace.lake.content_hash(name) for name in tables]

    again = evening(gym, tmp_path, 11)
    assert [again.lake.content_hash(name) for name in tables] == before
    again.lake.drop("records.gym.relations")
    anew = evening(gym, tmp_path, 11)

    assert [anew.lake.content_hash(name) for name in tables] == before
