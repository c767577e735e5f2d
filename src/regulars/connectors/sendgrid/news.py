"""SendGrid's Event Webhook: what it posts, as receipts.

Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event. An array of flat objects; custom
arguments stand among an event's own members.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from regulars.connectors.decoded import decoded
from regulars.connectors.sendgrid.mail import MESSAGE_ID, request_id
from regulars.destinations.mail_id import message_id_in
from regulars.destinations.sender import News, Receipt, Stage
from regulars.destinations.unaddressed import unaddressed
from regulars.errors import WebhookUnreadable

_STAGES: Mapping[str, Stage] = {
    "processed": "queued",
    "deferred": "undelivered",               # SendGrid goes on trying
    "delivered": "delivered",
    "dropped": "failed",                     # SendGrid did not even try
    "bounce": "bounced",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
# Why something was dropped, by how SendGrid's sentence begins.
_DROPPED = {
    "invalid": "invalid", "bounced": "bounced", "unsubscribed": "unsubscribed", "spam reporting": "complained",
    "spam content": "content", "recipient list over": "quota",
}


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  # every reader takes it
    """Return the receipts in what SendGrid posted at a moment; events that are about no message are left out.

    A receipt's code is a bounce's status (`5.1.1`), why a message was dropped (invalid, bounced, unsubscribed,
    complained, content, quota, other), or `machine` for an open that no person made.

    Raises WebhookUnreadable for what is not a list of events.
    """
    events = decoded(body, list[dict[str, object]])
    if events is None:
        raise WebhookUnreadable("not a list of SendGrid's events")
    return [receipt for event in events if (receipt := _receipt(event, at=at)) is not None]


def _receipt(event: Mapping[str, object], *, at: datetime) -> Receipt | None:
    kind = _text(event, "event")
    stage = _STAGES.get(kind)
    if stage is None:
        return None                          # group_resubscribe is no consent to us; account changes are no receipts
    if kind == "bounce" and _text(event, "type") == "blocked":
        stage = "undelivered"                # the message was not wanted now; the address is there
    return Receipt(
        provider="sendgrid",
        provider_id=request_id(_text(event, "sg_message_id")),
        stage=stage,
        at=_moment(event.get("timestamp"), at=at),
        event_id=_text(event, "sg_event_id"),
        # A mail that went to SendGrid over SMTP has no custom arguments; its own Message-ID comes back.
        message_id=_text(event, MESSAGE_ID) or message_id_in(_text(event, "smtp-id")),
        address=_text(event, "email") or None,
        code=_code(event, kind),
        reason=unaddressed(_text(event, "reason") or _text(event, "response")),
        url=_text(event, "url"),
        agent=_text(event, "useragent"),
    )


def _code(event: Mapping[str, object], kind: str) -> str:
    if kind == "dropped":
        reason = _text(event, "reason").lower()
        return next((code for words, code in _DROPPED.items() if reason.startswith(words)), "other")
    if kind == "open" and event.get("sg_machine_open") in {True, "true"}:
        return "machine"
    return _text(event, "status")


def _moment(value: object, *, at: datetime) -> datetime:
    """Return an event's moment; the moment it came when it does not say, or says what cannot be."""
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return at


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    return "" if value is None else str(value)
