"""How Quo (formerly OpenPhone) is told of text messages: https://www.quo.com/docs, version 1 of its API.

It has no idempotency key. A text whose answer was lost is asked for among what went to that person in those minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec

from regulars.connectors.carrier import refused
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
    Scope,
    Stage,
    Unknown,
)
from regulars.sources.declared import resolve_environment
from regulars.sources.source import Surroundings

NAME = "quo"
URL = "https://api.quo.com/v1/"

STAGES: Mapping[str, Stage] = {
    "queued": "queued", "sent": "sent", "delivered": "delivered", "undelivered": "undelivered", "failed": "failed",
}
"""Quo's word for where a text is -> ours."""

_ACCOUNT: Mapping[int, str] = {
    401: "the key is not taken",
    402: "the prepaid credits do not suffice",
    403: "the key may not send from that number",
    404: "there is no such number to send from",
}
_NOT_REGISTERED = "0206400"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quo:
    """Quo's dialect, for one key."""

    key: str = field(repr=False)             # goes as it is: no `Bearer`; may still be `${NAME}`
    number_id: str                           # Quo's id of the number that we send from: PN…
    at: Surroundings
    limits: Limits
    url: str = URL
    user_id: str | None = None               # US…: who it is from; None: the number's owner
    is_done: bool = False                    # whether conversations leave the inbox when we write
    settled: timedelta = SETTLED             # see `inquiry.sought`

    @property
    def name(self) -> str:
        """Return the connector's name."""
        return NAME

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands over one text. Raises SourceRefused when the key is not set."""
        (message,) = messages
        # By the number's id, so that what is sent and what is asked for can never be two numbers.
        body: dict[str, object] = {"content": message.text, "from": self._number_id, "to": [message.to]}
        body |= {} if self.user_id is None else {"userId": self.user_id}
        body |= {"setInboxStatus": "done"} if self.is_done else {}
        headers = {**self._headers, "content-type": "application/json"}
        return Request(method="POST", url=f"{self._url}messages", headers=headers, body=msgspec.json.encode(body))

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what became of the one text."""
        return [_outcome(answer) for _ in messages]

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request:
        """Return the request for what went to that person in those minutes."""
        first, end = window(attempted_at)
        query = urlencode({
            "phoneNumberId": self._number_id, "participants": message.to, "createdAfter": _iso(first),
            "createdBefore": _iso(end), "maxResults": 100,
        })
        return Request(method="GET", url=f"{self._url}messages?{query}", headers=self._headers)

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:
        """Return what the list means; see `inquiry.sought`."""
        page = json_of(answer)
        if answer.status != 200 or not isinstance(page.get("data"), list):
            return Unknown(reason=f"asked for it, and Quo answered {answer.status}")
        listed = [
            Listed(provider_id=str(item["id"]), text=str(item.get("text") or ""), at=at, stage=_stage(item))
            for item in objects(page["data"])
            if item.get("direction") == "outgoing" and "id" in item and (at := moment(item.get("createdAt")))
        ]
        is_whole = not page.get("nextPageToken")       # `totalItems` is no help: it is not reliable
        return sought(
            message.text, listed, answer=answer, attempted_at=attempted_at, is_whole=is_whole, settled=self.settled
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": self._told(self.key), "accept": "application/json"}

    @property
    def _url(self) -> str:
        return self._told(self.url)

    @property
    def _number_id(self) -> str:
        return self._told(self.number_id)

    def _told(self, value: str) -> str:
        return str(resolve_environment(value, self.at, source=NAME))


def _outcome(answer: Answer) -> Outcome:
    said = json_of(answer)
    if 200 <= answer.status < 300:
        data = said.get("data")
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            return Accepted(provider_id=data["id"], stage=_stage(data))
        return Unknown(reason="Quo took something and did not say what")
    if answer.status == 429:
        return not_now(answer, "more than 10 requests a second")
    if answer.status == 503 and "retry-after" in answer.headers:
        return not_now(answer, "Quo is not available")
    if answer.status >= 500 or answer.status in {408, 409}:
        return Unknown(reason=f"Quo answered {answer.status}: it may have sent it before it failed")
    return _refusal(answer.status, said)


def _refusal(status: int, said: Mapping[str, object]) -> Refused:
    code = str(said.get("code") or status)
    if code == _NOT_REGISTERED:
        return refused("30034", "")
    if status in _ACCOUNT:
        return Refused(code=code, reason=_ACCOUNT[status], scope="account")
    if status < 400:
        return Refused(code=code, reason="that is not Quo's address: check `url`", scope="account")
    return refused(code, f"{said.get('title') or 'refused'}: {said.get('message') or ''}", scope=_blamed(said))


def _blamed(said: Mapping[str, object]) -> Scope:
    """Return what a refused request is about, by the member that Quo names: `/to/0`, `/from`, `/content`."""
    named = " ".join(str(error.get("path") or error.get("key")) for error in objects(said.get("errors")))
    parts = {part for path in named.split() for part in path.replace(".", "/").split("/")}
    if "to" in parts:
        return "address"
    return "account" if parts & {"from", "phoneNumberId", "userId"} else "message"


def _stage(item: Mapping[str, object]) -> Stage:
    return STAGES.get(str(item.get("status")), "queued")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
