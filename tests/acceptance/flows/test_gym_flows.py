"""The flows of the example gym against the truth of its world: each party's people, each step on its day, nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from club import days, spent

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.journeys import carry_flows
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.gym import generate
from regulars.testing.gym.grade import grade_identity
from regulars.testing.gym.stage import ZONE, Stage, staged

EVENING = date(2026, 1, 31)
MORNINGS = days(date(2026, 2, 1), date(2026, 2, 5))
LATE = 3
"""Days that the flows of parties bear; a message that is exactly so late is not sent."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Gym:
    """A gym whose flows went on for some mornings."""

    truth: Path
    taken: list[dict[str, Any]]              # steps: flow, customer_id, occasion, step, outcome, day
    customer_of: dict[str, str]              # person -> customer


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gym]:
    folder = tmp_path_factory.mktemp("gym")
    with staged(generate(folder / "world", seed=4, scale=0.05), folder, day=EVENING) as stage:
        workspace = stage.open(EVENING)
        assert run(workspace).exit_code == 0
        until = stage.evening(EVENING).astimezone(UTC).replace(tzinfo=None)
        people = grade_identity(workspace.fetch(workspace.table("identity")), stage.world.truth, until=until)
        workspace.close()
        for day in MORNINGS:
            with_flows(stage, day)
        workspace = stage.open(EVENING)
        yield Gym(truth=stage.world.truth, taken=steps_of(workspace), customer_of=dict(people.customer_of))
        workspace.close()


def with_flows(stage: Stage, day: date) -> None:
    """Let the flows go on at six in the morning of a day, with what was known the evening before."""
    at = datetime.combine(day, time(6), tzinfo=ZONE)
    workspace = open_workspace(stage.project, clock=FixedClock(at), environment=stage.environment)
    spent(carry_flows(workspace))
    workspace.close()


def steps_of(workspace: Workspace) -> list[dict[str, Any]]:
    customers = workspace.book.identity.customers()["customer_id"].to_pylist()
    return [
        {**row, "flow": flow.name, "day": row["at"].replace(tzinfo=UTC).astimezone(ZONE).date()}
        for flow in workspace.project.flows
        for row in workspace.book.journeys.steps_of(flow.name, customers).to_pylist()
    ]


@pytest.mark.parametrize(("flow", "step", "before"), [
    ("party_host", "week", 7), ("party_host", "answers", 6), ("party_guest", "week", 7), ("party_guest", "reminder", 2),
])
def test_whoever_has_to_do_with_a_party_is_written_to_on_the_day(gym: Gym, flow: str, step: str, before: int) -> None:
    expected = {}
    for occasion, person, party_day in occasions(gym, flow):
        meant = party_day - timedelta(days=before)
        # The first run after the evening catches up with what it may.
        sent = max(meant, MORNINGS[0])
        if sent in MORNINGS and (sent - meant).days < LATE:
            expected[f"{occasion}@{party_day}"] = (gym.customer_of[person], sent)

    planned = [one for one in gym.taken if (one["flow"], one["step"], one["outcome"]) == (flow, step, "planned")]
    # A run of the evening itself, at the end of its day, plans what is due on the next morning at the earliest.
    found = {one["occasion"]: (one["customer_id"], max(one["day"], MORNINGS[0])) for one in planned}

    assert found == expected
    assert len(planned) == len(found) > 0


def occasions(gym: Gym, flow: str) -> Iterator[tuple[str, str, date]]:
    """Yield what is known on the evening: occasion, person, day of the party."""
    until = datetime.combine(EVENING + timedelta(days=1), time(0), tzinfo=ZONE).astimezone(UTC).replace(tzinfo=None)
    parties = {row["party_id"]: row for row in pq.read_table(gym.truth / "parties.parquet").to_pylist()}
    if flow == "party_host":
        for row in parties.values():
            if row["booked_at"] <= until:
                yield row["party_id"], row["host_id"], row["party_day"]
        return
    for row in pq.read_table(gym.truth / "party_answers.parquet").to_pylist():
        is_known = row["known_from"] <= until and (row["known_until"] is None or row["known_until"] > until)
        if is_known and row["attending"] == "yes":
            yield row["rsvp_id"], row["person_id"], parties[row["party_id"]]["party_day"]
