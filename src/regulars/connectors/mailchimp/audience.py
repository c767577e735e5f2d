"""People and their tags in a Mailchimp audience: what is asked for each change, and what an answer means.

Source: https://mailchimp.com/developer/marketing/api/list-members/. Everything here may be done twice: a person is put
by the MD5 of the address, a tag is set or not. So an answer that was lost is Deferred, and the change goes again.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

import msgspec

from regulars.connectors.decoded import decoded
from regulars.destinations.sender import Accepted, Answer, Deferred, Limits, Outcome, Refused, Request
from regulars.destinations.unaddressed import unaddressed

Status = Literal["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]

# What Mailchimp calls an address that it will not write to again, whoever asks.
_LASTING = {"Member In Compliance State", "Forgotten Email Not Subscribed"}


class _Problem(msgspec.Struct):
    """An error as Mailchimp writes it (RFC 7807)."""

    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in an audience."""

    email: str
    status_if_new: Status                    # `subscribed` only for who agreed; `transactional`: known, not written to
    status: Status | None = None             # of who is there already; None: as it is
    fields: Mapping[str, str] = field(default_factory=dict)      # merge tag -> value: FNAME, LNAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One audience (list) of one account.

    Args:
        key: The account's API key.
        server: Its end, behind the dash: `us21`.
        list_id: The audience's id.
        url: Somewhere else than Mailchimp: a sandbox.

    """

    key: str = field(repr=False)
    server: str
    list_id: str
    url: str = ""

    @property
    def name(self) -> str:
        """Return `mailchimp`."""
        return "mailchimp"

    @property
    def limits(self) -> Limits:
        """Return how Mailchimp wants to be spoken to."""
        return Limits(per_second=10, at_once=10, timeout=timedelta(seconds=120))

    def put(self, person: Person) -> Request:
        """Return the request that makes somebody a member, or corrects who is one. Tags are not touched."""
        body: dict[str, object] = {"email_address": person.email, "status_if_new": person.status_if_new}
        body |= {"status": person.status} if person.status is not None else {}
        body |= {"merge_fields": dict(person.fields)} if person.fields else {}
        # An audience may demand fields that nobody gave us; without this the person would be refused for it.
        return self._request("PUT", f"{member_path(self.list_id, person.email)}?skip_merge_validation=true", body)

    def tag(
        self, email: str, *, add: Iterable[str] = (), remove: Iterable[str] = (), starts_flows: bool = True
    ) -> Request:
        """Return the request that gives and takes a member's tags, and leaves all others as they are.

        A tag in both stays. `starts_flows=False` keeps Mailchimp's automations quiet, for what is old news.
        """
        added = frozenset(add)
        tags = [{"name": tag, "status": "active"} for tag in sorted(added)]
        tags += [{"name": tag, "status": "inactive"} for tag in sorted(frozenset(remove) - added)]
        body: dict[str, object] = {"tags": tags, **({} if starts_flows else {"is_syncing": True})}
        return self._request("POST", f"{member_path(self.list_id, email)}/tags", body)

    def batch(self, body: bytes) -> Request:
        """Return the request that hands over many changes at once; `batch.together` writes its body."""
        return Request(method="POST", url=f"{self.root}/batches", headers=self._headers(), body=body)

    def batch_inquiry(self, batch_id: str) -> Request:
        """Return the question how far a batch is."""
        return Request(method="GET", url=f"{self.root}/batches/{quote(batch_id, safe='')}", headers=self._headers())

    @property
    def root(self) -> str:
        """Return what all paths are below."""
        return (self.url or f"https://{self.server}.api.mailchimp.com/3.0").rstrip("/")

    def _request(self, method: str, path: str, body: Mapping[str, object]) -> Request:
        return Request(
            method=method, url=f"{self.root}/{path}", headers=self._headers(), body=msgspec.json.encode(body)
        )

    def _headers(self) -> Mapping[str, str]:
        known = b64encode(f"regulars:{self.key}".encode()).decode()
        return {"Authorization": f"Basic {known}", "Content-Type": "application/json", "Accept": "application/json"}


def member_path(list_id: str, email: str) -> str:
    """Return where a member is: by the MD5 of the address in lower case, which Mailchimp knows people by."""
    digest = hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()
    return f"lists/{quote(list_id, safe='')}/members/{digest}"


def outcome(answer: Answer) -> Outcome:
    """Return what became of a change."""
    if answer.status in {200, 204}:
        made = decoded(answer.body, dict[str, object]) or {}
        return Accepted(provider_id=str(made.get("id", "")), stage="sent")
    problem = decoded(answer.body, _Problem)
    if answer.status == 429 or answer.status >= 500 or answer.status == 408:
        return Deferred(reason=f"Mailchimp answered {answer.status}")
    if answer.status == 403 and problem is None:
        return Deferred(reason="Mailchimp answered 403 without a reason: too many at once")
    title, detail = (problem.title, problem.detail) if problem else ("", "")
    reason = unaddressed(": ".join(part for part in (title, detail) if part)) or "Mailchimp gave no reason"
    if answer.status in {401, 403}:
        return Refused(code=str(answer.status), reason=reason, scope="account")
    return Refused(code=title or str(answer.status), reason=reason, scope="address" if title in _LASTING else "message")
