"""What Twilio's webhooks say: what became of a text (status callbacks), and texts that came.

Both are forms. Whoever calls `read` has verified the signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from regulars.connectors.carrier import ended, without_numbers, words_of
from regulars.connectors.twilio.dialect import NAME, STAGES
from regulars.destinations.sender import News, Receipt, Reply
from regulars.errors import WebhookUnreadable

_MOST = 500
"""Members of a form: Twilio sends about thirty."""

_INBOUND = frozenset({"received", "receiving"})


def read(body: bytes, content_type: str, at: datetime) -> list[News]:
    """Return what a webhook says; nothing for a status that is no news of a text.

    A text that Twilio itself took as an opt-out (`OptOutType`) is a reply and, whatever its words, an `unsubscribed`
    of its sender.

    Args:
        body: As it came.
        content_type: Must be a form's.
        at: When it came, aware: Twilio writes no time with an offset.

    Raises WebhookUnreadable for what is not such a form.

    """
    form = _form(body, content_type)
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid") or ""
    if not sid:
        raise WebhookUnreadable("twilio: a webhook that does not say of which message")
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    if status in _INBOUND or (not status and "Body" in form):
        return _came(form, sid, at)
    if status not in STAGES:
        return []
    code = form.get("ErrorCode", "")
    stage = STAGES[status]
    return [Receipt(
        provider=NAME,
        provider_id=sid,
        stage=ended(code, otherwise=stage) if stage in {"failed", "undelivered"} else stage,
        at=at,
        address=form.get("To") or None,
        code=code,
        reason=words_of(code) or without_numbers(form.get("ErrorMessage", "")),
    )]


def _came(form: Mapping[str, str], sid: str, at: datetime) -> list[News]:
    sender = form.get("From", "")
    if not sender:
        raise WebhookUnreadable("twilio: a message that does not say who wrote it")
    to, text = form.get("To", ""), form.get("Body", "")
    reply = Reply(provider=NAME, provider_id=sid, sender=sender, to=to, text=text, at=at)
    if form.get("OptOutType") != "STOP":
        return [reply]
    reason = "Twilio took the reply as an opt-out"
    left = Receipt(
        provider=NAME, provider_id=sid, stage="unsubscribed", at=at, address=sender, code="21610", reason=reason
    )
    return [reply, left]


def _form(body: bytes, content_type: str) -> Mapping[str, str]:
    if not content_type.lower().startswith("application/x-www-form-urlencoded"):
        raise WebhookUnreadable(f"twilio: a webhook of the kind {content_type[:60]!r}, not a form")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError as error:
        raise WebhookUnreadable("twilio: a webhook whose form cannot be read") from error
    return {name: value.replace("\0", "\ufffd") for name, value in pairs}
