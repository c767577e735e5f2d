"""The gym is graded against its truth: three worlds, three evenings each, every cent, person and segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date

import pytest

from regulars.pipeline.flow import run
from regulars.testing.gym import generate
from regulars.testing.gym.grade import (
    Difference,
    IdentityGrade,
    MoneyGrade,
    grade_identity,
    grade_money,
    grade_segments,
)
from regulars.testing.gym.oracle import SEGMENTS, Oracle
from regulars.testing.gym.stage import Stage, staged

SEEDS = (1, 2, 3)
SCALE = 0.2
EVENINGS = (date(2025, 6, 30), date(2025, 11, 3), date(2026, 1, 31))   # the second is the day after summer time ended

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What one run was worth."""

    exit_code: int
    money: MoneyGrade
    people: IdentityGrade
    segments: Mapping[str, Difference]


def graded(stage: Stage, day: date, oracle: Oracle) -> Graded:
    workspace = stage.open(day)
    result = run(workspace)
    until = stage.evening(day).astimezone(UTC).replace(tzinfo=None)
    identity = workspace.fetch(workspace.table("identity"))
    people = grade_identity(identity, stage.world.truth, until=until)
    oracle.customer_ids.update(people.customer_of)
    grades = Graded(
        exit_code=result.exit_code,
        money=grade_money(workspace.fetch(workspace.table("money")), stage.world.truth, until=until, identity=identity),
        people=people,
        segments=grade_segments(
            workspace.fetch(workspace.table("memberships")),
            oracle.evaluate(workspace.clock.now(), known=stage.evening(day)),
            people,
        ),
    )
    workspace.close()
    return grades


@pytest.fixture(scope="module", params=SEEDS)
def evenings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[date, Graded]:
    folder = tmp_path_factory.mktemp(f"gym{request.param}")
    world = generate(folder / "world", seed=request.param, scale=SCALE)
    oracle = Oracle.read(world.truth)
    found = {}
    with staged(world, folder, day=EVENINGS[0]) as stage:
        for day in EVENINGS:
            stage.move_to(day)
            found[day] = graded(stage, day, oracle)
    return found


def test_every_run_ends_well(evenings: dict[date, Graded]) -> None:
    assert [grades.exit_code for grades in evenings.values()] == [0, 0, 0]


@pytest.mark.parametrize("day", EVENINGS, ids=str)
def test_money_is_exact_to_the_cent(evenings: dict[date, Graded], day: date) -> None:
    money = evenings[day].money

    assert money.is_exact, money
    assert money.lines.right > 1_000


@pytest.mark.parametrize("day", EVENINGS, ids=str)
def test_every_person_is_one_customer_and_nobody_is_dropped(evenings: dict[date, Graded], day: date) -> None:
    people = evenings[day].people

    assert people.merged_households == ()
    assert people.is_exact, (people.dropped, people.merged, people.split)
    assert people.profiles > 1_000


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("day", EVENINGS, ids=str)
def test_every_segment_holds_exactly_whom_the_truth_says(evenings: dict[date, Graded], day: date, segment: str) -> None:
    grade = evenings[day].segments[segment]

    assert grade.is_exact, (grade.missing_shown, grade.extra_shown)


def test_the_grades_of_segments_are_not_of_empty_ones(evenings: dict[date, Graded]) -> None:
    held = {segment for grades in evenings.values() for segment, grade in grades.segments.items() if grade.right}

    assert len(held) >= 12
