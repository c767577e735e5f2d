"""The door on the line itself: posts in the plain form that clients use are taken without a framework between.

A web server makes a task, a queue and a dozen objects of a request before it is looked at, which costs more than all
the door does with it. So a connection begins here: a POST to one of the door's paths whose head came whole, with a
length and nothing unusual, is taken at once. With the first request that is anything else (another path, chunks, an
expectation, HTTP/1.0, a head in pieces, no HTTP at all) the connection is handed to the server's own protocol, which
answers it and all that follow, those of the door too.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final, cast

import httptools
import msgspec
import structlog
from uvicorn import Config
from uvicorn.server import ServerState

from regulars.storage.door.arrival_store import Receipt
from regulars.web.ingest.answer import Answer, Outcome, answer_to, later, line_to
from regulars.web.ingest.body import LARGEST_BODY
from regulars.web.ingest.envelope import Envelope, addressed
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.routes import route_of
from regulars.web.ingest.server_protocol import PATIENCE, ServerProtocol, refused
from regulars.web.ingest.write_keys import WriteKeys
from regulars.web.raised import where_raised

log = structlog.get_logger()

REMEMBERED: Final = 4096
"""Heads that are known again; a client says the same one as often as it posts as many bytes."""

LONGEST: Final = 2048
"""Bytes of a head that is worth remembering."""

_END: Final = b"\r\n\r\n"


class Head(msgspec.Struct, frozen=True, gc=False):
    """A head that was read, of a request that is taken here."""

    envelope: Envelope
    length: int                              # bytes of the body


class Heads:
    """Reads heads, each once: its bytes are what it is known by."""

    def __init__(self, keys: WriteKeys) -> None:
        self._keys = keys
        self._known: dict[bytes, Head] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._known)

    def read(self, text: bytes) -> Head | None:
        """Return what a head says, to its empty line; None for a request that is not taken here."""
        known = self._known.get(text)
        if known is None:
            known = _read(text, self._keys)
            if known is not None and len(text) <= LONGEST:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[text] = known
        return known


class DoorProtocol(asyncio.Protocol):
    """One connection, until it is handed over."""

    door: ClassVar[IngestDoor]
    heads: ClassVar[Heads]

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config, self._server, self._state = config, server_state, app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._quiet: asyncio.TimerHandle | None = None
        self._quiet_looks = 0                # at which nothing had come since the one before
        self._is_asked = False               # a request waits for its answer
        self._is_full = False                # the client does not read what it is told
        self._is_last = False                # the connection ends with the next answer
        self._head: Head | None = None       # of a request whose body is still coming
        self._parts: list[bytes] = []        # of that body; of what came after a request that is not answered yet
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)  # type: ignore[arg-type]  # it asks for no more than `shutdown`
        self._quiet = self._loop.call_later(self._config.timeout_keep_alive, self._looked)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not said to its end."""
        del exc
        self._left()
        self._parts.clear()
        ServerProtocol.unfinished.end(self)

    def data_received(self, data: bytes) -> None:
        """Take what came: a request, a part of one, or several."""
        self._quiet_looks = 0
        if self._is_asked:
            self._parts.append(data)
            self._transport.pause_reading()
        elif self._head is None:
            self._begun(data)
        else:
            self._parts.append(data)
            self._size += len(data)
            if self._size >= self._head.length:
                ServerProtocol.unfinished.end(self)
                self._said(self._head, b"".join(self._parts))
            else:
                ServerProtocol.unfinished.add(self, data)

    def pause_writing(self) -> None:
        """Read no more from a client that does not listen."""
        self._is_full = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_full = False
        if not self._is_asked and not self._transport.is_closing():
            self._transport.resume_reading()

    def shutdown(self) -> None:
        """End the connection once nobody waits for an answer on it: the server stops."""
        self._is_last = True
        if not self._is_asked:
            self._transport.close()

    def sent_away(self) -> None:
        """End the connection within a request that is not whole, for too many are."""
        self._parts.clear()
        self._ended(later())

    def _begun(self, data: bytes) -> None:
        end = data.find(_END) + len(_END)
        head = self.heads.read(data[:end]) if end >= len(_END) else None
        if head is None:
            self._handed_over(data)
        elif len(data) - end >= head.length:
            self._said(head, data[end:])
        else:
            self._head, self._parts, self._size = head, [data[end:]], len(data) - end
            ServerProtocol.unfinished.add(self, data)

    def _said(self, head: Head, data: bytes) -> None:
        """Take a request that is whole; the data may go on behind it."""
        self._head, self._parts, self._is_asked = None, [], True
        if len(data) > head.length:
            self._parts.append(data[head.length:])
            self._transport.pause_reading()
            data = data[:head.length]
        try:
            self.door.take(head.envelope, data, self._heard)
        except Exception as error:  # noqa: BLE001  whoever waits is told, and the connection goes on
            log.error("request failed", error=type(error).__name__, where=where_raised(error))  # noqa: TRY400  not what
            self._heard(error)

    def _heard(self, outcome: Outcome) -> None:
        if self._transport.is_closing():
            return
        if self._is_last:
            self._ended(answer_to(outcome))
            return
        more = list(self._server.default_headers)
        is_plain = not more and isinstance(outcome, Receipt)
        self._transport.write(line_to(outcome) if is_plain else answer_to(outcome).line(more))
        if self._parts:
            self._loop.call_soon(self._gone_on)          # not at once: a thousand requests may have come together
        else:
            self._is_asked = False

    def _ended(self, last: Answer) -> None:
        if not self._transport.is_closing():
            self._transport.write(last.line([*self._server.default_headers, (b"connection", b"close")]))
            self._transport.close()

    def _gone_on(self) -> None:
        data, self._parts, self._is_asked = b"".join(self._parts), [], False
        if self._is_last:
            self._transport.close()
        if not self._transport.is_closing():
            if not self._is_full:
                self._transport.resume_reading()
            self.data_received(data)

    def _handed_over(self, data: bytes) -> None:
        """Let the server's own protocol answer from here on."""
        self._left()
        heir = ServerProtocol(
            config=self._config, server_state=self._server, app_state=self._state, _loop=self._loop
        )
        self._transport.set_protocol(heir)
        heir.connection_made(self._transport)
        heir.data_received(data)

    def _left(self) -> None:
        self._server.connections.discard(self)
        if self._quiet is not None:
            self._quiet.cancel()

    def _looked(self) -> None:
        """Close a connection on which nobody speaks, sooner between two requests than within one."""
        patience = self._config.timeout_keep_alive if self._head is None else PATIENCE
        if not self._is_asked and self._quiet_looks * self._config.timeout_keep_alive >= patience:
            self._transport.close()
            return
        self._quiet_looks += 1
        self._quiet = self._loop.call_later(self._config.timeout_keep_alive, self._looked)


def protocol_of(door: IngestDoor) -> type[asyncio.Protocol]:
    """Return the protocol with which a server opens each connection, so that this door stands in front of its app."""

    class Opened(DoorProtocol):
        """A connection to this door."""

    Opened.door, Opened.heads = door, Heads(door.keys)
    return Opened


class _Said:
    """What the parser says of a head."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.is_kept_alive = False
        self.url = b""
        self.ends: list[str] = []            # what it came to, in order
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.ends.append("head")
        # Only now: where no body follows, the parser is at the next request already when it comes back.
        self.is_kept_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        del body
        self.ends.append("body")


_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})


def _read(text: bytes, keys: WriteKeys) -> Head | None:
    said = _Said()
    parser = said.parser
    try:
        parser.feed_data(text)
        # A head that ends before its empty line, as another reads line breaks, is not ours to judge.
        url = httptools.parse_url(said.url) if said.ends == ["head"] else None
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    lengths = [value for name, value in said.headers if name == b"content-length"]
    if (
        url is None or parser.get_method() != b"POST" or parser.get_http_version() != "1.1"
        or refused(said.url, said.headers, version="1.1") is not None
        or not said.is_kept_alive or len(lengths) != 1 or not lengths[0].isdigit()
        or int(lengths[0]) > LARGEST_BODY or not _UNUSUAL.isdisjoint(name for name, _ in said.headers)
    ):
        return None
    route = route_of((url.path or b"").decode("latin-1"))
    if route is None:
        return None
    return Head(addressed(route, said.headers, url.query or b"", keys=keys), int(lengths[0]))
