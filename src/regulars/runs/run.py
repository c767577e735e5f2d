"""A run is steps in order; a step yields checkpoints, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Outcome = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a step is: what is before it is kept, whatever happens next."""

    done: int                                # units of work behind us
    total: int | None = None                 # None: not known yet
    note: str = ""                           # "page 12", "stripe.refunds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a step did."""

    rows_in: int = 0                         # records or rows read
    rows_out: int = 0                        # rows added or changed
    watermark: str = ""                      # how far the data reaches
    note: str = ""
    facts: dict[str, int | float | str] = field(default_factory=dict)


Steps = Generator[Checkpoint, None, Work]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One named piece of work, and what it cannot do without."""

    name: str                                # "pull:capitan"
    do: Callable[[], Steps]
    needs: tuple[str, ...] = ()              # skipped when one of these failed or was skipped
    after: tuple[str, ...] | None = None     # waits for these too, whichever way they end; None: for all before it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How one step ended."""

    name: str
    outcome: Outcome
    seconds: float
    work: Work = Work()
    error: str = ""                          # sentence with hint; for skipped: the reason
    code: str = ""                           # of the error


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a whole run ended."""

    run_id: str
    started_at: datetime
    seconds: float
    steps: tuple[StepResult, ...]

    @property
    def outcome(self) -> Outcome:
        """Return done only when every step is."""
        return "done" if all(step.outcome == "done" for step in self.steps) else "failed"

    @property
    def exit_code(self) -> int:
        """Return what the process must answer: 0 only when every step is done."""
        return 0 if self.outcome == "done" else 1


class Observer(Protocol):
    """Whoever watches a run: a progress bar, a log, nobody."""

    def started(self, step: str) -> None:
        """A step begins."""

    def reached(self, step: str, checkpoint: Checkpoint) -> None:
        """A step got this far."""

    def ended(self, result: StepResult) -> None:
        """A step ended, whichever way."""


class Silence:
    """An observer that does not look."""

    def started(self, step: str) -> None:
        """Look away."""

    def reached(self, step: str, checkpoint: Checkpoint) -> None:
        """Look away."""

    def ended(self, result: StepResult) -> None:
        """Look away."""
