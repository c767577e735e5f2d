"""The built-in plan of gyms is a plan whose events and properties are those of the example gym."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from regulars.project.marked import as_yaml, read_marked
from regulars.sources.tracking.built_in import begun
from regulars.sources.tracking.gym import EVENTS
from regulars.sources.tracking.plan import declare
from regulars.sources.tracking.schema import compiled, violations

EXAMPLE = Path(__file__).parents[3] / "examples" / "gym" / "events"
TOLD_ELSEWHERE = {"email_sent", "family_linked", "membership"}
"""What no door is told: who sends letters tells of them, and links and memberships are what is so, not what happens."""


def of_example() -> dict[str, dict[str, Any]]:
    declared = {file.stem: yaml.safe_load(file.read_text()) for file in EXAMPLE.glob("*.yaml")}
    return {one.get("event", name): one["what"] for name, one in declared.items()}


def wrong(event: str, properties: dict[str, object]) -> list[tuple[str, str]]:
    plan = declare("desk", begun("gym", "desk"))
    assert plan.track is not None
    validator = compiled(plan.track[event].versions[""]["properties"])
    return [(one.kind, ".".join(map(str, one.path))) for one in violations(properties, validator, part="properties")]


def test_it_reads_back_from_its_file_as_it_is() -> None:
    plan = begun("gym", "desk")

    assert read_marked(as_yaml(plan)).data == plan


def test_its_events_are_those_of_the_example_gym() -> None:
    assert {*EVENTS} == of_example().keys() - TOLD_ELSEWHERE


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_has_the_properties_that_the_example_gym_looks_at(event: str) -> None:
    assert {*EVENTS[event]} - {"currency"} == of_example()[event].keys()


def test_every_kind_of_check_in_of_the_example_gym_is_as_planned() -> None:
    kinds = [word for word in of_example()["check_in"]["kind"].split('"')[1::2] if word.islower() and " " not in word]

    assert {"member", "guest", "day_pass", "pass"} <= {*kinds}
    assert [wrong("check_in", {"kind": kind}) for kind in kinds] == [[]] * len(kinds)


@pytest.mark.parametrize(("event", "properties", "found"), [
    ("membership_started", {"membership_id": "m-1", "role": "owner", "is_trial": False}, []),
    ("day_pass_purchase", {"amount": 24.5, "currency": "USD", "units": 5}, []),
    ("party_rsvp", {"party_day": "2026-03-01", "num_kids": 2, "of my own": [1]}, []),
    ("day_pass_purchase", {"amount": "24.50"}, [("wrong_type", "properties.amount")]),
    ("day_pass_purchase", {"units": 1.5}, [("wrong_type", "properties.units")]),
    ("membership_ended", {"role": "guest"}, [("invalid", "properties.role")]),
    ("party_hosted", {"party_day": "1 March"}, [("invalid", "properties.party_day")]),
])
def test_what_is_otherwise_is_marked_with_its_place(
    event: str, properties: dict[str, object], found: list[tuple[str, str]]
) -> None:
    assert wrong(event, properties) == found
