"""A relation that its source withdraws holds no more from that day: homes and guardians follow, and history stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace

TOML = """\
[business]
name = "Corner Club"
timezone = "America/Chicago"
currency = "USD"
country = "US"
"""
SOURCE = """\
kind: files
folder: lists
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, email: text, born: date}
    profile: {id: id, exclusive: true, name: name, email: email, birthday: born}
  relations:
    files: relations.csv
    mode: snapshot
    shrink_guard: 1
    key: [person, other]
    fields: {person: id, other: id, kind: text}
    family: [{who: person, whom: other, whom_is: kind, words: {CHI: child}}]
  contracts:
    files: contracts.csv
    mode: snapshot
    shrink_guard: 1
    key: [contract, person]
    fields: {contract: id, person: id}
    roster: {id: contract, who: person}
"""
PEOPLE = "id,name,email,born\n1,Ann Lee,ann@x.example,1984-03-01\n2,Ben Lee,,2015-06-12\n3,Cal Ray,cal@y.example,1980-01-01\n4,Dee Roe,dee@z.example,1982-01-01\n"
RELATIONS = "person,other,kind\n1,2,CHI\n3,2,CHI\n"
CONTRACTS = "contract,person\n9,1\n9,4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in {"regulars.toml": TOML, "sources/club.yaml": SOURCE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def evening(folder: Path, day: int, *, relations: str = RELATIONS, contracts: str = CONTRACTS) -> Workspace:
    for name, text in {"people": PEOPLE, "relations": relations, "contracts": contracts}.items():
        (folder / "lists").mkdir(exist_ok=True)
        (folder / "lists" / f"{name}.csv").write_text(text)
    workspace = open_workspace(folder, clock=FixedClock(datetime(2026, 1, day, 23, tzinfo=UTC)))
    assert run(workspace).exit_code == 0
    return workspace


def homes(workspace: Workspace, *, version: int | None = None) -> dict[str, set[str]]:
    """The people of each household, by their ids in the club."""
    who = {row["customer_id"]: row["profile_id"] for row in workspace.rows(workspace.table("identity"))}
    found: dict[str, set[str]] = {}
    for row in workspace.rows(workspace.lake.table("household_members", version=version)):
        found.setdefault(row["household_id"], set()).add(who[row["customer_id"]])
    return found


def parents(workspace: Workspace) -> set[tuple[str, str]]:
    who = {row["customer_id"]: row["profile_id"] for row in workspace.rows(workspace.table("identity"))}
    return {(who[row["guardian_customer_id"]], who[row["child_customer_id"]]) for row in workspace.rows(workspace.table("family_links"))}


def test_a_withdrawn_relation_makes_no_parent_and_no_home_any_more_and_the_id_stays_with_the_larger_part(folder: Path) -> None:
    first = evening(folder, 10)
    before, were_parents = homes(first), parents(first)

    workspace = evening(folder, 11, relations="person,other,kind\n1,2,CHI\n")

    assert (list(before.values()), were_parents) == ([{"1", "2", "3", "4"}], {("1", "2"), ("3", "2")})
    assert parents(workspace) == {("1", "2")}
    after = homes(workspace)
    assert sorted(map(sorted, after.values())) == [["1", "2", "4"], ["3"]]
    assert after[next(iter(before))] == {"1", "2", "4"}


def test_who_leaves_a_contract_leaves_the_home_that_only_it_made(folder: Path) -> None:
    evening(folder, 10)

    workspace = evening(folder, 11, contracts="contract,person\n9,1\n")

    assert sorted(map(sorted, homes(workspace).values())) == [["1", "2", "3"], ["4"]]


def test_what_held_before_is_still_told_of_the_day_before(folder: Path) -> None:
    first = evening(folder, 10)
    before, version = homes(first), first.lake.versions("household_members")[-1].number

    workspace = evening(folder, 11, relations="person,other,kind\n1,2,CHI\n")

    assert homes(workspace, version=version) == before
    assert homes(workspace) != before


def test_a_relation_that_is_told_again_brings_the_home_back_under_its_id(folder: Path) -> None:
    before = homes(evening(folder, 10))
    evening(folder, 11, relations="person,other,kind\n1,2,CHI\n")

    workspace = evening(folder, 12)

    assert homes(workspace) == before
