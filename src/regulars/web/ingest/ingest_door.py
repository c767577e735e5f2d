"""The ingest door: an ASGI callable in front of everything else, which answers when a message is on disk."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.clock import Clock
from regulars.sources.tracking.judge import Judge
from regulars.storage.door.arrival_store import Receipt
from regulars.storage.door.generation import RECEIVED
from regulars.web.ingest.answer import Answer, Outcome, answer, answer_to, bare, failed
from regulars.web.ingest.asgi import App, Receive, Scope, Send, whole_body
from regulars.web.ingest.envelope import Envelope, addressed
from regulars.web.ingest.group_commit import Busy, GroupCommit
from regulars.web.ingest.pixel import message_in, picture, pixel_of
from regulars.web.ingest.reception import Refused, received
from regulars.web.ingest.routes import Route, route_of
from regulars.web.ingest.shop_pixels import Heard, PixelDoor
from regulars.web.ingest.start_up import Asked, Start, asked, first_answer
from regulars.web.ingest.write_keys import WriteKeys

if TYPE_CHECKING:                            # see `posthog_flags`
    from regulars.flags import Flags

COUNTS = "/v1/counts"
"""Answers what was received from a key's source, and what became of it."""

_PREFLIGHT = bare(
    # AnonymousId is RudderStack's; a star stands for all but the first.
    204, b"", (b"access-control-allow-headers",
               b"authorization, content-type, content-encoding, x-write-key, anonymousid, *"),
    (b"access-control-allow-methods", b"GET, POST"), (b"access-control-max-age", b"86400"),
)


def new_id() -> str:
    """Return an id that nothing else has."""
    return uuid.uuid4().hex


@dataclass(slots=True, kw_only=True)
class IngestDoor:
    """Takes the paths of `ROUTES`; every other request goes to the app behind, or is not found."""

    keys: WriteKeys
    commits: GroupCommit
    clock: Clock
    judges: Mapping[str, Judge] = field(default_factory=dict)    # of sources that have a tracking plan
    pixels: PixelDoor | None = None                              # where there are shops
    behind: App | None = None
    flags: Callable[[], Flags] | None = None     # those of the moment, for clients that ask here; None: there are none
    mint: Callable[[], str] = field(default=new_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifetime."""
        if scope["type"] == "http":
            path = scope["path"]
            route = route_of(path)
            if route is not None and scope["method"] in ("POST", "OPTIONS"):
                await self._message(scope, receive, send, route)
                return
            if route is not None and route.takes_pixels and self.pixels is not None:
                await _send(send, failed(405, "POST is taken here", (b"allow", b"POST, OPTIONS")))
                return
            if path == COUNTS:
                await self._counts(scope, send)
                return
            pixel, question = pixel_of(path), asked(path)
            if pixel is not None and scope["method"] == "GET":
                await self._pixel(scope, send, pixel)
                return
            if question is not None and scope["method"] in (question.method, "OPTIONS"):
                await self._started(scope, receive, send, question)
                return
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self.behind is not None:
            await self.behind(scope, receive, send)
        else:
            await _send(send, failed(404, "there is nothing here"))

    def take(self, envelope: Envelope, body: bytes, hear: Callable[[Outcome], None]) -> None:
        """Take a request; `hear` is told once what became of it, which may be at once."""
        if self.pixels is not None and envelope.route.takes_pixels:
            text = self.pixels.text_of(envelope, body)
            if text is not None:
                self._take_pixels(self.pixels, envelope, text, hear)
                return
        found = received(envelope, body, keys=self.keys, judges=self.judges, now=self.clock.now(), mint=self.mint)
        try:
            if not isinstance(found, Refused):
                self.commits.put(found, hear)
            elif found.arrivals is not None:
                self.commits.put(found.arrivals, lambda written: hear(_worse(found, written)))
            else:
                hear(found)
        except Busy as busy:
            hear(busy)

    def _take_pixels(self, pixels: PixelDoor, envelope: Envelope, text: bytes, hear: Callable[[Outcome], None]) -> None:
        found = pixels.said(envelope, text, now=self.clock.now())
        if isinstance(found, Heard):
            hear(found)
            return
        try:
            self.commits.put(found.arrivals, lambda written: hear(found.heard(written)))
        except Busy as busy:
            hear(found.heard(busy))

    async def _message(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        if scope["method"] == "OPTIONS":
            await _send(send, _PREFLIGHT)
            return
        body = await whole_body(receive)
        if body is None:
            return                           # the client went away before it had said everything: it will come again
        await _send(send, answer_to(await self._taken(scope, route, body)))

    async def _pixel(self, scope: Scope, send: Send, route: Route) -> None:
        await _send(send, picture(await self._taken(scope, route, message_in(scope["query_string"]))))

    async def _taken(self, scope: Scope, route: Route, body: bytes) -> Outcome:
        heard: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        envelope = addressed(route, scope["headers"], scope["query_string"], keys=self.keys)
        self.take(envelope, body, lambda outcome: None if heard.done() else heard.set_result(outcome))
        return await heard

    async def _started(self, scope: Scope, receive: Receive, send: Send, question: Asked) -> None:
        if scope["method"] == "OPTIONS":
            await _send(send, _PREFLIGHT)
            return
        body = await whole_body(receive)
        if body is None:
            return
        start = Start(
            asked=question, headers=tuple(scope["headers"]), scheme=scope["scheme"], query=scope["query_string"],
            body=body,
        )
        await _send(send, first_answer(start, keys=self.keys, flags=self.flags))

    async def _counts(self, scope: Scope, send: Send) -> None:
        source = addressed(Route(), scope["headers"], scope["query_string"], keys=self.keys).source
        if source is None:
            await _send(send, failed(401, "no write key of this project"))
            return
        counts = {outcome: count for (of, outcome), count in self.commits.store.counts().items() if of == source}
        told: dict[str, int] = {outcome: counts.get(outcome, 0) for outcome in RECEIVED}
        await _send(send, answer(200, {"source": source, "received": sum(told.values()), **told}))

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


def _worse(refused: Refused, written: Receipt | Exception) -> Outcome:
    """Return what a client hears whose body could not be read: that, or that it could not even be kept."""
    return written if isinstance(written, Exception) else refused


async def _send(send: Send, said: Answer) -> None:
    await send({"type": "http.response.start", "status": said.status, "headers": said.headers})
    await send({"type": "http.response.body", "body": said.body})
