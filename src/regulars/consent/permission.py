"""May we write to this person, on this channel, for this purpose, now: yes, or no with the reason and until when.

First there must be an address (a minor's is a guardian's, see `identity.reach`); then nothing may suppress it; then the
ledger must permit it: marketing needs a proven grant, a transactional message only that nobody revoked it; last come
the hours. `may_contact` asks of one person at the moment of sending, `permissions` of everybody in one expression, and
`decided` of those for whom the ledger was summed up before; all give the same answer, and tests say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from regulars.consent.channel import Channel, Purpose
from regulars.consent.ledger import ANY, EXPLICIT, Entry, Standing, standing
from regulars.consent.quiet_hours import Window, next_allowed
from regulars.consent.suppression import Suppression

NEVER_OPEN = "no hour of the week is inside every window"
CLOSED = "quiet hours"
SAID = ("address_hash", "channel", "purpose", "action", "method", "evidence", "at", "expires_at")
"""What of the ledger decides."""
FACTS = ("revoked_at", "proven_at", "lifted_at", "has_grant")
"""What entries of one address come to for a purpose: the last revocation, proven grant and explicit one; any grant."""


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


def permissions(
    people: ir.Table, entries: ir.Table, suppressions: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime
) -> ir.Table:
    """Return the same for everybody, hours aside: one row a row of people, with its columns, allowed and reason.

    Args:
        people: customer_id, address_hash (missing: nothing reaches them), address_reason; further columns stay.
        entries: `ledger.ENTRIES`, of which SAID is enough.
        suppressions: `suppression.SUPPRESSIONS`.
        channel: By which they would be written to.
        purpose: What for.
        at: When; aware. What was said later does not count.

    """
    said = summed(entries, channel=channel, purpose=purpose, at=at)
    found = people.left_join(said, "address_hash").drop("address_hash_right")
    told = decided(found, suppressions, channel=channel, purpose=purpose, at=at)
    return told.select(*people.columns, "allowed", "reason")


def summed(entries: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime) -> ir.Table:
    """Return what a ledger comes to, as `ledger.standing` has it: one row an address: address_hash, FACTS."""
    moment = _literal(at)
    mine = entries.filter(
        entries.channel == channel, entries.purpose.isin([purpose, ANY]), entries["at"] <= moment
    )
    grants = (mine.action == "grant") & (mine.expires_at.isnull() | (mine.expires_at > moment))
    proven = grants & mine.evidence.notnull() & (mine.evidence != "")
    return mine.group_by("address_hash").aggregate(
        revoked_at=mine["at"].max(where=mine.action == "revoke"), proven_at=mine["at"].max(where=proven),
        lifted_at=mine["at"].max(where=proven & mine.method.isin(sorted(EXPLICIT))), has_grant=grants.any(),
    )


def changing(entries: ir.Table, *, at: datetime) -> ir.Table:
    """Return channel and address_hash of those for whom time alone will change what entries come to."""
    is_open = entries.expires_at.notnull() | (entries["at"] > _literal(at))
    return entries.filter(is_open).select("channel", "address_hash").distinct()


def decided(
    people: ir.Table, suppressions: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime
) -> ir.Table:
    """Return the same as `permissions` of people who have FACTS among their columns; all stay."""
    found = people.left_join(_stopped(suppressions, channel, _literal(at)), "address_hash").drop("address_hash_right")
    # After a revocation only a later explicit grant counts, and if any is later the last one is.
    lifted_at = (found.lifted_at > found.revoked_at).ifelse(found.lifted_at, ibis.null("timestamp"))
    found = found.mutate(granted_at=found.revoked_at.isnull().ifelse(found.proven_at, lifted_at))
    since_day = ibis.coalesce(found.granted_at, found.revoked_at).strftime("%Y-%m-%d")
    is_granted = found.granted_at.notnull()
    refused = [
        (found.address_hash.isnull(), ibis.literal("no address: ") + found.address_reason),
        (found.stopped_by.notnull(), ibis.literal("suppressed: ") + found.stopped_by),
        (~is_granted & found.revoked_at.notnull(), ibis.literal("opted out on ") + since_day),
    ]
    if purpose == "marketing":
        refused += [
            (~is_granted & found.has_grant, ibis.literal("consent without evidence")),
            (~is_granted, ibis.literal("no consent on record")),
        ]
    granted = is_granted.ifelse(ibis.literal("consent since ") + since_day, "needs no consent")
    is_refused = ibis.or_(*(condition for condition, _ in refused))
    return found.select(*people.columns, allowed=~is_refused, reason=ibis.cases(*refused, else_=granted))


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


def _stopped(suppressions: ir.Table, channel: Channel, moment: ir.Value) -> ir.Table:
    """address_hash, stopped_by: of several reasons in force the first by name."""
    live = suppressions.filter(
        suppressions.channel == channel, suppressions.since <= moment,
        suppressions.lifted_at.isnull() | (suppressions.lifted_at > moment),
    )
    return live.group_by("address_hash").aggregate(stopped_by=live.reason.min())


def _literal(at: datetime) -> ir.Value:
    return ibis.literal(at.astimezone(UTC).replace(tzinfo=None), "timestamp")
