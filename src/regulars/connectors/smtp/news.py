"""What comes into a mailbox about our mails: reports of delivery (RFC 3464), complaints (RFC 5965), answers of people.

Anybody can write such a mail. So it says something of a message only where it holds our own id of it, and what it
says of an address alone is told without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from regulars.connectors.smtp.reply_code import is_gone
from regulars.destinations.mail_id import message_id_in
from regulars.destinations.sender import News, Receipt, Reply, Stage
from regulars.destinations.unaddressed import unaddressed

_ORIGINALS = {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}
_COMPLAINTS = {"abuse", "fraud", "virus", "other"}


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  # every reader takes it
    """Return what one mail tells: a receipt for each address that it reports on, or what a person answered.

    A receipt's code is the enhanced status of a report (`5.1.1`) or the kind of a complaint (`abuse`). Answers of
    machines tell nothing. Never raises, whatever the mail holds.
    """
    mail = message_from_bytes(body)
    match (_kind(mail), str(mail.get_param("report-type", "")).lower()):
        case ("multipart/report", "delivery-status"):
            return list(_deliveries(mail, body, at=at))
        case ("multipart/report", "feedback-report"):
            return list(_complaints(mail, body, at=at))
        case ("multipart/report", _):
            return []
    return [] if _is_from_machine(mail) else [_reply(mail, body, at=at)]


def _deliveries(mail: Message, body: bytes, *, at: datetime) -> Iterator[Receipt]:
    blocks = [block for part in _parts(mail) if _kind(part) == "message/delivery-status" for block in _parts(part)]
    envelope = next((_text(block, "Original-Envelope-Id") for block in blocks if block["Original-Envelope-Id"]), "")
    original = _original_id(mail)
    for block in blocks:
        address = _after_type(_text(block, "Original-Recipient") or _text(block, "Final-Recipient"))
        status = _text(block, "Status").partition(" ")[0]
        stage = _stage(_text(block, "Action").lower(), status)
        if stage is None:
            continue
        yield Receipt(
            provider="smtp",
            provider_id=original,
            stage=stage,
            at=_moment(_text(block, "Last-Attempt-Date"), mail, at=at),
            event_id=_event_id(mail, body),
            message_id=message_id_in(envelope) or message_id_in(original),
            address=address or None,
            code=status,
            reason=unaddressed(_after_type(_text(block, "Diagnostic-Code"))),
        )


def _stage(action: str, status: str) -> Stage | None:
    """Return what became of a message at one address; None for a block that is not about an address."""
    match action:
        case "failed":
            return "bounced" if is_gone(status) else "undelivered"
        case "delayed":
            return "undelivered"
        case "delivered":
            return "delivered"
        case "relayed" | "expanded":
            return "sent"
    return None


def _complaints(mail: Message, body: bytes, *, at: datetime) -> Iterator[Receipt]:
    blocks = [block for part in _parts(mail) if _kind(part) == "message/feedback-report" for block in _fields(part)]
    for block in blocks[:1]:
        kind = _text(block, "Feedback-Type").lower()
        if kind not in _COMPLAINTS:
            return                           # `not-spam`: somebody took it back; `auth-failure` is about our DNS
        original = _original_id(mail)
        address = parseaddr(_text(block, "Original-Rcpt-To"))[1] or parseaddr(_original_header(mail, "To"))[1]
        yield Receipt(
            provider="smtp",
            provider_id=original,
            stage="complained",
            at=_moment(_text(block, "Arrival-Date") or _text(block, "Received-Date"), mail, at=at),
            event_id=_event_id(mail, body),
            message_id=message_id_in(original),
            address=address or None,
            code=kind,
            agent=_text(block, "User-Agent"),
        )


def _reply(mail: Message, body: bytes, *, at: datetime) -> Reply:
    written = next((part for part in mail.walk() if _kind(part) == "text/plain" and not part.is_multipart()), None)
    text = "" if written is None else _decoded(written)
    return Reply(
        provider="smtp",
        provider_id=_event_id(mail, body),
        sender=parseaddr(_text(mail, "From"))[1],
        to=parseaddr(_text(mail, "To"))[1],
        text=text.strip() or _text(mail, "Subject"),         # a mail program's `unsubscribe` is a subject alone
        at=_moment(_text(mail, "Date"), mail, at=at),
    )


def _is_from_machine(mail: Message) -> bool:
    """Return whether nobody wrote this: an absence note, a list, a mail server. Source: RFC 3834, 5."""
    sender = parseaddr(_text(mail, "From"))[1].lower()
    return (
        _text(mail, "Auto-Submitted").lower() not in {"", "no"}
        or _text(mail, "Precedence").lower() in {"bulk", "list", "junk", "auto_reply"}
        or mail["X-Autoreply"] is not None
        or _text(mail, "Return-Path") == "<>"
        or not sender
        or sender.startswith(("mailer-daemon@", "postmaster@", "no-reply@", "noreply@"))
    )


def _original_id(mail: Message) -> str:
    """Return the Message-ID of the mail that a report is about: from the copy it brings, or what it answers to."""
    return _original_header(mail, "Message-ID") or _text(mail, "In-Reply-To")


def _original_header(mail: Message, name: str) -> str:
    for part in _parts(mail):
        for original in _fields(part) if _kind(part) in _ORIGINALS else []:
            if original[name] is not None:
                return _text(original, name)
    return ""


def _fields(part: Message) -> list[Message]:
    """Return a part that is made of header lines, as a message."""
    inner = _parts(part)
    return inner or [message_from_string(_decoded(part))]


def _parts(mail: Message) -> list[Message]:
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _kind(mail: Message) -> str:
    return mail.get_content_type()


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        return raw.decode(str(part.get_content_charset() or "utf-8"), "replace")
    except (LookupError, ValueError):        # no such charset, or one that could never be a name
        return raw.decode("utf-8", "replace")


def _text(mail: Message, name: str) -> str:
    return " ".join(str(mail.get(name, "")).split())


def _after_type(value: str) -> str:
    """Return the address in `rfc822; a@example.com`, or the words in `smtp; 550 no`."""
    return value.partition(";")[2].strip() or value


def _event_id(mail: Message, body: bytes) -> str:
    return _text(mail, "Message-ID") or hashlib.sha256(body).hexdigest()


def _moment(written: str, mail: Message, *, at: datetime) -> datetime:
    """Return the moment that a report gives, else its own Date, else when it came; nothing is later than that."""
    for text in (written, _text(mail, "Date")):
        try:
            read_at = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            continue
        aware = read_at if read_at.tzinfo else read_at.replace(tzinfo=UTC)
        return min(aware, at)
    return at
