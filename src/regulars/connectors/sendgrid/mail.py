"""SendGrid's Mail Send: messages to a request, an answer to what became of each.

Source: https://www.twilio.com/docs/sendgrid/api-reference/mail-send. There is no idempotency key, so a lost answer is
Unknown; our message id goes along as a custom argument, and the first event that comes back with it ends the doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from urllib.parse import urlencode

import msgspec

from regulars.connectors.decoded import decoded
from regulars.connectors.secret import Secret, revealed
from regulars.connectors.sendgrid.together import LARGEST, Together, reply_to, together
from regulars.destinations.sender import (
    Accepted,
    Answer,
    Deferred,
    Limits,
    Outcome,
    Outgoing,
    Refused,
    Request,
    Stage,
    Unknown,
)
from regulars.destinations.unaddressed import unaddressed

MESSAGE_ID = "regulars_message_id"
"""The custom argument that holds our id; a message's tags go beside it as `regulars_<name>`."""

_WHOSE = re.compile(r"personalizations[.\[](\d+)")
_STAGES: Mapping[str, Stage] = {"delivered": "delivered", "not_delivered": "undelivered", "processing": "queued"}


class _Fault(msgspec.Struct):
    message: str = ""
    field: str | None = None


class _Faults(msgspec.Struct):
    errors: list[_Fault] = []


class _Activity(msgspec.Struct):
    msg_id: str
    status: str = ""


class _Activities(msgspec.Struct):
    messages: list[_Activity] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendgrid:
    """SendGrid as one account speaks with it.

    Args:
        key: An API key that may send mail, and read the Email Activity where `can_be_asked`.
        url: Another region: `https://api.eu.sendgrid.com`.
        batch: Messages in a request, 1 to 1,000. A lost answer leaves all of them unknown; see `outcomes` too.
        can_be_asked: The account has the Email Activity add-on, by which unknown messages can be asked for.

    """

    key: str | Secret = field(repr=False)
    url: str = "https://api.sendgrid.com"
    batch: int = 1
    can_be_asked: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= LARGEST:
            raise ValueError(f"SendGrid takes 1 to {LARGEST} messages a request, not {self.batch}")

    @property
    def name(self) -> str:
        """Return `sendgrid`."""
        return "sendgrid"

    @property
    def limits(self) -> Limits:
        """Return how SendGrid wants to be spoken to."""
        return Limits(per_second=10_000, at_once=10, batch=self.batch)

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands over the messages that fit with the first one; see `outcomes` for the rest."""
        group = together(messages)
        body = msgspec.json.encode(_mail([messages[n] for n in group.positions], group))
        return self._request("POST", "/v3/mail/send", body)

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what an answer means for each message, in order.

        Messages that did not fit into the request are Deferred, and so are those that were refused for another one's
        sake: SendGrid takes a request whole or not at all.
        """
        gone = together(messages).positions
        told = dict(zip(gone, _told(answer, len(gone)), strict=True))
        later = Deferred(reason="goes with the next request", after=timedelta(0))
        return [told.get(n, later) for n in range(len(messages))]

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request | None:  # noqa: ARG002  # of the protocol
        """Return the question to the Email Activity; None without the add-on."""
        if not self.can_be_asked or re.search(r"[\"'\\]", message.message_id):
            return None
        query = f"unique_args['{MESSAGE_ID}']=\"{message.message_id}\""
        return self._request("GET", "/v3/messages?" + urlencode({"limit": 1, "query": query}))

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:  # noqa: ARG002  # of the protocol
        """Return what the Email Activity knows. What it does not have may still be on its way there: Unknown."""
        if answer.status != 200:
            return Unknown(reason=f"the Email Activity answered {answer.status}")
        known = decoded(answer.body, _Activities)
        if known is None or not known.messages:
            return Unknown(reason="the Email Activity does not have it")
        one = known.messages[0]
        return Accepted(provider_id=request_id(one.msg_id), stage=_STAGES.get(one.status, "queued"))

    def _request(self, method: str, path: str, body: bytes = b"") -> Request:
        headers = {"Authorization": f"Bearer {revealed(self.key)}", "Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if body else {}
        return Request(method=method, url=self.url.rstrip("/") + path, headers=headers, body=body)


def request_id(sg_message_id: str) -> str:
    """Return the X-Message-Id that a request was answered with, out of the longer id that events have."""
    return re.split(r"\.(?=filter|recvd)", sg_message_id, maxsplit=1)[0]


def _mail(messages: Sequence[Outgoing], group: Together) -> dict[str, object]:
    first = messages[0]
    contents = (("text/plain", group.text), ("text/html", group.html))
    shared = dict(set.intersection(*(set(message.tags.items()) for message in messages)))
    categories = [f"{name}:{shared[name]}"[:255] for name in sorted(shared)][:10]
    answers = reply_to(first)
    return {
        "personalizations": [_person(m, values) for m, values in zip(messages, group.values, strict=True)],
        "from": _address(first.sender),
        "content": [{"type": kind, "value": value} for kind, value in contents if value],
        # Otherwise an account's own setting puts a second way to leave into the mail, and SendGrid's header over ours.
        "tracking_settings": {"subscription_tracking": {"enable": False}},
        **({"reply_to": _address(answers)} if answers else {}),
        **({"categories": categories} if categories else {}),
    }


def _person(message: Outgoing, values: Mapping[str, str]) -> dict[str, object]:
    headers = {name: value for name, value in message.headers.items() if name.lower() != "reply-to"}
    tags = {f"regulars_{name}": value for name, value in message.tags.items()}
    return {
        "to": [_address(message.to)],
        "custom_args": {**tags, MESSAGE_ID: message.message_id},
        **({"subject": message.subject} if message.subject else {}),
        **({"headers": headers} if headers else {}),
        **({"substitutions": values} if values else {}),
    }


def _address(written: str) -> dict[str, str]:
    """Return `Ann <ann@example.com>` as SendGrid wants it."""
    name, address = parseaddr(written)
    return {"email": address or written, **({"name": name} if name else {})}


def _told(answer: Answer, count: int) -> list[Outcome]:
    """Return what an answer means for each of the messages that were in the request."""
    match answer.status:
        case 202:
            return [Accepted(provider_id=answer.headers.get("x-message-id", ""))] * count
        case 400:
            return _refusals(_faults(answer), count)
        case 413:
            return [Refused(code="413", reason="the message is too large")] * count
        case 429:
            return [Deferred(reason="too many requests", after=_asked_wait(answer))] * count
        case status if 400 <= status < 500 and status != 408:
            reason = "; ".join(unaddressed(fault.message) for fault in _faults(answer)) or "SendGrid gave no reason"
            return [Refused(code=str(status), reason=reason, scope="account")] * count
        case status:
            return [Unknown(reason=f"SendGrid answered {status}")] * count


def _refusals(faults: Sequence[_Fault], count: int) -> list[Outcome]:
    """Return who a 400 is about: one message, and the others may go without it; or what all have in common."""
    whose: dict[int, _Fault] = {}
    for fault in faults:
        found = _WHOSE.match(fault.field or "")
        if found and int(found[1]) < count:
            whose.setdefault(int(found[1]), fault)
    if whose:
        waiting = Deferred(reason="another message of the request was refused")
        return [_refused(whose[n]) if n in whose else waiting for n in range(count)]
    fault = faults[0] if faults else _Fault(message="SendGrid gave no reason")
    return [_refused(fault)] * count


def _refused(fault: _Fault) -> Refused:
    where = fault.field or ""
    code = re.sub(r"[.\[]\d+\]?", "", where) or "400"
    if where.split(".")[0] == "from":
        return Refused(code=code, reason=unaddressed(fault.message), scope="account")
    is_address = _WHOSE.match(where) is not None and ".to" in where
    return Refused(code=code, reason=unaddressed(fault.message), scope="address" if is_address else "message")


def _faults(answer: Answer) -> list[_Fault]:
    said = decoded(answer.body, _Faults)
    return [] if said is None else said.errors


def _asked_wait(answer: Answer) -> timedelta | None:
    asked = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(asked)) if asked.isdigit() else None
