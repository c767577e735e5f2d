"""Whoever a day does not touch stays as decided, and that comes to the same as deciding about everybody anew."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import steps
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.runs.execute import execute

TOML = """\
[business]
name = "Corner Club"
timezone = "America/Chicago"
currency = "USD"
country = "US"
"""
CLUB = """\
kind: files
folder: lists
streams:
  people:
    files: people.csv
    mode: snapshot
    shrink_guard: 1
    key: id
    fields: {id: id, name: text, email: text, phone: text, born: date, street: text, zip: text, guardian: text}
    profile:
      {id: id, exclusive: true, name: name, email: email, phone: phone, birthday: born, traits: {address: street, postcode: zip}}
    family: [{who: id, whom_email: guardian, whom_is: guardian, confidence: medium}]
  relations:
    files: relations.csv
    mode: snapshot
    shrink_guard: 1
    key: [person, other]
    fields: {person: id, other: id, kind: text}
    family: [{who: person, whom: other, whom_is: kind, words: {CHI: child, PAR: parent, SIB: sibling}}]
  contracts:
    files: contracts.csv
    mode: snapshot
    shrink_guard: 1
    key: [contract, person]
    fields: {contract: id, person: id, owner: id}
    roster: {id: contract, who: person, owner: owner}
  visits:
    files: visits.csv
    mode: snapshot
    shrink_guard: 1
    key: id
    fields: {id: id, person: id, day: timestamp}
"""
SHOP = """\
kind: files
folder: lists
streams:
  buyers:
    files: buyers.csv
    mode: snapshot
    shrink_guard: 1
    key: id
    fields: {id: id, name: text, email: text, phone: text}
    profile: {id: id, name: name, email: email, phone: phone}
"""
VISIT = "from: club.visits\nwho: person\nwhen: day\nevent: check_in\n"
TABLES = ("family_links", "household_members", "households", "contacts", "customers", "quarantine")
DECIDED = ("family_links", "household_members", "households", "contacts", "customers")
PEOPLE, STREET = 400, 5
Row = dict[str, str]
pytestmark = pytest.mark.slow


def town(rng: Random) -> dict[str, list[Row]]:
    """People thrown together by chance in streets, of which few know anybody in another one."""
    return {
        "people": [person(rng, n) for n in range(PEOPLE)],
        "relations": [relation(rng) for _ in range(30)],
        "contracts": [contract(rng) for _ in range(30)],
        "visits": [visit(rng) for _ in range(60)],
        "buyers": [buyer(rng, n) for n in range(PEOPLE // 2)],
    }


def near(rng: Random, n: int) -> int:
    """Somebody of the street of a person, seldom of another."""
    return rng.randrange(PEOPLE) if rng.random() < 0.005 else n // STREET * STREET + rng.randrange(STREET)


def name(rng: Random) -> str:
    return f"{rng.choice(['Ann', 'Ben', 'Cal', 'Dee', 'Eve', 'Fay'])} {rng.choice(['Lee', 'Ray', 'Poe'])}"


def mail(rng: Random, n: int) -> str:
    return rng.choice(["", f"m{near(rng, n)}@x.example"])


def phone(rng: Random, n: int) -> str:
    return rng.choice(["", "", f"+1254867{2000 + near(rng, n)}"])


def person(rng: Random, n: int) -> Row:
    born = rng.choice(["", f"2008-01-{rng.randrange(10, 14):02}", f"{rng.randrange(1950, 2024)}-0{rng.randrange(1, 10)}-11"])
    return {
        "id": str(n), "name": name(rng), "email": mail(rng, n), "phone": phone(rng, n), "born": born,
        "street": rng.choice(["", "", f"{near(rng, n)} Elm St"]), "zip": "76707",
        "guardian": rng.choice(["", "", mail(rng, n)]),
    }


def relation(rng: Random) -> Row:
    n = rng.randrange(PEOPLE)
    return {"person": str(n), "other": str(near(rng, n)), "kind": rng.choice(["CHI", "PAR", "SIB"])}


def contract(rng: Random) -> Row:
    n = rng.randrange(PEOPLE)
    return {"contract": str(n // STREET), "person": str(n), "owner": str(near(rng, n))}


def visit(rng: Random) -> Row:
    return {"id": str(rng.randrange(10_000)), "person": str(rng.randrange(PEOPLE)), "day": f"2026-01-0{rng.randrange(1, 9)}T12:00:00Z"}


def buyer(rng: Random, n: int) -> Row:
    return {"id": f"b{n}", "name": name(rng), "email": mail(rng, 2 * n), "phone": phone(rng, 2 * n)}


def next_day(there: dict[str, list[Row]], rng: Random) -> dict[str, list[Row]]:
    """A few of each list changed, gone or new."""
    made = {"relations": relation, "contracts": contract, "visits": visit}
    found = {}
    for name_, rows in there.items():
        kept = list(rows)
        for _ in range(1):
            place = rng.randrange(len(kept))
            if name_ in made:
                kept[place] = made[name_](rng)
            else:
                changed = person(rng, int(kept[place]["id"])) if name_ == "people" else buyer(rng, place)
                column = rng.choice([column for column in changed if column != "id"])
                kept[place] = {**kept[place], column: changed[column]}
        if rng.random() < 0.5:
            kept.pop(rng.randrange(len(kept)))
        found[name_] = kept
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """What a day comes to."""

    decided: int                             # people whose families were decided about
    tables: dict[str, str]                   # content hashes


class Town:
    """A project about a town, taken forward day by day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        texts = {"regulars.toml": TOML, "sources/club.yaml": CLUB, "sources/shop.yaml": SHOP, "events/check_in.yaml": VISIT}
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)

    def evening(self, day: int, lists: dict[str, list[Row]], *, anew: bool) -> Evening:
        """Carry a day out, deciding about everybody or only about those it touches; return what the tables hold."""
        (self.folder / "lists").mkdir(exist_ok=True)
        for name_, rows in lists.items():
            with (self.folder / "lists" / f"{name_}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        workspace = open_workspace(self.folder, clock=FixedClock(datetime(2026, 1, day, 23, tzinfo=UTC)))
        try:
            if anew:                         # the book keeps who is who and who lives where
                for table in DECIDED:
                    workspace.lake.drop(table)
            decided = carried_out(workspace)
            there = [name_ for name_ in TABLES if workspace.lake.exists(name_)]
            return Evening(decided=decided, tables={name_: workspace.lake.content_hash(name_) for name_ in there})
        finally:
            workspace.close()


def carried_out(workspace: Workspace) -> int:
    """Carry out the steps that decide about people; return how many people's families were decided about."""
    every = steps(workspace, workspace.project.sources)
    wanted = [s for s in every if s.name.split(":")[0] in {"pull", "read", "resolve", "households", "derive", "customers"}]
    with workspace.stores.border.texts.opened():
        result = execute(wanted, command="run", ledger=workspace.book.runs, clock=workspace.clock)
    assert result.exit_code == 0
    return int(next(step.work.facts for step in result.steps if step.name == "households")["decided"])


def test_days_that_look_only_at_those_they_touch_come_to_what_deciding_about_everybody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.pipeline.touched_families.FEW", 0)
    rng, one, other = Random(1), Town(tmp_path / "one"), Town(tmp_path / "other")
    lists = town(rng)

    for day in range(10, 13):
        found, expected = one.evening(day, lists, anew=False), other.evening(day, lists, anew=True)

        assert found.tables == expected.tables, day
        assert day == 10 or found.decided < expected.decided / 2, day
        lists = next_day(lists, rng)
