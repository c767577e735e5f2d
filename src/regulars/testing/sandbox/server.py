"""A real HTTP server that speaks as the vendors do, checks what it is asked, and fails when told to."""

from __future__ import annotations

import asyncio
import importlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl

import httpx
import msgspec
import uvicorn

from regulars.clock import Clock
from regulars.connectors.sandbox import Answer, Call, Post, answer_json
from regulars.testing.sandbox.contract import Contract, Violation, decoded
from regulars.testing.sandbox.faults import Fault, Faults, spoiled
from regulars.testing.sandbox.schema import openapi_faults
from regulars.testing.sandbox.shelf import FolderShelf

Message: TypeAlias = MutableMapping[str, Any]
_HTML = b"<"


@dataclass(slots=True, kw_only=True)
class _Vendor:
    """One vendor: how it answers, what it takes, what it has."""

    speaks: ModuleType                       # with `answer(call, shelf)`
    contract: Contract
    shelf: FolderShelf
    spec: Mapping[str, object] | None = None
    previous: dict[str, Answer] = field(default_factory=dict)


class _Telling(msgspec.Struct):
    """What happens at a vendor without a request to it."""

    vendor: str
    word: str
    words: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that the sandbox was asked, and what it thought of it."""

    provider: str
    call: Call
    violations: tuple[str, ...]
    fault: Fault | None
    status: int


class SandboxServer:
    """Vendors on a port of this machine, for as long as the `with` block lasts.

    Args:
        providers: Connectors' names: capitan, square, stripe.
        world_folder: Holds `<provider>/<stream>.ndjson`, lines of `{"visible_from", "visible_until", "item"}`.
        faults: What goes wrong, and when.
        as_of: The vendors' moment; None: after everything that the world has.
        specs: Vendors' own OpenAPI documents, provider -> file; requests are checked against them too.
        clock: What moves the vendors' moment on with every request; None: it stands still until `set_clock`.
        port: 0: any free one.

    """

    def __init__(
        self,
        providers: Iterable[str],
        world_folder: Path,
        *,
        faults: Faults | None = None,
        as_of: datetime | None = None,
        specs: Mapping[str, Path] | None = None,
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        self.faults = faults or Faults()
        self._clock = clock
        self.requests: list[Request] = []
        at = as_of or (clock.now() if clock else datetime(9000, 1, 1, tzinfo=UTC))
        self._vendors = {
            name: _Vendor(
                speaks=importlib.import_module(f"regulars.connectors.{name}.sandbox"),
                contract=Contract.of(name),
                shelf=FolderShelf(folder=world_folder / name, now=at),
                spec=msgspec.json.decode(specs[name].read_bytes()) if specs and name in specs else None,
            )
            for name in providers
        }
        # With the protocol left out asyncio keeps small packets back, and every answer takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._matching = 0
        config = uvicorn.Config(
            self._app, log_level="critical", interface="asgi3", lifespan="off", access_log=False, date_header=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def url(self) -> str:
        """Return where the server is; a vendor is below it under its own name."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def url_of(self, provider: str) -> str:
        """Return what a project writes as the vendor's `url`."""
        return f"{self.url}/{provider}{self._vendors[provider].contract.root}"

    def kept(self, provider: str, stream: str) -> Sequence[Mapping[str, object]]:
        """Return what a vendor was given and took, in the order it came."""
        return self._vendors[provider].shelf.kept(stream)

    @property
    def violations(self) -> tuple[str, ...]:
        """Return everything that requests did wrong by the vendors' contracts."""
        return tuple(message for request in self.requests for message in request.violations)

    def tell(self, provider: str, word: str, **words: object) -> Sequence[int]:
        """Let something happen at a vendor that nobody asked it for over HTTP: a reply comes in, messages arrive.

        Returns what its webhooks were answered, in order. See `told` of the connector's sandbox for the words.
        """
        body = msgspec.json.encode({"vendor": provider, "word": word, "words": words})
        answer = httpx.post(f"{self.url}/_sandbox/tell", content=body, timeout=60).raise_for_status()
        return msgspec.json.decode(answer.content, type=list[int])

    def set_clock(self, at: datetime) -> None:
        """Let all vendors go to another moment: the next day has other records."""
        for vendor in self._vendors.values():
            vendor.shelf.move_to(at)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True   # nobody is owed an answer any more
        self._thread.join()
        self._socket.close()

    async def _app(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["path"] == "/_sandbox/clock":
            self.set_clock(datetime.fromisoformat(msgspec.json.decode(body)["at"]))
            await _send(send, Answer(body=b"{}"), {})
            return
        if scope["path"] == "/_sandbox/tell":
            await _send(send, answer_json(await self._told(msgspec.json.decode(body, type=_Telling))), {})
            return
        await self._vendor_request(scope, body, send)

    async def _told(self, telling: _Telling) -> list[int]:
        vendor = self._vendors[telling.vendor]
        self._tick(vendor)
        posts: Sequence[Post] = vendor.speaks.told(telling.word, telling.words, vendor.shelf)
        return await asyncio.to_thread(_posted, posts)

    def _tick(self, vendor: _Vendor) -> None:
        if self._clock is not None:
            vendor.shelf.now = self._clock.now()

    async def _vendor_request(
        self, scope: Message, body: bytes, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        _, provider, *rest = scope["path"].split("/")
        vendor = self._vendors.get(provider)
        if vendor is None:
            await _send(send, Answer(body=b'{"error":"no such vendor"}', status=404), {})
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        call = _call(scope, "/" + "/".join(rest), body, headers=headers, provider=provider)
        self._tick(vendor)
        wrong = _violations(vendor, call, headers)
        fault = None if wrong else self._fault(call)
        answer = _refusal(vendor, wrong[0]) if wrong else _answer(vendor, call, fault)
        told = tuple(violation.message for violation in wrong)
        noted = Request(provider=provider, call=call, violations=told, fault=fault, status=answer.status)
        self.requests.append(noted)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        extra = {"date": format_datetime(vendor.shelf.now.astimezone(UTC), usegmt=True)}
        extra |= {"retry-after": fault.retry_after} if fault is not None and fault.retry_after is not None else {}
        await _send(send, answer, extra, is_cut=fault is not None and fault.kind in {"cut", "lost"})

    def _fault(self, call: Call) -> Fault | None:
        if self.faults.only not in call.path:
            return None
        self._matching += 1
        return self.faults.of(self._matching)


def _answer(vendor: _Vendor, call: Call, fault: Fault | None) -> Answer:
    """Return the vendor's answer, or what a fault makes of it."""
    shelf = vendor.shelf
    if fault is not None and fault.kind == "lost":
        return Answer(body=b"{}")
    if fault is not None and fault.kind == "status" and not fault.is_acted_on:
        return spoiled(Answer(body=b""), fault, previous=None)
    if fault is not None and fault.kind == "future":
        shelf = replace(shelf, now=shelf.now + timedelta(seconds=fault.seconds), listings={})
    answer: Answer = vendor.speaks.answer(call, shelf)
    spoilt = answer if fault is None else spoiled(answer, fault, previous=vendor.previous.get(call.path))
    vendor.previous[call.path] = answer
    return spoilt


def _violations(vendor: _Vendor, call: Call, headers: Mapping[str, str]) -> list[Violation]:
    found = list(vendor.contract.violations(call, headers))
    if vendor.spec is not None:
        found += [Violation(status=400, message=message) for message in openapi_faults(call, vendor.spec)]
    return found


def _posted(posts: Sequence[Post]) -> list[int]:
    """Send webhooks and return what they were answered; 0 where nobody did."""
    answers = []
    with httpx.Client(timeout=10) as client:
        for post in posts:
            try:
                answers.append(client.post(post.url, content=post.body, headers=dict(post.headers)).status_code)
            except httpx.HTTPError:
                answers.append(0)
    return answers


def _refusal(vendor: _Vendor, violation: Violation) -> Answer:
    if hasattr(vendor.speaks, "refusal"):
        answer: Answer = vendor.speaks.refusal(violation.status, violation.message)
        return answer
    return Answer(body=msgspec.json.encode({"error": {"message": violation.message}}), status=violation.status)


def _call(scope: Message, path: str, body: bytes, *, headers: Mapping[str, str], provider: str) -> Call:
    params: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True):
        params[name] = (*params.get(name, ()), value)
    return Call(
        method=scope["method"], path=path, params=params, headers=headers,
        body=decoded(body, headers.get("content-type", "application/json")),
        url=f"http://{headers['host']}/{provider}{path}",
    )


async def _send(
    send: Callable[[Message], Awaitable[None]], answer: Answer, extra: Mapping[str, str], *, is_cut: bool = False
) -> None:
    kind = "text/html" if answer.body.startswith(_HTML) else "application/json"
    length = len(answer.body) or int(is_cut)             # an empty body can only be cut if more is promised
    headers = {"content-type": kind, "content-length": str(length), **answer.headers, **extra}
    await send({
        "type": "http.response.start",
        "status": answer.status,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    })
    if is_cut:
        # Half a body and no end: the server closes the connection on the caller.
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        return
    await send({"type": "http.response.body", "body": answer.body})
