"""The ingest door: an ASGI callable in front of everything else, which answers when a message is on disk."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec

from regulars.clock import Clock
from regulars.errors import StoreError
from regulars.sources.tracking.judge import Judge
from regulars.storage.door.arrival_store import Receipt
from regulars.storage.door.generation import RECEIVED
from regulars.web.ingest.asgi import App, Receive, Scope, Send, whole_body
from regulars.web.ingest.body import MOST_FIELDS
from regulars.web.ingest.group_commit import Busy, GroupCommit
from regulars.web.ingest.reception import Letter, Refused, received
from regulars.web.ingest.routes import Route, route_of
from regulars.web.ingest.write_keys import WriteKeys

COUNTS = "/v1/counts"
"""Answers what was received from a key's source, and what became of it."""

_encode = msgspec.json.encode
_ANYBODY = (b"access-control-allow-origin", b"*")
_HEADERS = [(b"content-type", b"application/json"), _ANYBODY]
_LATER = (b"retry-after", b"1")


def _start(status: int, length: int, *more: tuple[bytes, bytes]) -> MutableMapping[str, Any]:
    headers = [*_HEADERS, (b"content-length", str(length).encode()), *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


_TAKEN = b'{"success":true,"stored":1,"duplicate":0,"quarantined":0,"blocked":0}'
_TAKEN_START = _start(200, len(_TAKEN))
_TAKEN_BODY: MutableMapping[str, Any] = {"type": "http.response.body", "body": _TAKEN}
_ONE = Receipt(stored=1)


@dataclass(slots=True, kw_only=True)
class IngestDoor:
    """Takes the paths of `ROUTES`; every other request goes to the app behind, or is not found."""

    keys: WriteKeys
    commits: GroupCommit
    clock: Clock
    judges: Mapping[str, Judge] = field(default_factory=dict)    # of sources that have a tracking plan
    behind: App | None = None
    mint: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifetime."""
        if scope["type"] == "http":
            path = scope["path"]
            route = route_of(path)
            if route is not None and scope["method"] in ("POST", "OPTIONS"):
                await self._message(scope, receive, send, route)
                return
            if path == COUNTS:
                await self._counts(scope, send)
                return
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self.behind is not None:
            await self.behind(scope, receive, send)
        else:
            await _say(send, 404, "there is nothing here")

    async def _message(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        if scope["method"] == "OPTIONS":
            await _preflight(send)
            return
        body = await whole_body(receive)
        if body is None:
            return                           # the client went away before it had said everything: it will come again
        letter = _letter(scope, body, route)
        found = received(letter, keys=self.keys, judges=self.judges, now=self.clock.now(), mint=self.mint)
        arrivals = found.arrivals if isinstance(found, Refused) else found
        try:
            receipt = _ONE if arrivals is None else await self.commits.take(arrivals)
        except Busy:
            await _say(send, 429, "too much at once; come again", _LATER)
        except StoreError:
            await _say(send, 503, "the door cannot write; come again", _LATER)
        else:
            if isinstance(found, Refused):
                await _say(send, found.status, found.message)
            elif receipt == _ONE:
                await send(_TAKEN_START)
                await send(_TAKEN_BODY)
            else:
                await _answer(send, 200, {
                    "success": True, "stored": receipt.stored, "duplicate": receipt.duplicate,
                    "quarantined": receipt.quarantined, "blocked": receipt.blocked,
                })

    async def _counts(self, scope: Scope, send: Send) -> None:
        letter = _letter(scope, b"", Route())
        source = self.keys.source_of_header(letter.authorization) or self.keys.first(letter.other_keys)
        if source is None:
            await _say(send, 401, "no write key of this project")
            return
        counts = {outcome: count for (of, outcome), count in self.commits.store.counts().items() if of == source}
        told: dict[str, int] = {outcome: counts.get(outcome, 0) for outcome in RECEIVED}
        await _answer(send, 200, {"source": source, "received": sum(told.values()), **told})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.commits.start()
        try:
            if self.behind is not None:
                await self.behind(scope, receive, send)
                return
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
        finally:
            await self.commits.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _letter(scope: Scope, body: bytes, route: Route) -> Letter:
    authorization, agent, keys = b"", "", []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"user-agent":
            agent = value.decode("latin-1")
        elif name == b"x-write-key":
            keys.append(value.decode("latin-1"))
    repairs = ""
    if scope["query_string"]:
        query = _query(scope["query_string"])
        keys += query.get("writeKey", []) + query.get("api_key", [])
        repairs = query.get("repairs", [""])[0].partition("|")[0]
    return Letter(
        route=route, body=body, authorization=authorization, other_keys=tuple(keys), user_agent=agent, repairs=repairs,
    )


def _query(text: bytes) -> Mapping[str, list[str]]:
    """Return what a query says; nothing of one that says more than any client does."""
    if text.count(b"&") >= MOST_FIELDS:
        return {}
    return parse_qs(text.decode("latin-1"))


async def _preflight(send: Send) -> None:
    allowed = (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-write-key")
    methods, day = (b"access-control-allow-methods", b"POST"), (b"access-control-max-age", b"86400")
    await send(_start(204, 0, allowed, methods, day))
    await send({"type": "http.response.body", "body": b""})


async def _say(send: Send, status: int, message: str, *more: tuple[bytes, bytes]) -> None:
    await _answer(send, status, {"success": False, "message": message}, *more)


async def _answer(send: Send, status: int, told: object, *more: tuple[bytes, bytes]) -> None:
    body = _encode(told)
    await send(_start(status, len(body), *more))
    await send({"type": "http.response.body", "body": body})
