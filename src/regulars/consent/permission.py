"""May we write to this person, on this channel, for this purpose, now: yes, or no with the reason and until when.

First there must be an address (a minor's is a guardian's, see `identity.reach`); then nothing may suppress it; then the
ledger must permit it: marketing needs a proven grant, a transactional message only that nobody revoked it; last come
the hours. `may_contact` asks of one person at the moment of sending, `everybody.permissions` of all in one expression,
and `everybody.decided` of those for whom the ledger was summed up before; all give the same answer, and tests say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from regulars.consent.channel import Channel, Purpose
from regulars.consent.ledger import Entry, Standing, standing
from regulars.consent.quiet_hours import Window, next_allowed
from regulars.consent.suppression import Suppression

NEVER_OPEN = "no hour of the week is inside every window"
CLOSED = "quiet hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether a message may go now; a refusal says why, and from when on it may where that is known."""

    allowed: bool
    reason: str
    until: datetime | None = None            # when to ask again: a message is deferred, not dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person on one channel: how they are reached, and everything that is on record of that address."""

    address_hash: str | None                 # None: nothing reaches them
    address_reason: str = "own"              # as in `identity.reach.contacts`: own, primary guardian, none on file …
    entries: Sequence[Entry] = ()            # of this address
    suppressions: Sequence[Suppression] = ()
    windows: Sequence[Window] = ()           # when it may be: of their places, and of the business if it keeps hours


def may_contact(person: Person, channel: Channel, *, purpose: Purpose, at: datetime) -> Permission:
    """Return whether one person may be written to at a moment; asked again when the message goes."""
    if person.address_hash is None:
        return Permission(allowed=False, reason=_no_address(person.address_reason))
    stopped = sorted(s.reason for s in person.suppressions if s.channel == channel and s.is_in_force(at))
    if stopped:
        return Permission(allowed=False, reason=f"suppressed: {stopped[0]}")
    said = standing(person.entries, channel=channel, purpose=purpose, at=at)
    if (refusal := _refusal(said, purpose)) is not None:
        return Permission(allowed=False, reason=refusal)
    reason = "needs no consent" if said.since is None else f"consent since {_day(said.since)}"
    return deferred(Permission(allowed=True, reason=reason), person.windows, at=at)


def deferred(permission: Permission, windows: Sequence[Window], *, at: datetime) -> Permission:
    """Return a permission with the hours of a place applied: outside them a refusal until the next opening."""
    opens = next_allowed(at, windows) if permission.allowed else at
    if opens == at:
        return permission
    return Permission(allowed=False, reason=NEVER_OPEN if opens is None else CLOSED, until=opens)


def _refusal(said: Standing, purpose: Purpose) -> str | None:
    if said.state == "revoked" and said.since is not None:
        return f"opted out on {_day(said.since)}"
    if purpose == "transactional" or said.state == "granted":
        return None
    return "consent without evidence" if said.state == "unproven" else "no consent on record"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _no_address(reason: str) -> str:
    return f"no address: {reason}"
