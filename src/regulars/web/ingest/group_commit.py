"""Group commit: requests wait together for one write to disk, and are answered when it is done."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from regulars.errors import RegularsError
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore, Land, Receipt
from regulars.storage.door.collect import WANTED
from regulars.web.ingest.errands import Errands

log = structlog.get_logger()

MOST_WAITING = 50_000
"""Messages that may wait for the disk: beyond it a request is told to come again."""

GATHER, ENOUGH = 0.002, 1_000
"""Seconds that a request waits at most for others to be written with it, and how many messages are worth a write.

A write to disk costs the same for one message as for hundreds: 0.2 ms of a core. Once nobody else speaks, waiting is
for nothing.
"""

LOOK_EVERY = 0.1
"""Seconds between two looks at whether a generation is to be landed."""


class Busy(Exception):
    """More waits for the disk than should."""


Hear = Callable[[Receipt | Exception], None]
"""Is told what became of a request, once, by the event loop; it raises nothing."""


@dataclass(slots=True, kw_only=True)
class GroupCommit:
    """Takes arrivals for as long as it is open."""

    store: ArrivalStore
    land: Land
    every: float                             # seconds after which what came is landed
    most: int                                # messages after which it is landed earlier
    waiting: list[tuple[Arrivals, Hear]] = field(default_factory=list)
    messages: int = 0                        # among those that wait
    due: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    disk: Errands = field(default_factory=lambda: Errands("door-disk"))
    settler: Errands = field(default_factory=lambda: Errands("door-settler"))
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Begin to take arrivals."""
        # A thread that comes back from the disk waits no longer than this for its turn.
        sys.setswitchinterval(0.0005)
        # What is there when the door opens stays there: to look through all of it for garbage stops every answer.
        gc.collect()
        gc.freeze()
        self.tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._settle())]

    async def stop(self) -> None:
        """Write what waits, land everything, and give back the store."""
        # Not while a group is on its way to disk: it would be there and not be counted.
        async with self.writing:
            for task in self.tasks:
                task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._written()
        await self._settled(is_wanted=True)
        self.disk.end()
        self.settler.end()
        self.store.close()

    async def take(self, arrivals: Arrivals) -> Receipt:
        """Return what became of a request's messages once that is on disk.

        Raises Busy, and what `ArrivalStore.commit` raises; then nothing of it was taken.
        """
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

        def hear(outcome: Receipt | Exception) -> None:
            if answer.done():
                return                       # nobody waits any more
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        self.put(arrivals, hear)
        return await answer

    def put(self, arrivals: Arrivals, hear: Hear) -> None:
        """Take a request's messages; `hear` is told what `take` returns or raises. Raises Busy at once."""
        if self.messages > MOST_WAITING:
            raise Busy
        self.waiting.append((arrivals, hear))
        self.messages += len(arrivals.hashes)
        self.due.set()

    async def _write(self) -> None:
        while True:
            await self.due.wait()
            await self._gathered()
            await self._written()

    async def _gathered(self) -> None:
        """Wait as long as each turn of the event loop brings more to write."""
        clock = asyncio.get_running_loop().time
        until, before = clock() + GATHER, 0
        while before < len(self.waiting) and self.messages < ENOUGH and clock() < until:
            before = len(self.waiting)
            await asyncio.sleep(0)

    async def _written(self) -> None:
        self.due.clear()
        async with self.writing:
            group, self.waiting, self.messages = self.waiting, [], 0
            if not group:
                return
            try:
                begun = self.store.begin([arrivals for arrivals, _ in group])
                # Nothing but the disk is waited for elsewhere: two threads that compute only keep each other waiting.
                await self.disk.do(begun.sync)
                self.store.end(begun)
            except Exception as error:  # noqa: BLE001  whoever waits is told; the door goes on
                for _, hear in group:
                    hear(error)
                with suppress(OSError):      # the log may lie on the same full disk: the door goes on
                    log.error("arrivals not written", requests=len(group), error=str(error))  # noqa: TRY400  said to each
                return
        for (_, hear), receipt in zip(group, begun.receipts, strict=True):
            hear(receipt)

    async def _settle(self) -> None:
        begun = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = asyncio.get_running_loop().time()
            is_wanted = (self.store.folder / WANTED).exists()
            if is_wanted or now - begun >= self.every or self.store.current.lines >= self.most:
                await self._settled(is_wanted=is_wanted)
                begun = now

    async def _settled(self, *, is_wanted: bool) -> None:
        """Land what came. What cannot be landed now stays where it is, and is landed the next time."""
        try:
            async with self.writing:
                await self.disk.do(self.store.turn)
            await self.settler.do(lambda: self.store.settle(self.land))
        except (RegularsError, OSError) as error:
            with suppress(OSError):          # the same
                log.warning("arrivals not landed yet", error=str(error))
            return
        if is_wanted:
            (self.store.folder / WANTED).unlink(missing_ok=True)
