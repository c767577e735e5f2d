"""Why in and why out: the explanation of every customer and segment of the example gym agrees with who is in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.pipeline.flow import run
from regulars.pipeline.segment import as_of_now, rule_tables
from regulars.pipeline.workspace import Workspace
from regulars.rules.evaluate import evaluate, settled
from regulars.rules.explain import explained, read
from regulars.testing.gym import generate
from regulars.testing.gym.stage import Stage, staged

EVENING = date(2026, 1, 31)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("gym")
    with staged(generate(folder / "world", seed=5, scale=0.1), folder, day=EVENING) as stage:
        workspace = stage.open(EVENING)
        assert run(workspace).exit_code == 0
        workspace.close()
        yield stage


@pytest.fixture
def gym(stage: Stage) -> Iterator[Workspace]:
    workspace = stage.open(EVENING)
    yield workspace
    workspace.close()


def test_the_explanation_of_every_customer_and_segment_agrees_with_the_members(gym: Workspace) -> None:
    told = {(row["segment"], row["customer_id"]) for row in gym.rows(gym.table("memberships"))}
    customers = {row["customer_id"] for row in gym.rows(gym.table("customers").select("customer_id"))}
    evaluation = evaluate(gym.project.segments, rule_tables(gym), as_of=as_of_now(gym))
    evaluation = settled(evaluation, engine=gym.stores.engine)
    asked = set()

    for segment in gym.project.segments:
        for row in gym.rows(explained(evaluation, segment.name)):
            explanation = read(row, segment, day=evaluation.facts.as_of.day)
            is_member = (segment.name, explanation.customer_id) in told
            assert explanation.is_in == is_member, (explanation.why, segment.name)
            assert explanation.why.startswith("in since " if is_member else "out")
            assert explanation.lines[0].holds == explanation.matches
            asked.add((segment.name, explanation.customer_id))

    assert asked == {(segment.name, customer) for segment in gym.project.segments for customer in customers}
    assert len(customers) > 1_000


def test_the_command_says_the_same_of_somebody_in_and_somebody_out_of_each_segment(
    stage: Stage, gym: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    memberships = gym.rows(gym.table("memberships").order_by("segment", "customer_id"))
    inside = {row["segment"]: row["customer_id"] for row in memberships}
    taken = {(row["segment"], row["customer_id"]) for row in memberships}
    everyone = [row["customer_id"] for row in gym.rows(gym.table("customers").order_by("customer_id"))]
    outside = {s.name: next(c for c in everyone if (s.name, c) not in taken) for s in gym.project.segments}
    as_of = gym.clock.now().isoformat()

    for sample, is_in in ((inside, True), (outside, False)):
        for segment, customer in sample.items():
            arguments = ["explain", customer, segment, "--project", str(stage.project), "--as-of", as_of, "--json"]
            answered = CliRunner().invoke(main_group, arguments, standalone_mode=False)
            assert answered.exception is None, answered.output
            assert json.loads(answered.stdout)["is_in"] is is_in, (segment, customer)

    assert len(inside) >= 6
