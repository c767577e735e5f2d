"""What Quo's webhooks say: texts that came, arrived or did not; of both kinds of webhook that are live.

The newer kind (`POST /webhooks`) has `data.resource` and `data.context`; the older (`/v1/webhooks/…`, and those made in
the app) has `data.object`. Whoever calls `read` has verified the signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from regulars.connectors.carrier import ended, without_numbers, words_of
from regulars.connectors.quo.dialect import NAME
from regulars.connectors.sending import moment
from regulars.destinations.sender import News, Receipt, Reply, Stage
from regulars.errors import WebhookUnreadable

_STAGES: Mapping[str, Stage] = {
    "message.delivered": "delivered", "message.failed": "failed", "message.undelivered": "undelivered",
}


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  as every connector's `read`
    """Return what a webhook says of texts; nothing for calls, contacts and whatever else Quo tells.

    Args:
        body: As it came.
        content_type: JSON whatever it says.
        at: When it came, aware: of news that carries no time of its own.

    Raises WebhookUnreadable for what is not an event of Quo's, or lacks who wrote.

    """
    event = _event(body)
    kind = str(event.get("type"))
    if kind not in _STAGES and kind != "message.received":
        return []
    data = event.get("data")
    about, around = _parts(data if isinstance(data, dict) else {})
    event_id = _text(event.get("id"))
    if kind == "message.received":
        return _reply(about, around, fallback=event_id or hashlib.blake2b(body, digest_size=16).hexdigest(), at=at)
    provider_id = _text(about.get("id"))
    if not provider_id:
        raise WebhookUnreadable(f"quo: {kind} does not say of which message")
    code = _text(about.get("errorCode"))
    return [Receipt(
        provider=NAME,
        provider_id=provider_id,
        stage=_STAGES[kind] if kind == "message.delivered" else ended(code, otherwise=_STAGES[kind]),
        at=moment(event.get("createdAt")) or moment(about.get("createdAt")) or at,
        event_id=event_id,
        address=_first(around.get("recipientIdentifiers") or about.get("to")) or None,
        code=code,
        reason=words_of(code) or without_numbers(_text(about.get("errorMessage"))),
    )]


def _event(body: bytes) -> Mapping[str, object]:
    try:
        event = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WebhookUnreadable("quo: a webhook that is not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise WebhookUnreadable("quo: a webhook without a type")
    return event


def _parts(data: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return what an event is about, and what is around it: empty for the older kind."""
    about, around = data.get("resource", data.get("object")), data.get("context")
    return about if isinstance(about, dict) else {}, around if isinstance(around, dict) else {}


def _reply(about: Mapping[str, object], around: Mapping[str, object], *, fallback: str, at: datetime) -> list[News]:
    if about.get("direction") == "outgoing":
        return []
    sender = _text(around.get("senderIdentifier") or about.get("from"))
    if not sender:
        raise WebhookUnreadable("quo: a message that does not say who wrote it")
    return [Reply(
        provider=NAME,
        provider_id=_text(about.get("id")) or fallback,
        sender=sender,
        to=_first(around.get("recipientIdentifiers") or about.get("to")),
        text=_text(about.get("text") or about.get("body")),
        at=moment(about.get("createdAt")) or at,
    )]


def _text(value: object) -> str:
    """Return a text that a database takes: without the sign that ends texts in C."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else ""


def _first(value: object) -> str:
    return _text(value[0] if isinstance(value, list) and value else value)
