"""Mailchimp Transactional's webhooks: forms whose one field holds a list of events, as receipts.

Source: https://mailchimp.com/developer/transactional/docs/webhooks/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from regulars.connectors.decoded import decoded
from regulars.connectors.mandrill.mail import MESSAGE_ID
from regulars.destinations.sender import News, Receipt, Stage
from regulars.destinations.unaddressed import unaddressed
from regulars.errors import WebhookUnreadable

_STAGES: Mapping[str, Stage] = {
    "send": "sent", "delivered": "delivered", "deferral": "undelivered", "hard_bounce": "bounced",
    "soft_bounce": "undelivered", "open": "opened", "click": "clicked", "spam": "complained", "unsub": "unsubscribed",
    "reject": "failed",
}


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  # every reader takes it
    """Return the receipts in what Mandrill posted at a moment; events that are about no message are left out.

    A receipt's code is Mandrill's word for a bounce (`bad_mailbox`) or a rejection (`hard-bounce`).

    Raises WebhookUnreadable for what is no form of Mandrill's.
    """
    try:
        said = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError as error:
        raise WebhookUnreadable("not a form of Mandrill's") from error
    events = decoded(said.get("mandrill_events", ""), list[dict[str, object]])
    if events is None:
        raise WebhookUnreadable("not a form of Mandrill's")
    return [receipt for event in events if (receipt := _receipt(event, at=at)) is not None]


def _receipt(event: Mapping[str, object], *, at: datetime) -> Receipt | None:
    stage = _STAGES.get(_text(event, "event"))
    if stage is None:
        return None                          # what came in, and what was put onto a list by hand
    message, url = _inner(event, "msg"), _text(event, "url")
    code = _text(message, "bounce_description") or _text(_inner(message, "reject"), "reason")
    return Receipt(
        provider="mandrill",
        provider_id=_text(message, "_id") or _text(event, "_id"),
        stage=stage,
        at=_moment(event.get("ts"), at=at),
        event_id=f"{_text(event, 'ts')} {url}".strip(),      # its `_id` is the message's
        message_id=_text(_inner(message, "metadata"), MESSAGE_ID) or None,
        address=_text(message, "email") or None,
        code=code,
        reason=unaddressed(_text(message, "diag")),
        url=url,
        agent=_text(event, "user_agent"),
    )


def _inner(event: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    return "" if value is None else str(value)


def _moment(value: object, *, at: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return at
