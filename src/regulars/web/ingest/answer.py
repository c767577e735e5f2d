"""What a client hears: a status and a few words in JSON, the same whichever way they reach it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

import msgspec

from regulars.errors import StoreError
from regulars.storage.door.arrival_store import Receipt
from regulars.web.ingest.group_commit import Busy
from regulars.web.ingest.reception import Refused
from regulars.web.ingest.shop_pixels import Heard

Header = tuple[bytes, bytes]
Outcome = Receipt | Refused | Heard | Exception
"""What became of a request: it was taken, could not be read, or could not be written."""

_encode = msgspec.json.encode
_ALWAYS = ((b"content-type", b"application/json"), (b"access-control-allow-origin", b"*"))
_LATER = (b"retry-after", b"1")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole answer."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    def line(self, more: Iterable[Header] = ()) -> bytes:
        """Return the answer as HTTP/1.1 writes it."""
        said = [b"HTTP/1.1 %d %b\r\n" % (self.status, HTTPStatus(self.status).phrase.encode())]
        said += [b"%b: %b\r\n" % pair for pair in (*self.headers, *more)]
        return b"".join((*said, b"\r\n", self.body))


def answer(status: int, told: object, *more: Header) -> Answer:
    """Return an answer that says something in JSON."""
    return bare(status, _encode(told), *more)


def bare(status: int, body: bytes, *more: Header) -> Answer:
    """Return an answer with a body as it is."""
    return Answer(status, (*_ALWAYS, (b"content-length", str(len(body)).encode()), *more), body)


def failed(status: int, message: str, *more: Header) -> Answer:
    """Return an answer that says why not."""
    return answer(status, {"success": False, "message": message}, *more)


def later() -> Answer:
    """Return the answer to a request that took too long while too many others did."""
    return failed(503, "too many requests are unfinished; come again", _LATER)


def answer_to(outcome: Outcome) -> Answer:
    """Return what a client hears of what became of its request."""
    if isinstance(outcome, Receipt):
        return _taken(outcome)
    if isinstance(outcome, Refused):
        return failed(outcome.status, outcome.message)
    if isinstance(outcome, Heard):
        return answer(outcome.status, outcome.told, *((_LATER,) if outcome.is_later else ()))
    if isinstance(outcome, Busy):
        return failed(429, "too much at once; come again", _LATER)
    if isinstance(outcome, StoreError):
        return failed(503, "the door cannot write; come again", _LATER)
    return failed(500, "something went wrong here")


@lru_cache(maxsize=1024)
def line_to(receipt: Receipt) -> bytes:
    """Return the answer for what was taken, as it is written again and again."""
    return _taken(receipt).line()


@lru_cache(maxsize=1024)
def _taken(receipt: Receipt) -> Answer:
    return answer(200, {
        "success": True, "stored": receipt.stored, "duplicate": receipt.duplicate,
        "quarantined": receipt.quarantined, "blocked": receipt.blocked,
    })
