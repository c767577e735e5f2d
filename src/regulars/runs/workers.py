"""Workers: processes of this machine that carry out steps side by side, each with a place of its own to work on.

They are forked before anything is opened, so that no connection and no thread of a store is ever in two processes. A
worker lives as long as the wire to the process that forked it. Cut, by whatever, it ends at once, in the middle of a
step too, which is no harm: a step may be killed at any moment.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, NoReturn

import structlog

from regulars.runs.hands import Told, carried_out, failed
from regulars.runs.run import Step, StepResult
from regulars.storage.engines.cores import AtWork

log = structlog.get_logger()

Todo = Callable[[Any], Sequence[Step]]
"""Gives the steps of a run, of the place they work on. It goes over a wire: a module's function, or a part of one."""

Opened = Callable[[int, AtWork], Any]
"""Opens the place that a worker's steps work on: of its number, from 1, and with a way to ask how many are at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A line of a worker's log; the process that forked it writes it."""

    level: str
    event: str
    fields: Mapping[str, str]


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """One process, as seen by the one that forked it."""

    process: BaseProcess
    wire: Connection
    step: str = ""                           # under way; "": none
    began: float = 0.0                       # seconds of the performance counter


class Workers:
    """Some processes, as the hands of a run."""

    def __init__(self, workers: Iterable[Worker], busy: Any) -> None:
        self._alive = list(workers)
        self._busy = busy                    # a number in memory that all of them see: how many have a step under way
        self._news: list[Told] = []

    @classmethod
    def fork(cls, number: int, opened: Opened) -> Workers:
        """Fork some workers, each of which opens its place when it hears for the first time what is to be done.

        Nothing may be open in this process that must not be in two.
        """
        context, wires = multiprocessing.get_context("fork"), [Pipe() for _ in range(number)]
        ends, workers, busy = [end for wire in wires for end in wire], [], context.RawValue("i", 0)
        for place, (ours, theirs) in enumerate(wires, 1):
            # An end of another's wire that a worker kept would hold that wire together when this process is gone.
            others = [end for end in ends if end is not theirs]
            process = context.Process(target=_work, args=(place, theirs, others, opened, busy), daemon=True)
            with warnings.catch_warnings():
                # Libraries of arrays have threads of their own, which they see through a fork themselves.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            workers.append(Worker(process=process, wire=ours))
        for _, theirs in wires:
            theirs.close()
        return cls(workers, busy)

    def take(self, todo: Todo) -> None:
        """Tell every worker which steps there are, that are then begun by name."""
        for worker in self._alive:
            with suppress(OSError):          # who is gone is missed with the first step
                worker.wire.send(todo)

    @property
    def is_free(self) -> bool:
        """Return whether a worker has no step under way; true too when none is left, and steps can only fail."""
        return not self._alive or any(not worker.step for worker in self._alive)

    def begin(self, step: str) -> None:
        """Give a step to a worker that has none under way."""
        if not self._alive:
            self._news.append(_lost(step, "there is no process left to do it", seconds=0.0))
            return
        worker = next(worker for worker in self._alive if not worker.step)
        worker.step, worker.began = step, time.perf_counter()
        self._count()
        try:
            worker.wire.send(step)
        except OSError:
            self._lose(worker)

    def told(self) -> list[Told]:
        """Wait for news of the steps under way and return it; a worker that is gone has failed its step."""
        while not self._news:
            ready = wait([worker.wire for worker in self._alive if worker.step])
            for worker in [worker for worker in self._alive if worker.wire in ready]:
                self._hear(worker)
        news, self._news = self._news, []
        return news

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self._alive:
            worker.process.kill()
        for worker in self._alive:
            worker.process.join()
            worker.wire.close()
        self._alive.clear()

    def _count(self) -> None:
        self._busy.value = sum(bool(worker.step) for worker in self._alive)

    def _hear(self, worker: Worker) -> None:
        try:
            said = worker.wire.recv()
        except (EOFError, OSError):
            self._lose(worker)
            return
        if isinstance(said, Logged):
            getattr(log, said.level)(said.event, **said.fields)
            return
        if isinstance(said, StepResult):
            worker.step = ""
            self._count()
        self._news.append(said)

    def _lose(self, worker: Worker) -> None:
        self._alive.remove(worker)
        self._count()
        worker.wire.close()
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"its process was ended by signal {-code}" if code < 0 else f"its process ended itself, with {code}"
        self._news.append(_lost(worker.step, how, seconds=time.perf_counter() - worker.began))


def _lost(step: str, how: str, *, seconds: float) -> StepResult:
    return StepResult(
        name=step, outcome="failed", seconds=seconds, error=f"{how} (regulars run goes on)", code="worker-lost"
    )


def _work(number: int, wire: Connection, others: Iterable[Connection], opened: Opened, busy: Any) -> NoReturn:
    """Be a worker: do what is said over the wire, for as long as it holds."""
    gc.freeze()                              # what was there before is the other process's to look after
    # Statements are trees of hundreds of thousands of small objects that all live until they are carried out: looking
    # for garbage among them after every 700 new ones is a seventh of a run.
    gc.set_threshold(50_000, 20, 50)
    signal.signal(signal.SIGINT, signal.SIG_IGN)         # Ctrl-C reaches every process of a terminal; one answers it
    for end in others:
        end.close()
    orders, sending = SimpleQueue[Any](), threading.Lock()
    threading.Thread(target=_listen, args=(wire, orders), daemon=True, name="wire").start()

    def say(told: Told | Logged) -> None:
        with sending:
            wire.send(told)

    relay = partial(_relay, say)
    structlog.configure(processors=[structlog.stdlib.add_log_level, structlog.processors.format_exc_info, relay])
    todo: Todo = orders.get()
    try:
        steps, fault = {step.name: step for step in todo(opened(number, lambda: int(busy.value)))}, None
    except Exception as error:  # noqa: BLE001  whatever is wrong with the place is told of each step that needed it
        steps, fault = {}, error
    while True:
        name = orders.get()
        for told in carried_out(steps[name]) if fault is None else [failed(name, fault, seconds=0.0)]:
            say(told)


def _listen(wire: Connection, orders: SimpleQueue[Any]) -> None:
    """Take what is said while a step is under way; at the end of the wire, end the process."""
    try:
        while True:
            orders.put(wire.recv())
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGKILL)


def _relay(
    say: Callable[[Logged], None], _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Send a log entry over the wire instead of writing it here."""
    fields = {name: str(value) for name, value in entry.items() if name not in {"level", "event"}}
    say(Logged(level=str(entry["level"]), event=str(entry["event"]), fields=fields))
    raise structlog.DropEvent
