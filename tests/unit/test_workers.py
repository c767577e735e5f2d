"""Workers do steps side by side, and what happens to one of them is the end of its step, not of the run."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import structlog

from regulars.clock import FixedClock
from regulars.errors import SourceUnavailable
from regulars.runs.execute import execute
from regulars.runs.run import Checkpoint, RunResult, Silence, Step, StepResult, Steps, Work
from regulars.runs.workers import Workers
from regulars.storage.engines.cores import AtWork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")

NOW = FixedClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
LONG = 60                                    # seconds after which something is surely broken


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


def fine(place: object) -> Steps:
    yield Checkpoint(done=1, note="half")
    return Work(rows_in=3, facts={"process": os.getpid()})


def meets(place: Barrier) -> Steps:
    yield Checkpoint(done=0)
    place.wait(LONG)
    return Work(facts={"process": os.getpid()})


def down(place: object) -> Steps:
    yield Checkpoint(done=1)
    raise SourceUnavailable("stripe answered 503", hint="regulars run")


def broken(place: object) -> Steps:
    yield Checkpoint(done=0)
    raise ZeroDivisionError("oops")


def killed(place: object) -> Steps:
    yield Checkpoint(done=0)
    os.kill(os.getpid(), signal.SIGKILL)
    return Work()


def todo(place: object, *, steps: tuple[tuple[str, Any, tuple[str, ...]], ...]) -> list[Step]:
    return [Step(name=name, do=partial(do, place), needs=needs, after=()) for name, do, needs in steps]


def carried_out(*steps: tuple[str, Any, tuple[str, ...]], number: int = 2, **options: Any) -> RunResult:
    barrier = multiprocessing.get_context("fork").Barrier(2)
    workers = Workers.fork(number, lambda _, at_work: barrier)
    given = partial(todo, steps=steps)
    try:
        workers.take(given)
        return execute(
            given(None), command="run", clock=NOW, hands=workers, **{"ledger": Notes(), **options},
        )
    finally:
        workers.stop()


def test_steps_that_do_not_wait_for_each_other_are_under_way_at_the_same_time() -> None:
    result = carried_out(("pull:a", meets, ()), ("pull:b", meets, ()))

    assert [step.outcome for step in result.steps] == ["done", "done"]
    assert len({step.work.facts["process"] for step in result.steps} - {os.getpid()}) == 2


def test_what_a_step_did_and_how_far_it_was_comes_back() -> None:
    heard: list[object] = []

    class Watch(Silence):
        def reached(self, step: str, checkpoint: Checkpoint) -> None:
            heard.append((step, checkpoint))

    result = carried_out(("pull", fine, ()), observer=Watch())

    assert heard == [("pull", Checkpoint(done=1, note="half"))]
    assert result.steps[0].work.rows_in == 3


def test_errors_come_back_with_code_and_hint_and_only_what_needs_the_step_is_skipped() -> None:
    result = carried_out(
        ("pull:stripe", down, ()), ("pull:desk", fine, ()), ("read:stripe", fine, ("pull:stripe",)),
        ("read:desk", fine, ("pull:desk",)),
    )

    assert [step.outcome for step in result.steps] == ["failed", "done", "skipped", "done"]
    assert (result.steps[0].code, result.steps[0].error) == ("source-unavailable", "stripe answered 503 (regulars run)")
    assert result.steps[2].error == "not tried because pull:stripe failed"


def test_an_unforeseen_fault_is_named_and_its_trace_is_logged_by_the_process_that_was_asked() -> None:
    with structlog.testing.capture_logs() as lines:
        result = carried_out(("resolve", broken, ()))

    assert (result.steps[0].error, result.steps[0].code) == ("ZeroDivisionError: oops", "unexpected")
    assert [(line["event"], line["step"]) for line in lines] == [("step failed", "resolve")]
    assert "raise ZeroDivisionError" in lines[0]["exception"]


def test_a_worker_that_is_killed_has_failed_its_step_and_the_others_go_on() -> None:
    notes = Notes()

    result = carried_out(
        ("pull:a", killed, ()), ("pull:b", fine, ()), ("read:a", fine, ("pull:a",)), ("read:b", fine, ("pull:b",)),
        ledger=notes,
    )

    assert [step.outcome for step in result.steps] == ["failed", "done", "skipped", "done"]
    assert result.steps[0].code == "worker-lost"
    assert "signal 9" in result.steps[0].error
    assert notes.lines[-1] == "end failed"


def test_when_no_worker_is_left_the_run_ends_all_the_same() -> None:
    result = carried_out(("a", killed, ()), ("b", killed, ()), ("c", fine, ()), ("d", fine, ("c",)))

    assert [step.outcome for step in result.steps] == ["failed", "failed", "failed", "skipped"]


def test_a_place_that_cannot_be_opened_fails_every_step_with_the_reason() -> None:
    def opened(number: int, at_work: AtWork) -> object:
        raise SourceUnavailable(f"worker {number} found nothing")

    workers, given = Workers.fork(1, opened), partial(todo, steps=(("a", fine, ()), ("b", fine, ())))
    workers.take(given)
    result = execute(given(None), command="run", ledger=Notes(), clock=NOW, hands=workers)
    workers.stop()

    assert [step.error for step in result.steps] == ["worker 1 found nothing"] * 2


def counts(place: tuple[Barrier, AtWork]) -> Steps:
    barrier, at_work = place
    yield Checkpoint(done=0)
    barrier.wait(LONG)
    together = at_work()
    barrier.wait(LONG)
    return Work(facts={"together": together})


def counts_alone(place: tuple[Barrier, AtWork]) -> Steps:
    yield Checkpoint(done=0)
    return Work(facts={"together": place[1]()})


def test_a_worker_is_told_how_many_are_at_work() -> None:
    barrier = multiprocessing.get_context("fork").Barrier(2)
    workers = Workers.fork(2, lambda _, at_work: (barrier, at_work))
    given = partial(todo, steps=(("a", counts, ()), ("b", counts, ()), ("c", counts_alone, ("a", "b"))))
    workers.take(given)
    result = execute(given(None), command="run", ledger=Notes(), clock=NOW, hands=workers)
    workers.stop()

    assert [step.work.facts["together"] for step in result.steps] == [2, 2, 1]


def test_an_interruption_ends_the_workers_before_the_run_is_given_up() -> None:
    notes, seen = Notes(), list[int]()

    class Person(Silence):
        def reached(self, step: str, checkpoint: Checkpoint) -> None:
            seen.extend(children())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carried_out(("a", meets, ()), ledger=notes, observer=Person())

    assert notes.lines == ["run run", "start a", "end interrupted"]
    assert seen
    assert not set(seen) & set(children())


def children() -> Iterator[int]:
    """Return the processes this one has forked and not yet seen the end of."""
    for process in multiprocessing.active_children():
        assert process.pid is not None
        yield process.pid


PARENT = """
import signal
from functools import partial
from regulars.runs.run import Checkpoint, Step
from regulars.runs.workers import Workers
import os
def long(place):
    yield Checkpoint(done=os.getpid())
    signal.pause()
def todo(place):
    return [Step(name=name, do=partial(long, place)) for name in "ab"]
workers = Workers.fork(2, lambda number, at_work: number)
workers.take(todo)
workers.begin("a")
workers.begin("b")
processes = []
while len(processes) < 2:
    processes += [told.checkpoint.done for told in workers.told()]
print(*processes, flush=True)
signal.pause()
"""


def test_when_the_process_that_forked_them_is_killed_workers_end_in_the_middle_of_their_steps() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert parent.stdout is not None
    handles = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]

    parent.kill()
    parent.wait()

    assert len(handles) == 2
    for handle in handles:                   # a handle can be read when its process has ended
        assert select.select([handle], [], [], LONG)[0]
        os.close(handle)
