"""Consent of one address: what is on record, what a reply changes, and whether we may write now, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.consent.answer import Answer, answer_to
from regulars.consent.channel import CHANNELS, CONTACTS, PURPOSES, Channel, Purpose, canonical, canonical_all
from regulars.consent.keyword import Reading, read_reply
from regulars.consent.ledger import ANY, Entry, standing
from regulars.consent.permission import Permission, Person, may_contact
from regulars.consent.place import place_of
from regulars.consent.quiet_hours import Window, quiet_windows
from regulars.consent.suppression import Reason, Suppression, address_hash
from regulars.errors import NotFound, RegularsError
from regulars.pipeline.find import customer_row, find_customer
from regulars.pipeline.own import rows_of
from regulars.pipeline.salt import salt_of
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.consent import OnRecord, Review, Verdict

STARTS_LIFT: tuple[Reason, ...] = ("under review", "erased")
"""Suppressions that end when a person explicitly asks for messages; a dead number stays dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a message would go, and whose it is."""

    channel: Channel
    text: str | None                         # canonical; None: nothing reaches the customer
    hashed: str | None
    reason: str = "own"                      # as in the table contacts
    customer_id: str | None = None
    region: str | None = None                # state of their address


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is on record of one address, and what follows from it now."""

    address: Address
    on_record: OnRecord
    permissions: dict[Purpose, Permission]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A reply, how it was read, and what followed."""

    reading: Reading
    answer: Answer


def salt(workspace: Workspace) -> bytes:
    """Return the secret that addresses are hashed with; made when first asked for."""
    return salt_of(workspace.book, at=workspace.clock.now())


def address_of(workspace: Workspace, text: str, *, channel: Channel | None = None) -> Address:
    """Return the address that a text is: of the channel it fits, when none is given.

    Raises RegularsError for what is no address.
    """
    found = read_addresses(workspace, [(text, channel)])[0]
    if isinstance(found, str):
        raise RegularsError(found, hint="write ann@lee.example or +12548675301")
    return found


def read_addresses(workspace: Workspace, told: Sequence[tuple[str, Channel | None]]) -> list[Address | str]:
    """Return the address of each text, or a sentence about one that is none; of no channel: of the one it fits."""
    rules, key = workspace.project.identifier_rules, salt(workspace)
    channels = [channel or ("email" if "@" in text else "sms") for text, channel in told]
    found: list[Address | str] = [
        f"{text!r} is no {CONTACTS[channel]}" for (text, _), channel in zip(told, channels, strict=True)
    ]
    for channel in CHANNELS:
        mine = [place for place, each in enumerate(channels) if each == channel]
        texts = canonical_all([told[place][0] for place in mine], channel=channel, rules=rules)
        for place, text in zip(mine, texts, strict=True):
            if text is not None:
                hashed = address_hash(text, channel=channel, salt=key)
                found[place] = Address(channel=channel, text=text, hashed=hashed)
    return found


def addresses_of(workspace: Workspace, who: str) -> list[Address]:
    """Return how somebody is reached: an address or number itself, or the contacts of a customer (see `find_customer`).

    A minor's are a guardian's. Raises NotFound when nobody is meant.
    """
    rules = workspace.project.identifier_rules
    for channel in CHANNELS:
        if canonical(who, channel=channel, rules=rules) is not None:
            return [address_of(workspace, who, channel=channel)]
    return _of_customer(workspace, customer_row(workspace, find_customer(workspace, who)))


def _of_customer(workspace: Workspace, customer: Mapping[str, Any]) -> list[Address]:
    row = rows_of(workspace, "contacts", customer["customer_id"])[0]
    return [_reached(workspace, row, channel, customer.get("region")) for channel in CHANNELS]


def show(workspace: Workspace, who: str) -> list[Shown]:
    """Return, of each address of somebody, everything on record and whether we may write now, for each purpose."""
    return _shown(workspace, addresses_of(workspace, who))


def show_customer(workspace: Workspace, customer: Mapping[str, Any]) -> list[Shown]:
    """Return the same as `show` of a customer whose row is at hand."""
    return _shown(workspace, _of_customer(workspace, customer))


def _shown(workspace: Workspace, addresses: Sequence[Address]) -> list[Shown]:
    shown = []
    for address in addresses:
        empty = OnRecord(entries=(), suppressions=())
        on_record = empty if address.hashed is None else workspace.book.consent.of(address.hashed)
        shown.append(Shown(
            address=address, on_record=on_record,
            permissions={p: permitted(workspace, address, on_record, purpose=p) for p in PURPOSES},
        ))
    return shown


def permitted(workspace: Workspace, address: Address, on_record: OnRecord, *, purpose: Purpose) -> Permission:
    """Return whether a message may go to an address now."""
    person = Person(
        address_hash=address.hashed, address_reason=address.reason, entries=on_record.entries,
        suppressions=on_record.suppressions, windows=windows_of(workspace, address) if purpose == "marketing" else (),
    )
    return may_contact(person, address.channel, purpose=purpose, at=workspace.clock.now())


def windows_of(workspace: Workspace, address: Address) -> Sequence[Window]:
    """Return when marketing may reach an address: quiet hours are of text messages, an e-mail wakes nobody."""
    if address.channel == "email":
        return ()
    business = workspace.project.config.business
    return quiet_windows(place_of(
        phone=address.text, state=address.region, business_zone=business.timezone, country=business.country
    ))


def record(workspace: Workspace, address: Address, entry: Entry) -> bool:
    """Write one entry down; returns False when the ledger has it already."""
    assert address.hashed is not None
    assert address.text is not None
    lifted = STARTS_LIFT if entry.action == "grant" and entry.has_evidence else ()
    added = workspace.book.consent.append(
        [entry], addresses={address.hashed: address.text}, at=workspace.clock.now(), lifted=lifted
    )
    return added > 0


def hear(
    workspace: Workspace, address: Address, text: str, *, source: str, evidence: str, at: datetime,
    is_confirming: bool = False,
) -> Heard:
    """Take a reply: read it, write down what it says, and return what to answer.

    When this returns, nothing that the reply forbids is permitted any more: whoever sends asks the book.

    Args:
        workspace: Whose customer wrote.
        address: From where.
        text: As it came.
        source: By which door.
        evidence: The id of the message there; the same one twice is once.
        at: When it came.
        is_confirming: Whether we had asked whether to write.

    """
    assert address.hashed is not None
    assert address.text is not None
    book, now = workspace.book.consent, workspace.clock.now()
    # As it was before this reply: heard again after a crash, it is answered as it was then.
    entries = book.of(address.hashed).entries
    before = [entry for entry in entries if (entry.source, entry.evidence) != (source, evidence)]
    state = standing(before, channel=address.channel, purpose="marketing", at=max(at, now)).state
    reading = read_reply(text, is_confirming=is_confirming or state == "revoked")
    answer = answer_to(
        reading, text=text, address_hash=address.hashed, channel=address.channel, state=state, at=at, source=source,
        evidence=evidence, business=workspace.project.config.business.name, customer_id=address.customer_id,
    )
    if answer.entries:
        lifted = STARTS_LIFT if answer.status == "opted_in" else ()
        book.append(answer.entries, addresses={address.hashed: address.text}, at=now, lifted=lifted)
    if answer.is_suppressed:
        book.ask(Review(
            review_id=f"v_{address.hashed[:8]}_{evidence}", channel=address.channel, address_hash=address.hashed,
            address=address.text, customer_id=address.customer_id, text=text, reason=reading.reason, asked_at=at,
        ))
    return Heard(reading=reading, answer=answer)


def settle(workspace: Workspace, review_id: str, verdict: Verdict, *, by: str) -> Review:
    """Write down what a person decided of a reply that no rule could tell.

    Raises NotFound when no such reply waits.
    """
    book, now = workspace.book.consent, workspace.clock.now()
    waiting = {review.review_id: review for review in book.reviews(limit=1_000_000)}
    if review_id not in waiting:
        raise NotFound(f"no reply {review_id!r} waits", hint="regulars consent review")
    review = waiting[review_id]
    if verdict == "opt_out":
        # The opt-out first: killed in between, the reply still waits and its sender stays suppressed.
        entry = Entry(
            address_hash=review.address_hash, channel=_channel(review.channel), purpose=ANY, action="revoke",
            method="reply", at=review.asked_at, source=f"review:{by}", wording=review.text, evidence=review.review_id,
            customer_id=review.customer_id,
        )
        addresses = {} if review.address is None else {review.address_hash: review.address}
        book.append([entry], addresses=addresses, at=now)
    return book.settle(review_id, verdict, at=now, by=by)


def suppress(workspace: Workspace, addresses: Sequence[Address], *, reason: Reason, source: str) -> int:
    """Suppress addresses; returns how many were not suppressed for that reason before."""
    now = workspace.clock.now()
    return workspace.book.consent.suppress(
        Suppression(channel=one.channel, address_hash=one.hashed, reason=reason, source=source, since=now)
        for one in addresses if one.hashed is not None
    )


def _reached(workspace: Workspace, row: dict[str, Any], channel: Channel, region: str | None) -> Address:
    contact = CONTACTS[channel]
    text, reason = row[contact], row[f"{contact}_reason"]
    if text is None:
        return Address(channel=channel, text=None, hashed=None, reason=reason, customer_id=row["customer_id"])
    found = address_of(workspace, text, channel=channel)
    return Address(
        channel=channel, text=found.text, hashed=found.hashed, reason=reason, customer_id=row["customer_id"],
        region=region,
    )


def _channel(text: str) -> Channel:
    return next(channel for channel in CHANNELS if channel == text)
