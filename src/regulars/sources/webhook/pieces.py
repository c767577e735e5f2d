"""Pieces of news: a delivery holds one or several, and each is known by its own id, however it is sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import msgspec

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.form import as_object, fields_of, is_form
from regulars.sources.webhook.mandrill import EVENTS
from regulars.sources.webhook.shopify_orders import REFUNDED, order_id, order_version, refunds_of

LONGEST_ID = 200
"""Signs of an id that is taken as it is; of a longer one its hash stands for it."""

_SPARE = 100
"""Levels by which the nesting of a body must stay below what can be read."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str | int)
_ANY = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of news."""

    id: str                                  # of what it is about: the same however often it is sent
    said: bytes | None                       # JSON on one line: for records; None: it is no text that we can take apart
    body: bytes                              # as the request's body would be, had this piece come alone
    version: str = ""                        # of what may be told anew: which state of it this is
    topic: str | None = None                 # of a piece whose topic is another one than its delivery's

    @property
    def known_by(self) -> str:
        """Return by what this very piece is known: told again it is the same one."""
        return known_by(self.id, self.version)


def known_by(piece_id: str, version: str) -> str:
    """Return by what one version of a piece is known."""
    return f"{piece_id} {version}" if version else piece_id


Splits = Callable[[Delivery], Sequence[Piece]]
"""Takes a genuine delivery apart; whatever it holds, nothing is raised."""


def by_header(*names: str) -> Splits:
    """Return what takes a delivery as one piece, known by the first header there is, or else by what it says."""

    def split(delivery: Delivery) -> Sequence[Piece]:
        return [_whole(delivery, next((delivery.headers[name] for name in names if delivery.headers.get(name)), None))]

    return split


def by_member(*paths: Sequence[str]) -> Splits:
    """Return what takes a delivery as one piece, known by the first paths that all lead to a text; see `by_header`."""

    def split(delivery: Delivery) -> Sequence[Piece]:
        said = said_by(delivery)
        parts = [_at(said, path) for path in paths]
        return [_whole(delivery, None if None in parts else ".".join(map(str, parts)))]

    return split


def quo_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return the one piece of a delivery of Quo: each of its two signatures goes with a place for the id."""
    split = by_header("webhook-id") if "webhook-signature" in delivery.headers else by_member(["id"])
    return split(delivery)


def twilio_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return the one piece of a delivery of Twilio: a message and what became of it now are one piece."""
    said = said_by(delivery)
    status = "MessageStatus" if _at(said, ["MessageStatus"]) is not None else "SmsStatus"
    return by_member(["MessageSid"], [status])(delivery)


def sendgrid_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return each event of SendGrid's list."""
    items = _items(delivery.body)
    if items is None:
        return [_whole(delivery, None)]
    return [Piece(id=_id(_at(one, ["sg_event_id"]), one), said=_line(one), body=b"[%b]" % one) for one in items]


def mandrill_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return each event of the list in Mandrill's form; its `_id` is the message's, so what it says makes it one."""
    texts = [value for name, value in fields_of(delivery.body) or [] if name == EVENTS]
    items = _items(texts[0].encode()) if texts else None
    if items is None:
        return [_whole(delivery, None)]
    return [
        Piece(id=_id(None, one), said=_line(one), body=urlencode({EVENTS: b"[%b]" % one}).encode()) for one in items
    ]


def shopify_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return the piece of a delivery of Shopify, and of an order each of its refunds that it tells of too.

    Orders and refunds are known by their own ids; an order is told of again whenever it changes.
    """
    topic, said = delivery.headers.get("x-shopify-topic", ""), said_by(delivery)
    known_as = order_id(topic, said)
    if known_as is None:
        return by_header("x-shopify-webhook-id", "shopify-webhook-id", "x-shopify-event-id")(delivery)
    whole = replace(_whole(delivery, known_as), version=order_version(topic, said))
    refunds = refunds_of(topic, said)
    return [whole, *(Piece(id=_id(told_as, one), said=one, body=one, topic=REFUNDED) for told_as, one in refunds)]


def klaviyo_pieces(delivery: Delivery) -> Sequence[Piece]:
    """Return each event in Klaviyo's `data`, with the `meta` that they share."""
    try:
        outer = _OBJECT.decode(delivery.body if _is_json(delivery.body) else b"")
        items = _LIST.decode(outer["data"])
    except (msgspec.DecodeError, KeyError):
        return [_whole(delivery, None)]
    alone = [outer | {"data": msgspec.Raw(b"[%b]" % bytes(one))} for one in items]
    return [
        Piece(id=_id(_joined(one, "topic", "external_id"), bytes(one)), said=_line(bytes(one)), body=_encode(body))
        for one, body in zip(items, alone, strict=True)
    ]


def said_by(delivery: Delivery) -> bytes | None:
    """Return what a body says as JSON on one line: of a form its fields; None for what is neither."""
    if is_form(delivery.headers):
        fields = fields_of(delivery.body)
        return None if fields is None else _encode(as_object(fields))
    return _line(delivery.body) if _is_json(delivery.body) else None


def _whole(delivery: Delivery, known_as: object) -> Piece:
    return Piece(id=_id(known_as, delivery.body), said=said_by(delivery), body=delivery.body)


def _items(text: bytes) -> list[bytes] | None:
    try:
        return [bytes(one) for one in _LIST.decode(text)] if _is_json(text) else None
    except msgspec.DecodeError:
        return None


def _is_json(text: bytes) -> bool:
    """Return whether a text is JSON that stays readable when it is put into something else."""
    around = b"[" * _SPARE
    try:
        text.decode()
        _ANY.decode(around + text + b"]" * _SPARE if text.count(b"[") + text.count(b"{") > _SPARE else text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _id(known_as: object, text: bytes) -> str:
    """Return the id that a piece has, or the hash of what it says."""
    if isinstance(known_as, str | int) and str(known_as):
        own = str(known_as)
        return own if len(own) <= LONGEST_ID else _hash(own.encode())
    return _hash(text)


def _hash(text: bytes) -> str:
    return "h_" + hashlib.blake2b(text, digest_size=16).hexdigest()


def _joined(raw: bytes | msgspec.Raw, *names: str) -> str | None:
    parts = [_at(bytes(raw), [name]) for name in names]
    return None if None in parts else ".".join(map(str, parts))


def _at(text: bytes | None, path: Sequence[str]) -> str | int | None:
    """Return the text or number at a path of a JSON object; None where there is none."""
    if text is None:
        return None
    inner: bytes = text
    try:
        for name in path:
            inner = bytes(_OBJECT.decode(inner)[name])
        found: str | int = _TEXT.decode(inner)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None
    return found


def _line(text: bytes) -> bytes:
    """Return JSON without line breaks."""
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text
