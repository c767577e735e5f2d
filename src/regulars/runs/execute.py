"""Carries out steps as soon as they may begin: what fails stops only what needs it, and the ledger knows everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from regulars.clock import Clock
from regulars.runs.hands import Alone, Hands, Told
from regulars.runs.order import blocked, startable
from regulars.runs.run import Observer, RunResult, Silence, Step, StepResult


class Ledger(Protocol):
    """Where runs and their steps are written down; the book is one."""

    def start_run(self, command: str, at: datetime) -> str:
        """Open a run and return its id."""
        ...

    def start_step(self, run_id: str, step: str, at: datetime) -> None:
        """Say that a step begins."""
        ...

    def checkpoint(self, run_id: str, step: str, done: int, total: int | None, note: str) -> None:
        """Say how far a step is."""
        ...

    def finish_step(self, run_id: str, result: StepResult, at: datetime) -> None:
        """Say how a step ended."""
        ...

    def finish_run(self, run_id: str, outcome: str, at: datetime) -> None:
        """Close a run."""
        ...


def execute(
    steps: Sequence[Step],
    *,
    command: str,
    ledger: Ledger,
    clock: Clock,
    observer: Observer | None = None,
    hands: Hands | None = None,
) -> RunResult:
    """Carry out steps, each as soon as what it waits for has ended, and return how each ended, in the order given.

    A step that fails does not stop the run: steps that need it are skipped with the reason, the others go on.
    Only an interruption by the person stops everything; it is written down as such before it is raised again.
    `hands` carry the steps out; without any, this process does, one after the other in the order given.
    """
    hands, started, began = hands or Alone(steps), clock.now(), time.perf_counter()
    run_id = ledger.start_run(command, started)
    course = _Course(run_id=run_id, ledger=ledger, clock=clock, observer=observer or Silence())
    try:
        while len(course.results) < len(steps):
            _begin(steps, course, hands)
            for told in hands.told() if course.under_way else ():
                course.hear(told)
    except BaseException as broken:
        hands.stop()                         # nobody works on when the run is over, and its lease another's
        if isinstance(broken, KeyboardInterrupt):
            ledger.finish_run(run_id, "interrupted", clock.now())
        raise
    results = tuple(course.results[step.name] for step in steps)
    result = RunResult(run_id=run_id, started_at=started, seconds=time.perf_counter() - began, steps=results)
    ledger.finish_run(run_id, result.outcome, clock.now())
    return result


CHECKPOINT_EVERY = 0.5
"""Seconds between two checkpoints of a step written to the ledger; the observer sees every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """A run under way, written down and shown as it goes."""

    run_id: str
    ledger: Ledger
    clock: Clock
    observer: Observer
    results: dict[str, StepResult] = field(default_factory=dict)     # of the steps that ended
    under_way: dict[str, float] = field(default_factory=dict)        # step -> when it was last written of, in seconds

    def begin(self, step: Step) -> None:
        self.ledger.start_step(self.run_id, step.name, self.clock.now())
        self.observer.started(step.name)
        self.under_way[step.name] = time.perf_counter()

    def skip(self, step: Step, reason: str) -> None:
        self.ledger.start_step(self.run_id, step.name, self.clock.now())
        self._end(StepResult(name=step.name, outcome="skipped", seconds=0.0, error=reason))

    def hear(self, told: Told) -> None:
        if isinstance(told, StepResult):
            del self.under_way[told.name]
            self._end(told)
            return
        reached, now = told.checkpoint, time.perf_counter()
        self.observer.reached(told.step, reached)
        if now - self.under_way[told.step] > CHECKPOINT_EVERY:
            self.ledger.checkpoint(self.run_id, told.step, reached.done, reached.total, reached.note)
            self.under_way[told.step] = now

    def _end(self, result: StepResult) -> None:
        self.results[result.name] = result
        self.ledger.finish_step(self.run_id, result, self.clock.now())
        self.observer.ended(result)


def _begin(steps: Sequence[Step], course: _Course, hands: Hands) -> None:
    """Begin what may begin, as far as hands are free; what lacks something it needs is skipped."""
    for step in startable(steps, begun={*course.results, *course.under_way}, ended=course.results):
        if reason := blocked(step, course.results.values()):
            course.skip(step, reason)
            _begin(steps, course, hands)     # others may have waited for it alone
            return
        if hands.is_free:
            course.begin(step)
            hands.begin(step.name)
