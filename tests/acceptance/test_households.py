"""Families of the gym held against its truth; a day on which nothing changed; a run that was killed half way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from regulars.pipeline.flow import steps
from regulars.pipeline.households import form_households, one_message_each
from regulars.pipeline.workspace import Workspace
from regulars.runs.execute import execute
from regulars.testing.gym import generate
from regulars.testing.gym.grade import grade_identity
from regulars.testing.gym.stage import Stage, staged

DAY = date(2025, 12, 30)
Pair = tuple[str, str]
ASKING = """\
streams:
  relations:
    enabled: true
    request:
      path: customers/${each}/relations/
      missing_is_empty: true
      for_each: {id: id, mark: customer_id, request: {path: customers/}}
"""
"""Everybody is asked for relations, not only those whose family is likely to matter."""

pytestmark = pytest.mark.slow
ONCE = pytest.mark.parametrize("stage", [4], indirect=True, scope="module", ids=["seed 4"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Pairs of persons in the product and in the truth."""

    links: set[Pair]                         # guardian, child
    true_links: set[Pair]
    known_links: set[Pair]                   # those that the gym was told of and answers for
    homes: set[Pair]
    true_homes: set[Pair]
    minors_written_to: set[str]


def truth(stage: Stage, table: str) -> list[dict[str, Any]]:
    return pq.read_table(stage.world.truth / f"{table}.parquet").to_pylist()


def pairs(homes: dict[str, list[str]]) -> set[Pair]:
    return {pair for people in homes.values() for pair in combinations(sorted(people), 2)}


def graded(stage: Stage, workspace: Workspace) -> Graded:
    until = stage.evening(DAY).replace(tzinfo=None)
    customer_of = grade_identity(workspace.fetch(workspace.table("identity")), stage.world.truth, until=until).customer_of
    person_of = {customer: person for person, customer in customer_of.items()}
    people = {row["person_id"]: row for row in truth(stage, "people")}
    homes, true_homes = defaultdict(list), defaultdict(list)
    for row in workspace.rows(workspace.table("household_members")):
        homes[row["household_id"]].append(person_of.get(row["customer_id"], row["customer_id"]))
    for person in customer_of:
        true_homes[people[person]["household_id"]].append(person)
    contacts = workspace.rows(workspace.table("contacts"))
    via = {row[f"{channel}_customer_id"] for row in contacts for channel in ("email", "phone")} - {None}
    return Graded(
        links={tuple(person_of.get(r[name], r[name]) for name in ("guardian_customer_id", "child_customer_id")) for r in workspace.rows(workspace.table("family_links"))},
        true_links={(guardian, p) for p, row in people.items() for guardian in (row["guardian_id"], row["second_guardian_id"]) if guardian},
        known_links={(r["guardian_id"], r["child_id"]) for r in truth(stage, "family_links") if {r["guardian_id"], r["child_id"]} <= customer_of.keys()},
        homes=pairs(homes), true_homes=pairs(true_homes),
        minors_written_to={person_of[c] for c in via if c in person_of and people[person_of[c]]["is_minor"]},
    )


@pytest.fixture(scope="module", params=[4, 5, 6], ids=lambda seed: f"seed {seed}")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("gym")
    with staged(generate(folder / "world", seed=request.param, scale=0.05), folder, day=DAY) as stage:
        source = stage.project / "sources" / "capitan.yaml"
        source.write_text(source.read_text(encoding="utf-8") + ASKING, encoding="utf-8")
        yield stage


@pytest.fixture(scope="module")
def workspace(stage: Stage) -> Iterator[Workspace]:
    workspace = stage.open(DAY)
    todo = steps(workspace, workspace.project.sources)
    todo = todo[: 1 + [step.name for step in todo].index("households")]
    assert execute(todo, command="run", ledger=workspace.book.runs, clock=workspace.clock).exit_code == 0
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def grade(stage: Stage, workspace: Workspace) -> Graded:
    return graded(stage, workspace)


def test_every_link_is_a_true_one_and_all_that_the_gym_knows_are_found(grade: Graded) -> None:
    assert grade.links <= grade.true_links
    assert grade.known_links <= grade.links


def test_nobody_is_put_into_a_strangers_household(grade: Graded) -> None:
    assert grade.homes <= grade.true_homes
    assert len(grade.homes) >= 0.45 * len(grade.true_homes)


def test_no_minor_is_ever_written_to(grade: Graded) -> None:
    assert grade.minors_written_to == set()


@ONCE
def test_one_message_an_address_whoever_is_asked_for(workspace: Workspace) -> None:
    everybody = workspace.fetch(workspace.table("household_members").select("customer_id"))["customer_id"].combine_chunks()

    told = one_message_each(workspace, everybody, channel="email")

    messages, about = workspace.rows(told.messages), workspace.rows(told.about)
    assert len({row["address"] for row in messages}) == len(messages) < len(about) == len(everybody)
    assert sum(row["people"] for row in messages) == sum(row["recipient_customer_id"] is not None for row in about)


@ONCE
def test_nothing_is_done_while_nothing_changed_and_all_of_it_when_somebody_comes_of_age(
    stage: Stage, workspace: Workspace
) -> None:
    # The gym is run when its day is over, five minutes into the next.
    eve = date.fromisoformat(workspace.lake.meta("household_members")["until"]) - timedelta(1)
    before = workspace.lake.content_hash("household_members")

    assert _rows_out(stage, eve - timedelta(1)) == 0
    assert workspace.lake.content_hash("household_members") == before
    assert _rows_out(stage, eve) > 0
    assert workspace.lake.content_hash("household_members") != before
    _rows_out(stage, DAY)


@ONCE
def test_a_run_killed_after_the_book_was_written_comes_to_the_same(stage: Stage, workspace: Workspace) -> None:
    before = {name: workspace.lake.content_hash(name) for name in ("households", "household_members", "contacts", "family_links")}
    homes, register = workspace.book.households.homes(), workspace.book.households.register()
    workspace.lake.drop("household_members")
    step = form_households(workspace)
    assert [next(step).done for _ in range(3)] == [0, 1, 2]
    step.close()                             # type: ignore[attr-defined]

    list(form_households(workspace))

    assert {name: workspace.lake.content_hash(name) for name in before} == before
    assert workspace.book.households.homes() == homes
    assert workspace.book.households.register() == register


def _rows_out(stage: Stage, day: date) -> int:
    later = stage.open(day)
    try:
        step = form_households(later)
        while True:
            try:
                next(step)
            except StopIteration as ended:
                return int(ended.value.rows_out)
    finally:
        later.close()
