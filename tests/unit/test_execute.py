"""A run does what it can, says what it did not, and is honest at the exit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from regulars.clock import FixedClock
from regulars.errors import SourceUnavailable
from regulars.runs.execute import execute
from regulars.runs.run import Checkpoint, Step, StepResult, Steps, Work

NOW = FixedClock(datetime(2026, 1, 5, 9, tzinfo=UTC))


class Notes:
    """A ledger on paper."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start_run(self, command: str, at: datetime) -> str:
        self.lines.append(f"run {command}")
        return "r1"

    def start_step(self, run_id: str, step: str, at: datetime) -> None:
        self.lines.append(f"start {step}")

    def checkpoint(self, run_id: str, step: str, done: int, total: int | None, note: str) -> None:
        self.lines.append(f"{step} {done}")

    def finish_step(self, run_id: str, result: StepResult, at: datetime) -> None:
        self.lines.append(f"{result.outcome} {result.name}")

    def finish_run(self, run_id: str, outcome: str, at: datetime) -> None:
        self.lines.append(f"end {outcome}")


def fine() -> Steps:
    yield Checkpoint(done=1)
    return Work(rows_in=3, rows_out=2)


def down() -> Steps:
    yield Checkpoint(done=1)
    raise SourceUnavailable("stripe answered 503", hint="regulars run")


def interrupted() -> Steps:
    yield Checkpoint(done=1)
    raise KeyboardInterrupt


def test_a_run_where_every_step_is_done_exits_with_zero() -> None:
    result = execute([Step(name="pull", do=fine)], command="run", ledger=Notes(), clock=NOW)

    assert result.exit_code == 0
    assert result.steps[0].work == Work(rows_in=3, rows_out=2)


def test_a_failed_step_stops_only_what_needs_it_and_the_exit_code_says_so() -> None:
    steps = [
        Step(name="pull:stripe", do=down),
        Step(name="pull:capitan", do=fine),
        Step(name="records:stripe", do=fine, needs=("pull:stripe",)),
        Step(name="records:capitan", do=fine, needs=("pull:capitan",)),
    ]

    result = execute(steps, command="run", ledger=Notes(), clock=NOW)

    assert [step.outcome for step in result.steps] == ["failed", "done", "skipped", "done"]
    assert result.steps[2].error == "not tried because pull:stripe failed"
    assert result.steps[0].code == "source-unavailable"
    assert result.exit_code == 1


def test_an_unforeseen_fault_is_a_failed_step_with_its_name() -> None:
    def broken() -> Steps:
        yield Checkpoint(done=0)
        raise ZeroDivisionError("oops")

    result = execute([Step(name="resolve", do=broken)], command="run", ledger=Notes(), clock=NOW)

    assert result.steps[0].error == "ZeroDivisionError: oops"


def test_an_interruption_is_written_down_before_it_is_raised() -> None:
    notes = Notes()

    with pytest.raises(KeyboardInterrupt):
        execute([Step(name="pull", do=interrupted)], command="run", ledger=notes, clock=NOW)

    assert notes.lines[-1] == "end interrupted"
