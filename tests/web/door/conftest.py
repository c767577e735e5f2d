"""A door in this process, and what it took."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from regulars.clock import FixedClock
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.write_keys import WriteKeys

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A door that is open, asked without a network."""

    door: IngestDoor
    ask: Callable[..., httpx.Response]
    ask_all: Callable[[list[dict[str, Any]]], list[httpx.Response]]     # at the same time
    do: Callable[[Coroutine[Any, Any, None]], None]                     # where the door lives

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        """Post a body, JSON unless it is bytes, with the key of `site` unless it says otherwise."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers: Mapping[str, str] = more.pop("headers", {"Authorization": "Basic V0s6"})
        return self.ask("POST", path, content=content, headers=headers, **more)

    def lines(self, outcome: str = "stored") -> list[dict[str, Any]]:
        """Return what the journals of the current generation hold, of all sources."""
        store = self.door.commits.store
        texts = [j.path.read_text("utf-8") for (_, known), j in sorted(store.current.journals.items()) if known == outcome]
        return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]

    def counts(self) -> dict[str, int]:
        """Return what the door says it received from `site`."""
        told: dict[str, int] = self.ask("GET", "/v1/counts", headers={"Authorization": "Basic V0s6"}).json()
        return told


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    keys = {"WK": "site", "WK_SEGMENT": "segment", "WK_RUDDER": "rudder", "WK_BROWSER": "browser", "phc_TEST": "posthog",
            "gym": "snowplow", "TOK": "mixpanel", "KEY:SECRET": "jitsu"}
    numbers = itertools.count(1)
    commits = GroupCommit(store=ArrivalStore.open(tmp_path / "door"), land=lambda _: None, every=3600, most=10**9)
    door = IngestDoor(
        keys=WriteKeys({hashlib.sha256(key.encode()).hexdigest(): source for key, source in keys.items()}),
        commits=commits, clock=FixedClock(NOW), mint=lambda: f"minted-{next(numbers)}",
    )
    with asyncio.Runner() as runner:
        async def begin() -> httpx.AsyncClient:
            await commits.start()
            return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door")

        client = runner.run(begin())

        async def all_of(requests: list[dict[str, Any]]) -> list[httpx.Response]:
            return list(await asyncio.gather(*(client.request(**request) for request in requests)))

        yield Opened(
            door=door, ask=lambda *a, **k: runner.run(client.request(*a, **k)),
            ask_all=lambda requests: runner.run(all_of(requests)), do=runner.run,
        )
        runner.run(client.aclose())
        runner.run(commits.stop())
