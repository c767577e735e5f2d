"""A reception: one request's body becomes good messages, refused and blocked ones; the bad never cost the good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from regulars.sources.tracking.judge import Judge
from regulars.storage.door.arrival_store import Arrivals
from regulars.storage.door.generation import prefix_of
from regulars.web.ingest.body import MOST_MESSAGES, TooLarge, Unreadable, opened, whole_characters
from regulars.web.ingest.dialects import Translate, keys_of
from regulars.web.ingest.envelope import Envelope
from regulars.web.ingest.event_time import SenderClock, read_time
from regulars.web.ingest.judging import Judged, Request, judged
from regulars.web.ingest.message import Plain, read
from regulars.web.ingest.routes import Route
from regulars.web.ingest.set_aside import Refusal, answered_line, blocked_line, reject_line
from regulars.web.ingest.write_keys import WriteKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that is answered without taking it."""

    status: int
    message: str
    arrivals: Arrivals | None = None         # what goes into quarantine all the same


class _Batch(msgspec.Struct, gc=False):
    """A body of several messages, in the words of whoever sends it."""

    batch: list[msgspec.Raw] | None = None
    data: list[msgspec.Raw] | None = None    # Snowplow's
    context: msgspec.Raw = msgspec.Raw()
    integrations: msgspec.Raw = msgspec.Raw()
    sent_at: Any = msgspec.field(default=None, name="sentAt")
    sent: Any = msgspec.field(default=None, name="sent_at")
    write_key: Any = msgspec.field(default=None, name="writeKey")


class _Plains(msgspec.Struct, gc=False):
    """The same body, when all its messages are plain."""

    batch: list[Plain]


_BATCH = msgspec.json.Decoder(_Batch)
_PLAINS = msgspec.json.Decoder(_Plains)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_KEPT = 64 << 10                             # bytes that quarantine keeps of a body nobody can read


def received(
    envelope: Envelope, body: bytes, *, keys: WriteKeys, judges: Mapping[str, Judge], now: datetime,
    mint: Callable[[], str],
) -> Arrivals | Refused:
    """Return what a request brings, or why it is refused.

    Only an unknown key, a body beyond the limit and one that is no JSON are refused, with 401, 413 and 400; what the
    last two said is kept. Anything else is taken, message by message, as the tracking plan of its source says:
    `judges` has one for each source with a plan.
    """
    source, route = envelope.source, envelope.route
    try:
        text = opened(body)
        outer = _outer_of_any(text, route)
    except TooLarge as error:
        message = str(error) or "the body is too large"
        return _unread(body, source, "too_large", message, now=now, status=413)
    except (Unreadable, msgspec.DecodeError, RecursionError) as error:
        return _unread(body, source, "bad-json", str(error) or "the body is no JSON", now=now, status=400)
    source = source or _key_in(outer, text, keys)
    if source is None:
        return Refused(status=401, message="no write key of this project: send it as Basic user name or `writeKey`")
    request = Request(
        prefix=prefix_of(source), received=now, mint=mint, type=route.type, context=outer.shared,
        clock=SenderClock.of(outer.sent, received=now), is_robot=envelope.is_robot, limit=route.limit,
        needs_person=route.needs_person,
        is_on_one_line=route.translate is None and not (b"\n" in text or b"\r" in text),
        judge=judges.get(source) if judges else None,
    )
    return _sorted_out(_judged(outer, route, request), envelope.repairs, request=request, source=source)


class _Outer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A body taken apart: its messages, and what it says of all of them."""

    messages: Sequence[bytes]
    plain: Sequence[Plain] | None = None     # what the messages say, when all are plain
    sent: datetime | None = None
    shared: Mapping[str, msgspec.Raw] | None = None
    key: object = None


def _outer_of_any(text: bytes, route: Route) -> _Outer:
    """Return a body taken apart, even if half a character is in it: that costs nobody else's message."""
    try:
        return _outer(text, route)
    except msgspec.DecodeError:
        mended = whole_characters(text)
        if mended == text:
            raise
        return _outer(mended, route)


def _outer(text: bytes, route: Route) -> _Outer:
    """Return a body taken apart. What is JSON and not as it should be is one message, and a bad one."""
    if text[:1] == b"[":
        return _Outer(messages=_each(_RAWS.decode(text)))
    if route.is_batch:
        return _batch(text, route)
    if route.translate is not None:
        _RAW.decode(text)
        return _Outer(messages=(text,))
    try:
        one = read(text)
    except msgspec.ValidationError:
        return _Outer(messages=(text,))
    plain = (one,) if isinstance(one, Plain) and len(text) <= route.limit else None
    return _Outer(messages=(text,), plain=plain, key=one.write_key)


def _batch(text: bytes, route: Route) -> _Outer:
    try:
        said = _BATCH.decode(text)
    except msgspec.ValidationError:
        return _Outer(messages=(text,))
    raws = said.batch if said.batch is not None else said.data
    if raws is None:
        return _Outer(messages=(text,), key=said.write_key)
    messages = _each(raws)
    may_be_plain = route.translate is None and max(map(len, messages), default=0) <= route.limit
    inherited = (("context", bytes(said.context)), ("integrations", bytes(said.integrations)))
    shared = {name: msgspec.Raw(raw) for name, raw in inherited if raw[:1] == b"{" and len(raw) > len(b"{}")}
    sent = said.sent_at if said.sent_at is not None else said.sent
    return _Outer(
        messages=messages, plain=_plain(text) if may_be_plain else None,
        shared=shared if route.translate is None else None, sent=read_time(sent), key=said.write_key,
    )


def _each(raws: Sequence[msgspec.Raw]) -> Sequence[bytes]:
    if len(raws) > MOST_MESSAGES:
        raise TooLarge(f"the body has more than {MOST_MESSAGES:,} messages")
    return [bytes(raw) for raw in raws]


def _plain(text: bytes) -> Sequence[Plain] | None:
    """Return what the messages of a batch say; None when one is not plain."""
    try:
        return _PLAINS.decode(text).batch
    except (msgspec.DecodeError, RecursionError):
        return None


def _judged(outer: _Outer, route: Route, request: Request) -> Judged:
    if route.translate is None:
        return judged(outer.messages, request=request, plain=outer.plain)
    found = [_translated(raw, route.translate, request) for raw in outer.messages]
    return Judged(
        hashes=[hashed for one in found for hashed in one.hashes], text=b"".join(one.text for one in found),
        refused=[refusal for one in found for refusal in one.refused],
        blocked=[blocked for one in found for blocked in one.blocked],
    )


def _translated(raw: bytes, translate: Translate, request: Request) -> Judged:
    try:
        said = translate(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return Judged(refused=[Refusal(reason="wrong_type", message=str(error), raw=raw)])
    # The translation says some things twice; the limit is of what was sent.
    found = judged((said,), request=msgspec.structs.replace(request, limit=2 * request.limit))
    return msgspec.structs.replace(found, refused=[replace(one, raw=raw) for one in found.refused])


def _sorted_out(found: Judged, repairs: str, *, request: Request, source: str) -> Arrivals:
    rejects = [
        reject_line(one, received=request.received, number=n, source=source) for n, one in enumerate(found.refused)
    ]
    answers = [answered_line(repairs)] if repairs and found.hashes and not rejects else []
    return Arrivals(
        source=source, hashes=found.hashes, text=found.text, rejects=rejects, answers=answers,
        blocked=[blocked_line(one) for one in found.blocked], may_deliver=False,
    )


def _key_in(outer: _Outer, text: bytes, keys: WriteKeys) -> str | None:
    inside = outer.messages[0] if outer.messages else b"{}"
    return keys.first([outer.key]) or keys.first(keys_of(text)) or keys.first(keys_of(inside))


def _unread(
    body: bytes, source: str | None, reason: str, message: str, *, now: datetime, status: int
) -> Refused:
    """What cannot be read is kept, where a header or the query says whose it is."""
    if source is None:
        return Refused(status=status, message=message)
    refusal = Refusal(reason=reason, message=message, raw=body[:_KEPT])
    rejects = [reject_line(refusal, received=now, number=0, source=source)]
    return Refused(
        status=status, message=message, arrivals=Arrivals(source=source, hashes=(), text=b"", rejects=rejects)
    )
