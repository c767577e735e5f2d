"""The moment of sending: each message of a batch is permitted again, filled in and given its seats, or stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.filled import Words
from regulars.campaigns.link import Door, Leaving, ShortLink, shortened, tracked, tracked_text, unsubscribe_url
from regulars.campaigns.pace import Cap, free_again, free_before, seats
from regulars.campaigns.pace import Message as Contact
from regulars.campaigns.pace import Subject as SubjectKind
from regulars.campaigns.template import Message, Unfilled
from regulars.consent.permission import Permission, Person, may_contact
from regulars.consent.place import place_of
from regulars.consent.quiet_hours import Window, business_hours, quiet_windows
from regulars.consent.suppression import address_hash
from regulars.destinations.destination import Destination
from regulars.destinations.sender import Outgoing
from regulars.pipeline.campaign import destination_of, words
from regulars.pipeline.leaving import door_of, one_click
from regulars.pipeline.salt import salt_of
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.messages import Claimed, Doubtful, Settled

_NONE: Mapping[str, str] = MappingProxyType({})
_AREA = len("+1254")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A message that may go now, whole."""

    claimed: Claimed
    outgoing: Outgoing
    address_hash: str
    links: tuple[ShortLink, ...] = ()        # short ones in its text, to be kept before it goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What every message of one occurrence is held against."""

    book: Book
    project: Project
    campaign: Campaign
    one: Occurrence
    destination: Destination
    words: Words
    salt: bytes
    door: Door | None                        # where links lead; None: there are none

    @classmethod
    def open(cls, project: Project, book: Book, campaign: Campaign, one: Occurrence, *, at: datetime) -> Self:
        """Return the gate of an occurrence. Raises DeclarationError for words that cannot be filled in."""
        way = destination_of(project, campaign)
        return cls(
            book=book, project=project, campaign=campaign, one=one, destination=way, words=words(project, campaign),
            salt=salt_of(book, at=at), door=door_of(book, way.links, at=at) if way.links else None,
        )

    def checked(self, claimed: Sequence[Claimed], *, at: datetime) -> tuple[list[Ready], list[Settled]]:
        """Return the messages that go, with their seats taken, and what becomes of the others."""
        channel = self.campaign.channel
        hashes = {one.customer_id: address_hash(one.address, channel=channel, salt=self.salt) for one in claimed}
        on_record = self.book.consent.of_all(sorted(set(hashes.values())))
        ready, settled = [], []
        for one in claimed:
            if one.expires_at is not None and at >= one.expires_at:
                settled.append(_skipped(one, f"too late: it was to go before {one.expires_at:%Y-%m-%d %H:%M} UTC"))
                continue
            hashed = hashes[one.customer_id]
            said = on_record[hashed]
            person = Person(
                address_hash=hashed, entries=said.entries, suppressions=said.suppressions, windows=self._windows(one)
            )
            permission = may_contact(person, channel, purpose=self.campaign.purpose, at=at)
            if not permission.allowed:
                settled.append(self._held(one, permission, at))
                continue
            message = self._filled(one)
            if isinstance(message, Unfilled):
                settled.append(_skipped(one, message.reason))
            else:
                outgoing, links = self._outgoing(one, message)
                ready.append(Ready(claimed=one, outgoing=outgoing, address_hash=hashed, links=links))
        going, settled = self._seated(ready, settled, at)
        self.book.links.add(link for one in going for link in one.links)
        return going, settled

    def outgoing_again(self, doubtful: Doubtful) -> Outgoing:
        """Return a message as it left, to ask the provider for it."""
        one, attempt = doubtful.message, doubtful.attempt
        return Outgoing(
            message_id=one.message_id, channel=self.campaign.channel, to=one.address, sender=attempt.sender,
            text=attempt.text or "", tags=self._tags(one),
        )

    def _held(self, one: Claimed, permission: Permission, at: datetime) -> Settled:
        """A message that may go later is put off; one that may not, or not before it is too late, is skipped."""
        if permission.until is None:
            return _skipped(one, permission.reason)
        expires = one.expires_at
        if expires is None and self.campaign.expires is not None:
            expires = self.one.starts_at + self.campaign.expires
        if expires is not None and permission.until > expires:
            return _skipped(one, f"too late: {permission.reason} until {permission.until:%Y-%m-%d %H:%M} UTC")
        return Settled(
            customer_id=one.customer_id, n=one.attempts, state="deferred", reason=permission.reason,
            # Never at once again: the same answer would come.
            due_at=max(permission.until, at + timedelta(seconds=1)),
        )

    def _windows(self, one: Claimed) -> tuple[Window, ...]:
        """When a message may reach somebody: the hours of the campaign, and for marketing by text those of the law."""
        business = self.project.config.business
        own = (business_hours(business.timezone, self.campaign.hours),) if self.campaign.hours else ()
        if self.campaign.channel == "email" or self.campaign.purpose == "transactional":
            return own
        # Of a number in North America only the area code speaks for a place.
        area = one.address[:_AREA].ljust(len("+12548675301"), "0") if one.address.startswith("+1") else one.address
        return own + _quiet(area, one.region, business.timezone, business.country)

    def _filled(self, one: Claimed) -> Message | Unfilled:
        url = self._leaving(one)
        return self.words.fill(one.variant, one.gaps, unsubscribe_url=url) if url else self.words.fill(
            one.variant, one.gaps
        )

    def _outgoing(self, one: Claimed, message: Message) -> tuple[Outgoing, tuple[ShortLink, ...]]:
        url, text, html = self._leaving(one), message.text, message.html
        links: tuple[ShortLink, ...] = ()
        if self.door is not None and self.campaign.channel == "sms":
            text, links = shortened(text, message=one.message_id, door=self.door)
        elif self.door is not None:
            text = tracked_text(text, message=one.message_id, door=self.door)
            html = tracked(html, message=one.message_id, door=self.door)
        return Outgoing(
            message_id=one.message_id, channel=self.campaign.channel, to=one.address, sender=self.destination.sender,
            text=text, subject=message.subject, html=html,
            headers=one_click(url) if url and self.campaign.purpose == "marketing" else _NONE, tags=self._tags(one),
        ), links

    def _leaving(self, one: Claimed) -> str:
        if self.door is None or self.campaign.channel != "email":
            return ""
        leaving = Leaving(message=one.message_id, channel=self.campaign.channel, purpose=self.campaign.purpose)
        return unsubscribe_url(leaving, door=self.door)

    def _tags(self, one: Claimed) -> dict[str, str]:
        tags = {"campaign": self.campaign.name, "occurrence": self.one.occurrence}
        return tags | {"variant": one.variant} if one.variant else tags

    def _seated(
        self, ready: list[Ready], settled: list[Settled], at: datetime
    ) -> tuple[list[Ready], list[Settled]]:
        """Take the seats under every cap; whose seats are taken waits until one is free."""
        caps = {cap.name: cap for cap in (*self.campaign.caps, *self.destination.caps)}
        if not caps or not ready:
            return ready, settled
        zone = self.project.config.business.timezone
        contacts = {one.claimed.message_id: self._contact(one) for one in ready}
        full = self.book.seats.take_all({
            message: seats(caps.values(), contact, at=at, zone=zone) for message, contact in contacts.items()
        }, at=at)
        going, refused = [], dict[tuple[str, str], Permission]()
        for one in ready:
            name = full[one.claimed.message_id]
            if name is None:
                going.append(one)
                continue
            # Of a batch that a sender's limit stops, all are stopped by the same seat: it is looked up once.
            subject = contacts[one.claimed.message_id].subjects[caps[name].of]
            if (name, subject) not in refused:
                refused[name, subject] = self._full(caps[name], subject, at)
            settled.append(self._held(one.claimed, refused[name, subject], at))
        return going, settled

    def _full(self, cap: Cap, subject: str, at: datetime) -> Permission:
        zone = self.project.config.business.timezone
        since = self.book.seats.full_since(
            cap.name, f"{cap.of}:{subject}", limit=cap.limit, free_before=free_before(cap, at=at, zone=zone)
        )
        # Free again in the meantime: looked at once more, and soon.
        until = at + timedelta(seconds=1) if since is None else free_again(cap, since=since, at=at, zone=zone)
        return Permission(allowed=False, reason=f"{cap.name} is full", until=until)

    def _contact(self, one: Ready) -> Contact:
        subjects: dict[SubjectKind, str] = {
            "customer": one.claimed.customer_id, "address": one.address_hash, "sender": self.destination.sender,
        }
        if one.claimed.household_id is not None:
            subjects["household"] = one.claimed.household_id
        return Contact(channel=self.campaign.channel, purpose=self.campaign.purpose, subjects=subjects)


@lru_cache(maxsize=65_536)
def _quiet(phone: str, region: str | None, zone: str, country: str) -> tuple[Window, ...]:
    return quiet_windows(place_of(phone=phone, state=region, business_zone=zone, country=country))


def _skipped(one: Claimed, reason: str) -> Settled:
    return Settled(customer_id=one.customer_id, n=one.attempts, state="skipped", reason=reason)
