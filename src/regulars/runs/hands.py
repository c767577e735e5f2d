"""Hands: who carries out a step and tells how far it is; one process does one step at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from regulars.errors import RegularsError
from regulars.runs.run import Checkpoint, Step, StepResult, Work

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A checkpoint, and whose it is."""

    step: str
    checkpoint: Checkpoint


Told = Reached | StepResult
"""What is heard of a step: checkpoints, then how it ended."""


class Hands(Protocol):
    """Carries out steps that it is given by name; `runs.execute` says which and when."""

    @property
    def is_free(self) -> bool:
        """Return whether another step can begin now."""
        ...

    def begin(self, step: str) -> None:
        """Begin a step. Only when free."""
        ...

    def told(self) -> list[Told]:
        """Wait for news of the steps that were begun, and return it. Only while one has not ended."""
        ...

    def stop(self) -> None:
        """Break off what is under way."""
        ...


class Alone:
    """This process."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = {step.name: step for step in steps}
        self._course: Iterator[Told] | None = None

    @property
    def is_free(self) -> bool:
        """Return whether no step is under way."""
        return self._course is None

    def begin(self, step: str) -> None:
        """Begin a step; it goes on while it is listened to."""
        self._course = carried_out(self._steps[step])

    def told(self) -> list[Told]:
        """Go on to the next checkpoint or the end."""
        assert self._course is not None
        news = next(self._course)
        if isinstance(news, StepResult):
            self._course = None
        return [news]

    def stop(self) -> None:
        """Break the step off."""
        self._course = None


def carried_out(step: Step) -> Iterator[Told]:
    """Carry out a step: yield its checkpoints, then how it ended. Whatever it raises is an end, but an interruption."""
    began, work = time.perf_counter(), step.do()
    try:
        while True:
            yield Reached(step=step.name, checkpoint=next(work))
    except StopIteration as finished:
        done, seconds = finished.value or Work(), time.perf_counter() - began
        yield StepResult(name=step.name, outcome="done", seconds=seconds, work=done)
    except Exception as error:  # noqa: BLE001  every end of a step is written down; what is unforeseen is logged
        yield failed(step.name, error, seconds=time.perf_counter() - began)


def failed(step: str, error: Exception, *, seconds: float) -> StepResult:
    """Return the end of a step that raised an error; one that is not ours is logged with its trace."""
    if isinstance(error, RegularsError):
        return StepResult(name=step, outcome="failed", seconds=seconds, error=str(error), code=error.code)
    log.error("step failed", step=step, exc_info=error)
    said = f"{type(error).__name__}: {error}"
    return StepResult(name=step, outcome="failed", seconds=seconds, error=said, code="unexpected")
