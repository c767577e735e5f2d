"""Carries out steps in order: what fails stops only what needs it, and the ledger knows everything."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from regulars.clock import Clock
from regulars.errors import RegularsError
from regulars.runs.run import Checkpoint, Observer, RunResult, Silence, Step, StepResult, Work

log = structlog.get_logger()


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
) -> RunResult:
    """Carry out steps in the order given and return how each ended.

    A step that fails does not stop the run: later steps that need it are skipped with the reason, the others go on.
    Only an interruption by the person stops everything; it is written down as such before it is raised again.
    """
    observer = observer or Silence()
    started, began = clock.now(), time.perf_counter()
    run_id = ledger.start_run(command, started)
    results: dict[str, StepResult] = {}
    try:
        for step in steps:
            reason = blocked(step, results.values())
            if reason:
                results[step.name] = StepResult(name=step.name, outcome="skipped", seconds=0.0, error=reason)
                ledger.start_step(run_id, step.name, clock.now())
            else:
                results[step.name] = _carry_out(step, run_id, ledger, clock, observer)
            ledger.finish_step(run_id, results[step.name], clock.now())
            observer.ended(results[step.name])
    except KeyboardInterrupt:
        ledger.finish_run(run_id, "interrupted", clock.now())
        raise
    result = RunResult(
        run_id=run_id, started_at=started, seconds=time.perf_counter() - began, steps=tuple(results.values())
    )
    ledger.finish_run(run_id, result.outcome, clock.now())
    return result


def blocked(step: Step, results: Iterable[StepResult]) -> str:
    """Return why a step cannot begin, or an empty string when it can."""
    lost = {result.name: result.outcome for result in results if result.outcome != "done"}
    causes = [f"{name} {'failed' if lost[name] == 'failed' else 'was skipped'}" for name in step.needs if name in lost]
    return f"not tried because {' and '.join(causes)}" if causes else ""


CHECKPOINT_EVERY = 0.5
"""Seconds between two checkpoints written to the ledger; the observer sees every one."""


def _carry_out(step: Step, run_id: str, ledger: Ledger, clock: Clock, observer: Observer) -> StepResult:
    ledger.start_step(run_id, step.name, clock.now())
    observer.started(step.name)
    began = written = time.perf_counter()
    work = step.do()
    try:
        while True:
            reached: Checkpoint = next(work)
            observer.reached(step.name, reached)
            if time.perf_counter() - written > CHECKPOINT_EVERY:
                ledger.checkpoint(run_id, step.name, reached.done, reached.total, reached.note)
                written = time.perf_counter()
    except StopIteration as finished:
        done = finished.value or Work()
        return StepResult(name=step.name, outcome="done", seconds=time.perf_counter() - began, work=done)
    except RegularsError as error:
        return StepResult(
            name=step.name, outcome="failed", seconds=time.perf_counter() - began, error=str(error), code=error.code
        )
    except Exception as error:
        log.exception("step failed", step=step.name)
        return StepResult(
            name=step.name,
            outcome="failed",
            seconds=time.perf_counter() - began,
            error=f"{type(error).__name__}: {error}",
            code="unexpected",
        )
