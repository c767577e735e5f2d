"""May we write to them: the answer of `permission.may_contact` for everybody, hours aside, in one expression."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from regulars.consent.channel import Channel, Purpose
from regulars.consent.ledger import ANY, EXPLICIT

SAID = ("address_hash", "channel", "purpose", "action", "method", "evidence", "at", "expires_at")
"""What of the ledger decides."""
FACTS = ("revoked_at", "proven_at", "lifted_at", "has_grant")
"""What entries of one address come to for a purpose: the last revocation, proven grant and explicit one; any grant."""


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


def _stopped(suppressions: ir.Table, channel: Channel, moment: ir.Value) -> ir.Table:
    """address_hash, stopped_by: of several reasons in force the first by name."""
    live = suppressions.filter(
        suppressions.channel == channel, suppressions.since <= moment,
        suppressions.lifted_at.isnull() | (suppressions.lifted_at > moment),
    )
    return live.group_by("address_hash").aggregate(stopped_by=live.reason.min())


def _literal(at: datetime) -> ir.Value:
    return ibis.literal(at.astimezone(UTC).replace(tzinfo=None), "timestamp")
