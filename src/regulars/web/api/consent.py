"""Consent: what somebody said about being written to, written down; and who is left alone whatever it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from regulars.consent.channel import Channel, Purpose
from regulars.consent.ledger import Action, Entry, Method
from regulars.consent.suppression import Reason
from regulars.pipeline.consent import Address, read_addresses, record, settle, suppress
from regulars.storage.book.consent import Review, Verdict
from regulars.web.api.customers import Some
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.problem import RequestMeaningless
from regulars.web.api.route import ApiRoute, Ask, Change, Page
from regulars.web.mask import mask, mask_within

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Told = Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
Reached = Annotated[str, msgspec.Meta(min_length=1, max_length=320, examples=["ann@lee.example", "+12548675301"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """What somebody said of one channel and purpose; a grant without evidence is kept, and permits nothing."""

    address: Reached                         # e-mail address or number
    action: Action
    channel: Channel | None = None           # null: the one the address fits
    purpose: Purpose | Literal["any"] = "marketing"   # any: of a revocation
    method: Method = "staff"                 # how it was said
    source: Told = "api"                     # where it was said: `web:/join`
    wording: Text = ""                       # exactly what they were shown, or wrote
    evidence: Text | None = None             # what proves it: the id of a message or a form
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None     # null: now


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLine:
    """The entry as it stands in the ledger."""

    entry_id: str
    channel: str
    purpose: str
    action: str
    at: datetime
    is_new: bool                             # false: the ledger had it already


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuppressions:
    """Who is left alone, and why; only salted hashes of the addresses are kept."""

    addresses: Annotated[list[Reached], msgspec.Meta(min_length=1, max_length=1000)]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """What came of it."""

    suppressed: int                          # that were not for this reason before
    rejected: list[int]                      # places, from 0, of what is no address


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewLine:
    """A reply that no rule could tell; its sender is left alone until a person has read it."""

    review_id: str
    channel: str
    address: str | None                      # its middle is hidden, in the text too
    customer_id: str | None
    text: str
    reason: str                              # why no rule could tell
    asked_at: datetime
    verdict: Verdict | None                  # null: open
    settled_at: datetime | None
    settled_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVerdict:
    """Whether a reply was an opt-out."""

    verdict: Verdict


def reviews(ask: Ask) -> Page[ReviewLine]:
    """Return the replies that wait for a person, the oldest first."""
    query: Some = ask.query
    found = ask.workspace.book.consent.reviews(
        limit=query.limit + 1, after=place_in(query.cursor, tuple[datetime, str])
    )
    return page_of(
        [{"it": one} for one in found], limit=query.limit, row=lambda row: review_line(row["it"]),
        place=lambda row: (row["it"].asked_at, row["it"].review_id),
    )


def settled(ask: Ask) -> Change:
    """Decide about one."""
    review_id, said = ask.path["review_id"], ask.body
    after = settle(ask.workspace, review_id, said.verdict, by=f"key:{ask.key.name}")
    return Change(
        what=f"consent.{said.verdict}", subject=review_id, before=None, after=after, answer=review_line(after)
    )


def review_line(one: Review) -> ReviewLine:
    """Return a reply that waits as it is shown."""
    same = {name: getattr(one, name) for name in ReviewLine.__slots__ if name not in {"address", "text"}}
    return ReviewLine(address=mask(one.address), text=mask_within(one.text), **same)


def consent(ask: Ask) -> Change:
    """Write down what somebody said."""
    said: NewConsent = ask.body
    now = ask.workspace.clock.now()
    if said.at is not None and said.at > now:
        raise RequestMeaningless("nobody has said yet what they say later", hint="leave `at` out: now")
    (address,) = read_addresses(ask.workspace, [(said.address, said.channel)])
    if isinstance(address, str):
        # It is not said again: it may be an address that was mistyped.
        raise RequestMeaningless("this is no address of the channel", hint="write ann@lee.example or +12548675301")
    try:
        entry = Entry(
            address_hash=address.hashed or "", channel=address.channel, purpose=said.purpose, action=said.action,
            method=said.method, at=said.at or now, source=said.source, wording=said.wording, evidence=said.evidence,
        )
    except ValueError as error:
        raise RequestMeaningless(str(error)) from error
    is_new = record(ask.workspace, address, entry)
    return Change(
        what="consent.add", subject=entry.entry_id, before=None, after=entry, answer=ConsentLine(
            entry_id=entry.entry_id, channel=entry.channel, purpose=entry.purpose, action=entry.action, at=entry.at,
            is_new=is_new,
        ),
    )


def suppression(ask: Ask) -> Change:
    """Leave addresses alone from now on."""
    said: NewSuppressions = ask.body
    read = read_addresses(ask.workspace, [(text, None) for text in said.addresses])
    good = [one for one in read if isinstance(one, Address)]
    added = suppress(ask.workspace, good, reason=said.reason, source=f"key:{ask.key.name}")
    return Change(
        what="consent.suppress", subject=said.reason, before=None, after=sorted(str(one.hashed) for one in good),
        answer=Suppressed(
            suppressed=added, rejected=[place for place, one in enumerate(read) if isinstance(one, str)]
        ),
    )


ROUTES = (
    ApiRoute(
        name="addConsent", path="/consent", answer=consent, gives=ConsentLine, method="POST", scope="write",
        body=NewConsent, sentence="Write down what somebody said about being written to; it counts at once.",
    ),
    ApiRoute(
        name="addSuppressions", path="/consent/suppressions", answer=suppression, gives=Suppressed, method="POST",
        scope="write", body=NewSuppressions, sentence="Leave addresses alone, whatever consent says.",
    ),
    ApiRoute(
        name="listReviews", path="/consent/reviews", answer=reviews, gives=Page[ReviewLine], query=Some,
        sentence="Replies that may be opt-outs and wait for a person, the oldest first; their senders are left alone.",
    ),
    ApiRoute(
        name="settleReview", path="/consent/reviews/{review_id}", answer=settled, gives=ReviewLine, method="POST",
        scope="write", body=NewVerdict, errors=(404,),
        sentence="Say whether a reply was an opt-out; if not, consent is as it was before.",
    ),
)
