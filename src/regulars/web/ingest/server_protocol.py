"""The server's own protocol, with an end to its patience: a head has a size, and a request that stalls is over.

The parser below it refuses what two readers could understand in two ways: a length beside chunks, two lengths, folded
lines, bare line feeds. It has no bound for a head and none for the time a request takes, and lets pass what RFC 9112
has a server refuse (2.3 other versions, 3.2 not one host, 6.1 chunks of HTTP/1.0 and codings that are not known).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from regulars.web.ingest.answer import Answer, Header, failed, later
from regulars.web.ingest.body import LARGEST_BODY
from regulars.web.ingest.unfinished import Unfinished

LARGEST_HEAD: Final = 64 << 10
"""Bytes of a request's first line and headers."""

PATIENCE: Final = 20.0
"""Seconds that a head may take, and that a body may stand still."""


_BODIES: Final = frozenset({b"content-length", b"transfer-encoding"})


class Unacceptable(Exception):
    """A request that is refused for its head."""


class ServerProtocol(HttpToolsProtocol):
    """One connection."""

    unfinished: ClassVar = Unfinished()      # of this process, whichever protocol a request came by
    _is_in_head = False
    _size = 0                                # bytes of the head
    _body_size = 0
    _refusal: HTTPStatus | None = None       # of the request that is being read
    _due: asyncio.TimerHandle | None = None  # when patience ends
    _last_word: str | None = None            # that is to be said once everything before it is answered

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._last_word is not None:
            return
        was_in_head = self._is_in_head
        if not was_in_head:
            self._wait()
        super().data_received(data)
        # What is read is not told before it is whole: this is the only bound of a single endless header.
        self._size += len(data)
        if self._is_in_head:
            self.unfinished.add(self, data)
        if was_in_head and self._is_in_head and self._size > LARGEST_HEAD:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not said to its end."""
        self._wait_no_more()
        self.unfinished.end(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._is_in_head, self._size, self._body_size = True, 0, 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse the request for its head, or go on to its body. Raises Unacceptable."""
        self._is_in_head = False
        self._refusal = refused(self.url, self.headers, version=self.parser.get_http_version())
        # Whoever changes protocols reads no body: it would be taken for the next request.
        if self.parser.should_upgrade() and any(name in _BODIES for name, _ in self.headers):
            self._refusal = HTTPStatus.BAD_REQUEST
        if self._refusal is not None:
            raise Unacceptable
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body on; nobody keeps what is beyond LARGEST_BODY."""
        super().on_body(body)
        self._body_size += len(body)
        if self._body_size <= LARGEST_BODY:
            self.unfinished.add(self, body)

    def on_message_complete(self) -> None:
        """Let the request be answered, however long that takes."""
        self._wait_no_more()
        self.unfinished.end(self)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request that is answered here, and end the connection.

        What came before it is answered first: else a client takes the one answer for the other.
        """
        if self._is_unanswered():
            self._last_word = msg
        elif self._refusal is None:
            super().send_400_response(msg)
        else:
            self._end(self._refusal)

    def on_response_complete(self) -> None:
        """Go on with what came next."""
        is_next = bool(self.pipeline)
        super().on_response_complete()
        if self._last_word is not None and not is_next:
            said, self._last_word = self._last_word, None
            self.send_400_response(said)

    def sent_away(self) -> None:
        """End the connection within a request that is not whole, for too many are.

        Nothing is said where a client could take it for the answer to another request, or for a part of one.
        """
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._is_in_head:
            is_silent = not is_answering
        else:
            is_silent = is_answering and not self.pipeline and not self.cycle.response_started
        if is_silent:
            self._ended(later())
        else:
            self.transport.close()

    def _is_unanswered(self) -> bool:
        """Say whether a request that came whole still waits for its answer."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        if not self.cycle.more_body:
            return True
        if self.pipeline:
            self.pipeline.popleft()          # its own body is what is broken: nobody need answer it
            return True
        return False

    def _wait(self) -> None:
        self._wait_no_more()
        self._due = self.loop.call_later(PATIENCE, self._late)

    def _wait_no_more(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _late(self) -> None:
        if self._is_in_head:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _end(self, status: HTTPStatus) -> None:
        self._ended(failed(status, status.phrase.lower()))

    def _ended(self, last: Answer) -> None:
        if not self.transport.is_closing():
            self.transport.write(last.line([*self.server_state.default_headers, (b"connection", b"close")]))
            self.transport.close()


def refused(url: bytes, headers: Sequence[Header], *, version: str) -> HTTPStatus | None:
    """Return why a request is refused for its head; None for one that is not. Names of headers are in lower case."""
    # Two for the colon and the space, two for the end of a line; the first line has as much around its address.
    if len(url) + 16 + sum(len(name) + len(value) + 4 for name, value in headers) > LARGEST_HEAD:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if version not in ("1.0", "1.1"):
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (version == "1.0" or codings != [b"chunked"]):
        return HTTPStatus.BAD_REQUEST if version == "1.0" else HTTPStatus.NOT_IMPLEMENTED
    hosts = sum(name == b"host" for name, _ in headers)
    return HTTPStatus.BAD_REQUEST if hosts > 1 or (hosts == 0 and version == "1.1") else None
