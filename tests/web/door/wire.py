"""A connection without a network: bytes go in one after the other, and what the server says is complete at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from regulars.storage.door.arrival_store import ArrivalStore
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.ingest.ingest_door import IngestDoor

CALM = 12                                    # turns of the event loop in which nothing is due: all has been said


class Wire(asyncio.Transport):
    """The server's end of a connection, which writes down what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.is_closed, self.is_paused = b"", False, False
        self.protocol = asyncio.Protocol()

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.said += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = cast("asyncio.Protocol", protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a server said on a connection, and whether it ended it."""

    said: bytes
    is_closed: bool

    @property
    def statuses(self) -> list[int]:
        """Return the statuses of its answers, in their order."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", self.said)]


@dataclass(frozen=True, kw_only=True)
class Served:
    """A door that is served by a protocol."""

    config: uvicorn.Config
    state: ServerState
    commits: GroupCommit
    runner: asyncio.Runner

    def hears(self, pieces: Iterable[bytes], *, wait: float = 0) -> Heard:
        """Send pieces one after the other, each after what the one before led to, and return what is answered."""
        return self.runner.run(self._hears(pieces, wait))

    def hear_both(self, first: Iterable[bytes], second: Iterable[bytes]) -> tuple[Heard, Heard]:
        """Send pieces on one connection and then, while it is open, on another; return what each is answered."""
        return self.runner.run(self._hear_both(first, second))

    async def _hears(self, pieces: Iterable[bytes], wait: float) -> Heard:
        wire = self._wire()
        await self._send(wire, pieces)
        await asyncio.sleep(wait)
        return await self._heard(wire)

    async def _hear_both(self, first: Iterable[bytes], second: Iterable[bytes]) -> tuple[Heard, Heard]:
        one, other = self._wire(), self._wire()
        await self._send(one, first)
        await self._send(other, second)
        return await self._heard(one), await self._heard(other)

    def _wire(self) -> Wire:
        wire, make = Wire(), cast("type[Any]", self.config.http_protocol_class)
        wire.protocol = make(
            config=self.config, server_state=self.state, app_state={}, _loop=asyncio.get_running_loop()
        )
        wire.protocol.connection_made(wire)
        return wire

    async def _send(self, wire: Wire, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if wire.is_closed:
                break
            wire.protocol.data_received(piece)
            await self._calm()
        await self._calm()

    async def _heard(self, wire: Wire) -> Heard:
        heard = Heard(said=wire.said, is_closed=wire.is_closed)
        wire.is_closed = True
        wire.protocol.connection_lost(None)
        await self._calm()
        return heard

    async def _calm(self) -> None:
        turns = 0
        while turns < CALM:
            is_busy = self.commits.waiting or self.commits.writing.locked()
            turns = 0 if is_busy else turns + 1
            await asyncio.sleep(0)


@contextmanager
def served(door: IngestDoor, protocol: Any) -> Iterator[Served]:
    """Open a door behind a protocol, without a port, for the length of a `with`."""
    config = uvicorn.Config(door, http=protocol, lifespan="off", log_level="critical")
    config.load()
    with asyncio.Runner() as runner:
        runner.run(door.commits.start())
        yield Served(config=config, state=ServerState(), commits=door.commits, runner=runner)
        runner.run(door.commits.stop())


def commits(folder: Path) -> GroupCommit:
    """Return what takes arrivals in a folder and lands none of them."""
    return GroupCommit(store=ArrivalStore.open(folder), land=lambda _: None, every=3600, most=10**9)
