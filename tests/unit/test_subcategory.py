"""What kind of thing a line is within its category: the example gym's own words."""

from __future__ import annotations

import os
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.events.subcategory import Subcategories, declare, subcategory_of
from regulars.project import Project
from regulars.project.marked import read_marked

GYM = Path(__file__).parents[2] / "examples" / "gym" / "subcategories.yaml"


@pytest.fixture(scope="module")
def kinds() -> Subcategories:
    return declare(read_marked(GYM.read_text(encoding="utf-8")).data)


@pytest.mark.parametrize(("category", "description", "name", "detail"), [
    ("Day Pass", "Youth Day Pass (under 14)", "youth", None),
    ("Day Pass", "Day Pass (14 and up)", "adult", None),
    ("Day Pass", "Adult Day Pass", "adult", None),
    ("Day Pass", "Youth Day Pass with Gear", "gear upgrade", None),
    ("Day Pass", "Day pass with gear upgrade", "gear upgrade", None),
    ("Day Pass", "5 Climb Punch Pass", "punch", None),
    ("Day Pass", "5-Punch Pass", "punch", None),
    ("Day Pass", "Mid-day Day Pass", "mid-day", None),
    ("Day Pass", "7 Day Pass", "7 day", None),
    ("Day Pass", "Spectator Pass", "spectator", None),
    ("Day Pass", "Ladies Night Day Pass", "discounted", None),
    ("Programming", "Summer Camp Session 3", "camp", "Summer Camp Session 3"),
    ("Programming", "Summer Camp BONUS WEEK", "camp", "BONUS WEEK"),
    ("Programming", "Fitness Class", "fitness class", None),
    ("Programming", "Transformation 6 Weeks", "transformation", "6 Weeks"),
    ("Event Booking", "[Calendly] Ann 2 Hour Birthday Party", "birthday initial payment", None),
    ("Event Booking", "Birthday Party additional participant", "birthday second payment", None),
    ("Event Booking", "Birthday party non-member", "birthday second payment", None),
    ("Team", "Youth Comp Team dues", "youth comp", None),
    ("Team", "Youth Rec Team Dues", "youth rec", None),
    ("Retail", "Company hoodie with the old logo", "Company hoodie with the", None),
    ("Retail", "Chalk", "Chalk", None),
    ("Retail", None, None, None),
    ("Membership Renewal", "Solo", None, None),
])
def test_a_line_has_the_kind_its_words_say(
    kinds: Subcategories, category: str, description: str | None, name: str | None, detail: str | None
) -> None:
    row = ibis.memtable(pa.table({"category": [category], "description": pa.array([description], pa.string())}))
    found = subcategory_of(row.category, row.description, kinds=kinds)

    assert row.select(name=found[0], detail=found[1]).to_pyarrow().to_pylist() == [{"name": name, "detail": detail}]


@pytest.mark.parametrize(("rule", "said"), [
    ({"category": "Team"}, "a `name`, or a regex to `take` one by"),
    ({"category": "Team", "name": "rec", "take": "(.)"}, "a `name`, or a regex"),
    ({"name": "rec"}, "a rule needs 'category'"),
    ({"category": "Team", "name": "rec", "word": ["rec"]}, "did you mean 'words'?"),
    ({"category": "Team", "take": "rec"}, "catches nothing"),
    ({"category": "Team", "take": "(rec"}, "is no regex"),
    ({"category": "Team", "name": "rec", "words": "rec"}, "expected a list"),
])
def test_a_wrong_rule_says_what_would_be_right(rule: dict[str, object], said: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declare({"rules": [rule]})

    assert error.value.path[:2] == ("rules", 0)
    assert said in str(error.value)


def test_a_wrong_file_of_the_project_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "regulars.toml").write_text('[business]\nname = "Summit Climbing"\ntimezone = "America/Chicago"\n')
    (tmp_path / "plans.yaml").write_text("features:\n  staff: [crew]\n  stafff: [crew]\n")
    (tmp_path / "subcategories.yaml").write_text("rules:\n  - category: Team\n    nam: rec\n")

    project = Project.read(tmp_path, environment=dict(os.environ))

    assert [(found.where, found.hint) for found in project.problems] == [
        ("plans.yaml:3", "did you mean 'staff'?"), ("subcategories.yaml:3", "did you mean 'name'?"),
    ]
