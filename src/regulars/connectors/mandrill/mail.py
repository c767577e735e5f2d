"""Mailchimp Transactional's messages: one to a request, and what an answer means.

Source: https://mailchimp.com/developer/transactional/api/messages/. There is no idempotency key; our message id goes
along as metadata, by which a message whose answer was lost is found among those to its address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr

import msgspec

from regulars.connectors.decoded import decoded
from regulars.connectors.secret import Secret, revealed
from regulars.destinations.sender import (
    Accepted,
    Answer,
    Deferred,
    Limits,
    Outcome,
    Outgoing,
    Refused,
    Request,
    Scope,
    Stage,
    Unknown,
)
from regulars.destinations.unaddressed import unaddressed

URL = "https://mandrillapp.com/api/1.4"
MESSAGE_ID = "regulars_message_id"
"""The metadata that holds our id; a message's tags go beside it as `regulars_<name>`."""

STATES: Mapping[str, Stage] = {
    "queued": "queued", "scheduled": "queued", "sent": "sent", "deferred": "undelivered", "soft-bounced": "undelivered",
    "bounced": "bounced", "rejected": "failed", "spam": "complained", "unsub": "unsubscribed",
}
"""Where a message is, in Mandrill's word -> in ours."""

_REJECTED: Mapping[str, Scope] = {
    "hard-bounce": "address", "spam": "address", "unsub": "address", "custom": "address", "invalid": "address",
    "invalid-sender": "account", "unsigned": "account", "test-mode-limit": "account",
}
_OF_ACCOUNT = {"Invalid_Key", "PaymentRequired", "Unknown_Subaccount"}


class _Result(msgspec.Struct):
    status: str
    id: str = msgspec.field(default="", name="_id")
    reject_reason: str | None = None


class _Fault(msgspec.Struct):
    name: str = ""
    message: str = ""


class _Found(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    state: str = ""
    metadata: dict[str, object] | list[object] | None = None     # PHP writes an empty object as a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandrill:
    """Mailchimp Transactional as one account speaks with it."""

    key: str | Secret = field(repr=False)
    url: str = URL

    @property
    def name(self) -> str:
        """Return `mandrill`."""
        return "mandrill"

    @property
    def limits(self) -> Limits:
        """Return how it wants to be spoken to."""
        return Limits(per_second=20, at_once=10, timeout=timedelta(seconds=60))

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands over one message."""
        (message,) = messages
        name, address = parseaddr(message.sender)
        mail: dict[str, object] = {
            "from_email": address, "subject": message.subject, "headers": dict(message.headers),
            "to": [{"email": parseaddr(message.to)[1] or message.to, "type": "to"}],
            "metadata": {**{f"regulars_{key}": value for key, value in message.tags.items()},
                         MESSAGE_ID: message.message_id},
            "tags": [f"{key}:{message.tags[key]}"[:50] for key in sorted(message.tags)],
            # A mail is whole when it comes here: nothing that looks like a merge tag is one.
            "merge": False, "auto_text": False, "auto_html": False, "preserve_recipients": False,
        }
        mail |= {"from_name": name} if name else {}
        mail |= {"text": message.text} if message.text else {}
        mail |= {"html": message.html} if message.html else {}
        return self._request("messages/send", {"message": mail, "async": False})

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what became of the one message."""
        return [_outcome(answer)] * len(messages)

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request | None:
        """Return the search for the messages of those days to that address."""
        first, last = (attempted_at + timedelta(days=days) for days in (-1, 1))
        return self._request("messages/search", {
            "query": f"full_email:{parseaddr(message.to)[1] or message.to}", "limit": 1000,
            "date_from": first.date().isoformat(), "date_to": last.date().isoformat(),
        })

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:  # noqa: ARG002  # of the protocol
        """Return what the search says. What is not found may still be on its way into the index: Unknown."""
        if answer.status != 200:
            return Unknown(reason=f"the search answered {answer.status}")
        for one in decoded(answer.body, list[_Found]) or []:
            if isinstance(one.metadata, dict) and one.metadata.get(MESSAGE_ID) == message.message_id:
                return Accepted(provider_id=one.id, stage=STATES.get(one.state, "queued"))
        return Unknown(reason="the search does not find it")

    def _request(self, path: str, body: Mapping[str, object]) -> Request:
        return Request(
            method="POST", url=f"{self.url.rstrip('/')}/{path}", headers={"Content-Type": "application/json"},
            body=msgspec.json.encode({"key": revealed(self.key), **body}),
        )


def _outcome(answer: Answer) -> Outcome:
    if answer.status == 200:
        results = decoded(answer.body, list[_Result])
        return _of_result(results[0]) if results else Unknown(reason="the answer cannot be read")
    if answer.status == 429:
        asked = answer.headers.get("retry-after", "")
        return Deferred(reason="too many requests", after=timedelta(seconds=int(asked)) if asked.isdigit() else None)
    return _of_fault(answer.status, decoded(answer.body, _Fault) or _Fault())


def _of_result(result: _Result) -> Outcome:
    if result.status in {"rejected", "invalid"}:
        code = result.reject_reason or result.status
        reason = f"Mandrill keeps back what goes there: {code}"
        return Refused(code=code, reason=reason, scope=_REJECTED.get(code, "message"))
    return Accepted(provider_id=result.id, stage=STATES.get(result.status, "queued"))


def _of_fault(status: int, fault: _Fault) -> Outcome:
    """Return what an error means: it goes by its name, as many of them come with status 500."""
    reason = unaddressed(fault.message) or f"Mandrill answered {status}"
    if fault.name in _OF_ACCOUNT or status in {401, 402, 403, 404}:
        return Refused(code=fault.name or str(status), reason=reason, scope="account")
    if fault.name == "ValidationError" or 400 <= status < 500:
        return Refused(code=fault.name or str(status), reason=reason)
    return Unknown(reason=f"Mandrill answered {status}")
