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
from regulars.web.ingest.body import TooLarge, Unreadable, opened
from regulars.web.ingest.dialects import keys_of
from regulars.web.ingest.envelope import Envelope
from regulars.web.ingest.event_time import read_time
from regulars.web.ingest.message import (
    Blocked,
    Message,
    Refusal,
    Request,
    Stored,
    answered_line,
    blocked_line,
    judged,
    reject_line,
    weighed,
)
from regulars.web.ingest.routes import Route
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


_ONE = msgspec.json.Decoder(Message)
_BATCH = msgspec.json.Decoder(_Batch)
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
        outer = _outer(text, route)
    except TooLarge:
        return _unread(body, source, "too_large", "the body is too large", now=now, status=413)
    except (Unreadable, msgspec.DecodeError, RecursionError) as error:
        return _unread(body, source, "bad-json", str(error) or "the body is no JSON", now=now, status=400)
    source = source or _key_in(outer, text, keys)
    if source is None:
        return Refused(status=401, message="no write key of this project: send it as Basic user name or `writeKey`")
    request = Request(
        prefix=prefix_of(source), received=now, mint=mint, type=route.type, sent=outer.sent, context=outer.shared,
        is_robot=envelope.is_robot, is_on_one_line=route.translate is None and not (b"\n" in text or b"\r" in text),
        names_agents=route.translate is not None or b'"userAgent"' in text, limit=route.limit,
        needs_person=route.needs_person, judge=judges.get(source) if judges else None,
    )
    return _sorted_out(_verdicts(outer, route, request), envelope.repairs, request=request, source=source)


class _Outer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A body taken apart: its messages, and what it says of all of them."""

    messages: tuple[bytes, ...] | list[msgspec.Raw]
    one: Message | None = None               # the message, when the body is one in the tracking API's own words
    sent: datetime | None = None
    shared: Mapping[str, msgspec.Raw] | None = None
    key: object = None


def _outer(text: bytes, route: Route) -> _Outer:
    """Return a body taken apart. What is JSON and not as it should be is one message, and a bad one."""
    if text[:1] == b"[":
        return _Outer(messages=_RAWS.decode(text))
    if route.is_batch:
        return _batch(text, route)
    if route.translate is not None:
        _RAW.decode(text)
        return _Outer(messages=(text,))
    try:
        one = _ONE.decode(text)
    except msgspec.ValidationError:
        return _Outer(messages=(text,))
    return _Outer(messages=(text,), one=one, key=one.write_key)


def _batch(text: bytes, route: Route) -> _Outer:
    try:
        said = _BATCH.decode(text)
    except msgspec.ValidationError:
        return _Outer(messages=(text,))
    messages = said.batch if said.batch is not None else said.data
    if messages is None:
        return _Outer(messages=(text,), key=said.write_key)
    inherited = (("context", bytes(said.context)), ("integrations", bytes(said.integrations)))
    shared = {name: msgspec.Raw(raw) for name, raw in inherited if raw[:1] == b"{" and len(raw) > len(b"{}")}
    sent = said.sent_at if said.sent_at is not None else said.sent
    return _Outer(
        messages=messages, shared=shared if route.translate is None else None, sent=read_time(sent), key=said.write_key,
    )


def _verdicts(outer: _Outer, route: Route, request: Request) -> Sequence[Stored | Refusal | Blocked]:
    if outer.one is not None and len(outer.messages[0]) <= request.limit:
        return (weighed(outer.one, bytes(outer.messages[0]), request=request),)
    if route.translate is None:
        return [judged(bytes(raw), request=request) for raw in outer.messages]
    return [_translated(bytes(raw), route, request) for raw in outer.messages]


def _sorted_out(
    verdicts: Sequence[Stored | Refusal | Blocked], repairs: str, *, request: Request, source: str
) -> Arrivals:
    stored = [one for one in verdicts if isinstance(one, tuple)]
    others = [one for one in verdicts if not isinstance(one, tuple)] if len(stored) < len(verdicts) else []
    refused = [one for one in others if isinstance(one, Refusal)]
    blocked = [blocked_line(one) for one in others if isinstance(one, Blocked)]
    lines = [line for _, line in stored]
    rejects = [
        reject_line(one, received=request.received, number=n, source=source) for n, one in enumerate(refused)
    ]
    answers = [answered_line(repairs)] if repairs and lines and not rejects else []
    return Arrivals(
        source=source, hashes=[hashed for hashed, _ in stored], lines=lines, rejects=rejects, answers=answers,
        blocked=blocked,
    )


def _translated(raw: bytes, route: Route, request: Request) -> Stored | Refusal | Blocked:
    assert route.translate is not None
    try:
        said = route.translate(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return Refusal(reason="wrong_type", message=str(error), raw=raw)
    # The translation says some things twice; the limit is of what was sent.
    verdict = judged(said, request=msgspec.structs.replace(request, limit=2 * request.limit))
    return replace(verdict, raw=raw) if isinstance(verdict, Refusal) else verdict


def _key_in(outer: _Outer, text: bytes, keys: WriteKeys) -> str | None:
    inside = bytes(outer.messages[0]) if outer.messages else b"{}"
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
        status=status, message=message, arrivals=Arrivals(source=source, hashes=(), lines=(), rejects=rejects)
    )
