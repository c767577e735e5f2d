"""Everything that happened to customers, in one table: what sources told, and what the product itself did."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.compat.json_object import json_object
from regulars.compat.material import Material
from regulars.compat.people import confidence
from regulars.events.event import EVENT

_NAMES = {"check_in": "checkin"}             # the reference's words for event types, where they are not ours
_ENGINE = "engine"


def customer_events(material: Material) -> ir.Table:
    """Return the timelines of all customers. One row per event.

    Columns:
        customer_id: our id.
        event_date: business day.
        event_type: checkin, day_pass_purchase, membership_started, email_sent, flag_set and so on, as declared.
        event_source: the system it came from; engine for what the product did itself.
        source_confidence: exact, high or medium: how sure it is whose event it is.
        event_details: JSON object of the event's attributes; amounts in minor units; dates ISO.
        event_id: stays the same for ever.
        occurred_at: business time.

    Differs from the reference:
        All events are under one id space, so rules can see everybody's memberships. Two purchases of a day are two
        rows. flag_set and flag_cleared come from a ledger that no rebuild erases. Refunds and team dues are there.
        Events nobody can be named for (a sale over the counter) are in the money, not here.
    """
    told = _told(material)
    return told.union(_own(material)) if {"transitions"} <= material.tables else told


def _told(material: Material) -> ir.Table:
    rows = material.table("events").inner_join(material.table("identity"), ["profile_source", "profile_id"])
    wide = [name for name in rows.columns if name not in {*EVENT, "month", "customer_id", "evidence"}]
    details = {name: rows[name] for name in wide} | {"until_day": rows.until_day}
    kind = ibis.cases(*((rows.event_type == ours, theirs) for ours, theirs in _NAMES.items()), else_=rows.event_type)
    return rows.select(
        "customer_id", event_date=rows.business_day, event_type=kind, event_source=rows.source,
        source_confidence=confidence(rows.evidence), event_details=json_object(details), event_id=rows.event_id,
        occurred_at=rows.occurred_at,
    )


def _own(material: Material) -> ir.Table:
    rows = material.table("transitions")
    named = rows.segment + "|" + rows.customer_id + "|" + rows.change + "|" + rows["at"].cast("string")
    return rows.select(
        "customer_id", event_date=rows.business_day,
        event_type=ibis.ifelse(rows.change == "entered", "flag_set", "flag_cleared"),
        event_source=ibis.literal(_ENGINE), source_confidence=ibis.literal("exact"),
        event_details=json_object({"flag_type": rows.segment, "reason": rows.reason}),
        event_id=named.hexdigest("md5"), occurred_at=rows["at"],
    )
