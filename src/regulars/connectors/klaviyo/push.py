"""Profiles, events, lists and consent into Klaviyo: what is asked for each change, and what an answer means.

Source: https://developers.klaviyo.com/en/reference/api_overview, revision 2026-07-15. Everything here may be done
twice: profiles are put by their identifiers, an event counts once per `unique_id`, profile and metric. So an answer
that was lost is Deferred, and the change goes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

import msgspec

from regulars.connectors.decoded import decoded
from regulars.destinations.sender import Accepted, Answer, Deferred, Limits, Outcome, Refused, Request
from regulars.destinations.unaddressed import unaddressed

REVISION = "2026-07-15"
"""The revision of the API that requests are written in."""

Kind = Literal["email", "sms"]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class _Source(msgspec.Struct):
    pointer: str | None = None


class _Fault(msgspec.Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    source: _Source | None = None


class _Faults(msgspec.Struct):
    errors: list[_Fault]


class _Named(msgspec.Struct):
    id: str = ""


class _Done(msgspec.Struct):
    data: _Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as Klaviyo is to know them; at least one identifier is needed."""

    external_id: str = ""                    # ours
    email: str = ""
    phone: str = ""                          # E.164
    first_name: str = ""
    last_name: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)   # only what is meant to be there

    def __post_init__(self) -> None:
        if not (self.external_id or self.email or self.phone):
            raise ValueError("Klaviyo knows people by an id, an e-mail address or a number: there is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that somebody did."""

    unique_id: str                           # ours: sent again, it counts once
    metric: str                              # its name in Klaviyo: `Checked In`
    person: Person
    at: datetime                             # aware
    value: Decimal | None = None             # money, in whole units of the currency
    currency: str = ""                       # ISO 4217, of the value
    properties: Mapping[str, object] = field(default_factory=dict)
    starts_flows: bool = True                # False: history, which is to move nobody into a flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What somebody agreed to, on one channel, and when: nobody is subscribed without."""

    kind: Kind
    address: str                             # of the channel: e-mail address, or E.164
    at: datetime                             # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Klaviyo:
    """One account.

    Args:
        key: A private key that may write profiles, events, lists and subscriptions.
        url: Somewhere else than Klaviyo: a sandbox.

    """

    key: str = field(repr=False)
    url: str = "https://a.klaviyo.com"

    @property
    def name(self) -> str:
        """Return `klaviyo`."""
        return "klaviyo"

    @property
    def limits(self) -> Limits:
        """Return how Klaviyo wants to be spoken to; its strictest steady rate here is that of lists and bulk jobs."""
        return Limits(per_second=2.5, at_once=5)

    def put(self, person: Person) -> Request:
        """Return the request that creates a profile or corrects it. What is not said stays; at most 75 a second."""
        return self._post("profile-import", _profile(person))

    def put_all(self, people: Sequence[Person], *, list_id: str = "") -> Request:
        """Return the request that puts up to 10,000 people, and onto a list if one is named; done within minutes."""
        _at_most(10_000, people)
        lists = {"relationships": {"lists": {"data": [{"type": "list", "id": list_id}]}}} if list_id else {}
        attributes = {"profiles": {"data": [_profile(one) for one in people]}}
        return self._post("profile-bulk-import-jobs", _made("profile-bulk-import-job", attributes, lists))

    def tell(self, event: Event) -> Request:
        """Return the request that tells an event; at most 350 a second."""
        attributes: dict[str, object] = {
            "unique_id": event.unique_id, "time": _written(event.at), "properties": dict(event.properties),
            "metric": {"data": {"type": "metric", "attributes": {"name": event.metric}}},
            "profile": {"data": _profile(event.person)},
        }
        attributes |= {"value": event.value} if event.value is not None else {}
        attributes |= {"value_currency": event.currency} if event.currency else {}
        attributes |= {} if event.starts_flows else {"backfill": True}
        return self._post("events", _made("event", attributes))

    def add(self, profile_ids: Sequence[str], *, list_id: str) -> Request:
        """Return the request that puts up to 1,000 profiles onto a list. Consent is not touched."""
        return self._members("POST", profile_ids, list_id)

    def remove(self, profile_ids: Sequence[str], *, list_id: str) -> Request:
        """Return the request that takes up to 1,000 profiles off a list. Consent is not touched."""
        return self._members("DELETE", profile_ids, list_id)

    def subscribe(self, agreements: Sequence[Agreement], *, list_id: str, where: str) -> Request:
        """Return the request that writes down who agreed, up to 1,000, with the moment of each.

        It lifts what Klaviyo itself had suppressed for them: send only agreements that are newer than any no.

        Args:
            agreements: Whose, on which channel.
            list_id: The list they come onto.
            where: How it was given: kept with the consent.

        """
        _at_most(1_000, agreements)
        attributes = {
            "custom_source": where, "historical_import": True,
            "profiles": {"data": [_agreed(one) for one in agreements]},
        }
        relation = {"relationships": {"list": {"data": {"type": "list", "id": list_id}}}}
        made = _made("profile-subscription-bulk-create-job", attributes, relation)
        return self._post("profile-subscription-bulk-create-jobs", made)

    def unsubscribe(self, addresses: Sequence[tuple[Kind, str]]) -> Request:
        """Return the request that ends marketing to up to 100 addresses, everywhere in the account."""
        _at_most(100, addresses)
        people = [_on_channel(kind, address, {"consent": "UNSUBSCRIBED"}) for kind, address in addresses]
        attributes = {"profiles": {"data": people}}
        made = _made("profile-subscription-bulk-delete-job", attributes)
        return self._post("profile-subscription-bulk-delete-jobs", made)

    def _members(self, method: str, profile_ids: Sequence[str], list_id: str) -> Request:
        _at_most(1_000, profile_ids)
        people = [{"type": "profile", "id": one} for one in profile_ids]
        return self._request(method, f"lists/{quote(list_id, safe='')}/relationships/profiles", people)

    def _post(self, path: str, data: object) -> Request:
        return self._request("POST", path, data)

    def _request(self, method: str, path: str, data: object) -> Request:
        headers = {
            "Authorization": f"Klaviyo-API-Key {self.key}", "revision": REVISION,
            "Content-Type": "application/vnd.api+json", "Accept": "application/vnd.api+json",
        }
        url = f"{self.url.rstrip('/')}/api/{path}"
        return Request(method=method, url=url, headers=headers, body=_ENCODER.encode({"data": data}))


def outcome(answer: Answer) -> Outcome:
    """Return what became of a change."""
    if 200 <= answer.status < 300:
        made = decoded(answer.body, _Done)
        id = "" if made is None else made.data.id  # noqa: A001  # that is what it is
        return Accepted(provider_id=id, stage="queued" if answer.status == 202 else "sent")
    if answer.status in {408, 429} or answer.status >= 500:
        asked = answer.headers.get("retry-after", "")
        after = timedelta(seconds=int(asked)) if asked.isdigit() else None
        return Deferred(reason=f"Klaviyo answered {answer.status}", after=after)
    said = decoded(answer.body, _Faults)
    faults = [] if said is None else said.errors
    reason = unaddressed("; ".join(fault.detail or fault.title for fault in faults)) or "Klaviyo gave no reason"
    code = (faults[0].code if faults else "") or str(answer.status)
    if answer.status in {401, 403}:
        return Refused(code=code, reason=reason, scope="account")
    is_address = any(_is_of_address(fault) for fault in faults)
    return Refused(code=code, reason=reason, scope="address" if is_address else "message")


def _is_of_address(fault: _Fault) -> bool:
    where = fault.source.pointer if fault.source is not None else None
    return where is not None and where.endswith(("/email", "/phone_number"))


def _made(kind: str, attributes: Mapping[str, object], rest: Mapping[str, object] | None = None) -> dict[str, object]:
    return {"type": kind, "attributes": attributes, **(rest or {})}


def _profile(person: Person) -> dict[str, object]:
    said = {
        "external_id": person.external_id, "email": person.email, "phone_number": person.phone,
        "first_name": person.first_name, "last_name": person.last_name,
    }
    # What is empty is left out: null would clear what somebody else wrote there.
    attributes: dict[str, object] = {name: value for name, value in said.items() if value}
    attributes |= {"properties": dict(person.properties)} if person.properties else {}
    return _made("profile", attributes)


def _agreed(agreement: Agreement) -> dict[str, object]:
    consent = {"consent": "SUBSCRIBED", "consented_at": _written(agreement.at)}
    return _on_channel(agreement.kind, agreement.address, consent)


def _on_channel(kind: Kind, address: str, consent: Mapping[str, str]) -> dict[str, object]:
    name = "email" if kind == "email" else "phone_number"
    return _made("profile", {name: address, "subscriptions": {kind: {"marketing": consent}}})


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _at_most(largest: int, items: Sequence[object]) -> None:
    if len(items) > largest:
        raise ValueError(f"Klaviyo takes {largest} at once, not {len(items)}")
