"""How Twilio is told of text messages: https://www.twilio.com/docs/messaging/api/message-resource.

It has no idempotency key for messages. A text whose answer was lost is asked for among those that person got last.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from regulars.connectors.carrier import ended, refused
from regulars.connectors.inquiry import SETTLED, Listed, sought, window
from regulars.connectors.sending import json_of, moment, not_now, objects
from regulars.destinations.sender import (
    Accepted,
    Answer,
    Limits,
    Outcome,
    Outgoing,
    Refused,
    Request,
    Stage,
    Unknown,
)
from regulars.sources.declared import resolve_environment
from regulars.sources.source import Surroundings

NAME = "twilio"
URL = "https://api.twilio.com/2010-04-01/"

STAGES: Mapping[str, Stage] = {
    "accepted": "queued", "scheduled": "queued", "queued": "queued", "sending": "queued", "sent": "sent",
    "delivered": "delivered", "partially_delivered": "delivered", "read": "opened", "undelivered": "undelivered",
    "failed": "failed", "canceled": "failed",
}
"""Twilio's word for where a text is -> ours."""

_NOT_NOW: Mapping[str, str] = {
    "14107": "more requests than the account may make", "20429": "more requests than the account may make",
    "21611": "the queue of the number that sends is full",
}
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """Twilio's dialect, for one account."""

    account: str                             # AC…; like every text here it may still be `${NAME}`
    token: str = field(repr=False)           # of the account, or the secret of `key`
    at: Surroundings
    limits: Limits
    key: str | None = None                   # SK…: an API key in place of the account's own token
    service: str | None = None               # MG…: chooses the number; None: the message's own
    url: str = URL
    callback: str | None = None              # where receipts are posted
    valid: timedelta = timedelta(hours=4)    # after which a text that still waits is not sent: at most 10 hours
    settled: timedelta = SETTLED             # see `inquiry.sought`

    @property
    def name(self) -> str:
        """Return the connector's name."""
        return NAME

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands over one text. Raises SourceRefused when a key is not set."""
        (message,) = messages
        form = {"To": message.to, "Body": message.text, "ValidityPeriod": str(int(self.valid.total_seconds()))}
        form |= {"From": message.sender} if self.service is None else {"MessagingServiceSid": self._told(self.service)}
        form |= {} if self.callback is None else {"StatusCallback": self._told(self.callback)}
        headers = {**self._headers, "content-type": "application/x-www-form-urlencoded"}
        return Request(method="POST", url=self._messages, headers=headers, body=urlencode(form).encode())

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what became of the one text."""
        return [_outcome(answer) for _ in messages]

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request:  # noqa: ARG002  the list is newest first
        """Return the request for the newest texts to that person.

        Not by `DateSent`: a text that still waits in the queue has none, and would be missed.
        """
        asked = {"To": message.to, "PageSize": str(_PAGE)}
        asked |= {"From": message.sender} if self.service is None else {}
        return Request(method="GET", url=f"{self._messages}?{urlencode(asked)}", headers=self._headers)

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:
        """Return what the list means; see `inquiry.sought`."""
        page = json_of(answer)
        if answer.status != 200 or not isinstance(page.get("messages"), list):
            return Unknown(reason=f"asked for it, and Twilio answered {answer.status}")
        items = [(item, at) for item in objects(page["messages"]) if (at := moment(item.get("date_created")))]
        listed = [
            Listed(provider_id=str(item.get("sid")), text=str(item.get("body") or ""), at=at, stage=stage_of(item))
            for item, at in items if str(item.get("direction")).startswith("outbound")
        ]
        # Times have whole seconds. A page that ends before the attempt has everything since.
        reaches_back = bool(items) and min(at for _, at in items) < window(attempted_at)[0]
        is_whole = not page.get("next_page_uri") or (reaches_back and items[0][1] >= items[-1][1])
        return sought(
            message.text, listed, answer=answer, attempted_at=attempted_at, is_whole=is_whole, settled=self.settled
        )

    @property
    def _messages(self) -> str:
        return f"{self._told(self.url)}Accounts/{self._told(self.account)}/Messages.json"

    @property
    def _headers(self) -> dict[str, str]:
        pair = f"{self._told(self.account if self.key is None else self.key)}:{self._told(self.token)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "accept": "application/json"}

    def _told(self, value: str) -> str:
        return str(resolve_environment(value, self.at, source=NAME))


def stage_of(item: Mapping[str, object]) -> Stage:
    """Return where a text is that Twilio shows: as an answer, or in a list."""
    stage = STAGES.get(str(item.get("status")), "queued")
    code = str(item.get("error_code") or "")
    return ended(code, otherwise=stage) if stage in {"failed", "undelivered"} else stage


def _outcome(answer: Answer) -> Outcome:
    said = json_of(answer)
    if 200 <= answer.status < 300:
        if isinstance(said.get("sid"), str):
            return Accepted(provider_id=str(said["sid"]), stage=stage_of(said))
        return Unknown(reason="Twilio took something and did not say what")
    code = str(said.get("code") or answer.status)
    if answer.status == 429 or code in _NOT_NOW:
        return not_now(answer, _NOT_NOW.get(code, "more requests than the account may make"))
    if answer.status == 503 and "retry-after" in answer.headers:
        return not_now(answer, "Twilio is not available")
    if answer.status >= 500 or answer.status in {408, 409}:
        return Unknown(reason=f"Twilio answered {answer.status}: it may have sent it before it failed")
    return _refusal(answer.status, code, str(said.get("message") or "refused"))


def _refusal(status: int, code: str, said: str) -> Refused:
    if status < 400:
        return Refused(code=code, reason="that is not Twilio's address: check `url`", scope="account")
    is_account = status in {401, 402, 403, 404}
    return refused(code, said, scope="account" if is_account else "message")
