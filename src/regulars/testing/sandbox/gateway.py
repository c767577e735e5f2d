"""A messaging gateway on this machine: takes messages, remembers each time it took one, fails when told to.

    python -m regulars.testing.sandbox.gateway FAULTS_AS_JSON

It prints its URL, and lives until its standard input ends. `GET /taken` says how often it took which message:
`{"c1.k1": 1, ...}`; `GET /taken?summary` only how many, and how many more than once.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import msgspec
import uvicorn

from regulars.errors import SourceUnavailable

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Gateway:
    """What was taken, and by which chance a request goes wrong."""

    busy: float = 0.0                        # answers 429 and takes nothing
    broken: float = 0.0                      # answers 500 and takes nothing
    broken_after: float = 0.0                # answers 500 and has taken it
    cut: float = 0.0                         # has taken it and breaks the answer off
    slow: float = 0.0                        # answers after `slow_seconds`
    refuses: float = 0.0                     # will never take it
    slow_seconds: float = 0.2
    retry_after: int = 0                     # seconds, said with 429
    rng: Random = field(default_factory=lambda: Random(7))  # noqa: S311  # repeatable on purpose
    taken: Counter[str] = field(default_factory=Counter)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        """Answer one request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["path"]
        if path == "/taken":
            await _answer(send, 200, self._said(is_summary=scope["query_string"] == b"summary"))
        elif scope["method"] == "GET":
            name = path.removeprefix("/messages/")
            found = {"provider_id": f"p-{name}"} if name in self.taken else {}
            await _answer(send, 200 if found else 404, found)
        else:
            await self._take([one["id"] for one in msgspec.json.decode(body)["messages"]], send)

    async def _take(self, names: list[str], send: Send) -> None:
        if self._happens(self.busy):
            await _answer(send, 429, {}, {"retry-after": str(self.retry_after)})
            return
        if self._happens(self.broken):
            await _answer(send, 500, {})
            return
        if self._happens(self.refuses):
            await _answer(send, 200, {"outcomes": [{"refused": "30006", "reason": "a landline"}] * len(names)})
            return
        self.taken.update(names)
        if self._happens(self.broken_after):
            await _answer(send, 500, {})
            return
        if self._happens(self.slow):
            await asyncio.sleep(self.slow_seconds)
        told = {"outcomes": [{"provider_id": f"p-{name}"} for name in names]}
        await _answer(send, 200, told, is_cut=self._happens(self.cut))

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self.rng.random() < chance

    def _said(self, *, is_summary: bool) -> dict[str, int]:
        if not is_summary:
            return dict(self.taken)
        return {"messages": len(self.taken), "repeated": sum(1 for number in self.taken.values() if number > 1)}


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway in a process of its own."""

    url: str

    def taken(self) -> dict[str, int]:
        """Return how often it took each message."""
        return dict(httpx.get(f"{self.url}/taken", timeout=60).json())

    def summary(self) -> dict[str, int]:
        """Return how many messages it took, and how many of them more than once."""
        return dict(httpx.get(f"{self.url}/taken?summary", timeout=60).json())


@contextmanager
def gateway(**faults: float) -> Iterator[RunningGateway]:
    """Run a gateway for the length of a `with`; `faults` are the fields of Gateway."""
    command = [sys.executable, "-m", "regulars.testing.sandbox.gateway", json.dumps(faults)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise SourceUnavailable("the gateway did not start", hint="its error stands above")
        yield RunningGateway(url)
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


async def _answer(
    send: Send, status: int, told: object, extra: dict[str, str] | None = None, *, is_cut: bool = False
) -> None:
    body = msgspec.json.encode(told)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in (extra or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    # Cut: half an answer and no end, so that the server closes the connection on the caller.
    sent = body[: len(body) // 2] if is_cut else body
    await send({"type": "http.response.body", "body": sent, "more_body": is_cut})


async def _serve(app: Gateway) -> None:
    config = uvicorn.Config(
        app, port=0, log_level="critical", interface="asgi3", lifespan="off", access_log=False, timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn says it in no other way
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)  # noqa: T201  how the parent learns the port
    # Standard input ends with whoever started us.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = server.force_exit = True
    await task


if __name__ == "__main__":
    asyncio.run(_serve(Gateway(**json.loads(sys.argv[1]))))
