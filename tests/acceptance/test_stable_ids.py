"""Thirty days of the gym, run evening by evening: ids last, events stay with their customer, every segment is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta

import pytest

from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace
from regulars.testing.gym import generate
from regulars.testing.gym.grade import grade_identity, grade_money, grade_segments
from regulars.testing.gym.oracle import Oracle
from regulars.testing.gym.stage import Stage, staged

FIRST = date(2025, 10, 20)                   # summer time ends within these days
DAYS = [FIRST + timedelta(n) for n in range(30)]

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """What was known when a day was over."""

    customer_of: dict[tuple[str, str], str]  # (source, profile) -> customer
    events: dict[str, str]                   # event -> customer
    faults: list[str]


def looked_at(stage: Stage, workspace: Workspace, day: date, oracle: Oracle) -> Evening:
    identity = workspace.fetch(workspace.table("identity"))
    until = stage.evening(day).astimezone(UTC).replace(tzinfo=None)
    people = grade_identity(identity, stage.world.truth, until=until)
    oracle.customer_ids.update(people.customer_of)
    expected = oracle.evaluate(workspace.clock.now(), known=stage.evening(day))
    segments = grade_segments(workspace.fetch(workspace.table("memberships")), expected, people)
    money = grade_money(workspace.fetch(workspace.table("money")), stage.world.truth, until=until, identity=identity)
    customer_of = {(r["profile_source"], r["profile_id"]): r["customer_id"] for r in identity.to_pylist()}
    events = workspace.rows(workspace.table("events").select("event_id", "profile_source", "profile_id"))
    faults = [f"{name}: {grade}" for name, grade in segments.items() if not grade.is_exact]
    faults += [] if people.is_exact else [f"people: {people.dropped} {people.merged} {people.split}"]
    faults += [] if money.is_exact else [f"money: {money}"]
    return Evening(
        customer_of=customer_of, faults=faults,
        events={r["event_id"]: customer_of.get((r["profile_source"], r["profile_id"]), "") for r in events},
    )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("gym")
    with staged(generate(folder / "world", seed=6, scale=0.1), folder, day=FIRST) as stage:
        yield stage


@pytest.fixture(scope="module")
def evenings(stage: Stage) -> list[Evening]:
    oracle, found = Oracle.read(stage.world.truth), []
    for day in DAYS:
        stage.move_to(day)
        workspace = stage.open(day)
        assert run(workspace).exit_code == 0, day
        found.append(looked_at(stage, workspace, day, oracle))
        workspace.close()
    return found


def test_every_evening_is_right(evenings: list[Evening]) -> None:
    assert {day: evening.faults for day, evening in zip(DAYS, evenings, strict=True) if evening.faults} == {}


def test_no_customer_id_ever_changes(evenings: list[Evening]) -> None:
    last = evenings[-1].customer_of

    changed = {
        profile: (customer, last.get(profile))
        for evening in evenings for profile, customer in evening.customer_of.items() if last.get(profile) != customer
    }

    assert changed == {}
    assert len(last) > len(evenings[0].customer_of) + 20


def test_events_stay_with_their_customer(evenings: list[Evening]) -> None:
    last = evenings[-1].events

    moved = {
        event: (customer, last[event])
        for evening in evenings for event, customer in evening.events.items() if event in last and last[event] != customer
    }

    assert moved == {}
    assert len(last) > len(evenings[0].events) + 100


def test_the_same_day_twice_brings_nothing_new(stage: Stage, evenings: list[Evening]) -> None:
    assert evenings
    workspace = stage.open(DAYS[-1])
    before = {table: workspace.lake.content_hash(table) for table in workspace.lake.tables()}

    result = run(workspace)

    assert result.exit_code == 0
    assert {step.name: step.work.rows_out for step in result.steps if step.work.rows_out and "pull" not in step.name} == {}
    assert {table: workspace.lake.content_hash(table) for table in workspace.lake.tables()} == before
    workspace.close()
