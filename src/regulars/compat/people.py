"""Customers across all systems: who they are, by what they are known, and which segments they are in."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.compat.json_object import json_object
from regulars.compat.material import Material

_STRONG = ("first profile", "only profile", "ruled%", "same_as%")


def customers_master(material: Material) -> ir.Table:
    """Return all customers, those without any contact too. One row per customer.

    Columns:
        customer_id: our id, which never changes.
        primary_email: the best known, normalised.
        primary_phone: the best known, E.164.
        primary_name: as people write it.
        first_seen: business day of the first event; empty without events.
        last_seen: business day of the last event.
        sources: systems that know the customer, joined by commas.

    Differs from the reference:
        Ids last from run to run; people without e-mail and phone are there; people who share a contact are apart.
    """
    rows = material.table("customers")
    return rows.select(
        "customer_id", primary_email=rows.email, primary_phone=rows.phone, primary_name=rows.name,
        first_seen=rows.first_seen, last_seen=rows.last_seen, sources=rows.sources,
    )


def customer_identifiers(material: Material) -> ir.Table:
    """Return everything by which a customer is known. One row per customer, source, its id and type.

    Columns:
        customer_id: our id.
        type: id, email, phone or name.
        value: as the source has it.
        normalized: in the form that is compared; empty for contact points that are nobody's (a front desk's).
        source: the system.
        source_id: the system's own id of the profile.
        confidence: exact (the profile founded the customer, or a person or the source said so), high (e-mail or phone),
            medium (a contact shared by several, and the name; or so much else that it is hardly chance).
        reason: why this profile is this customer.
        added_date: UTC day on which the source created the profile, else on which we first read it.
        is_primary: it is the customer's own value in customers_master.

    Differs from the reference:
        Names keep their accents and hyphens. Ids are identifiers too, so that no id is ever searched inside a text.
    """
    profiles = material.table("profiles").inner_join(material.table("identity"), ["profile_source", "profile_id"])
    best = material.table("customers").select(
        best_id="customer_id", best_email="email", best_phone="phone", best_name="name"
    )
    rows = profiles.inner_join(best, profiles.customer_id == best.best_id)
    parts = [
        _identifier(rows, "id", rows.profile_id, rows.profile_id, ibis.literal(False)),
        _identifier(rows, "email", rows.raw_email, rows.email, rows.email == rows.best_email),
        _identifier(rows, "phone", rows.raw_phone, rows.phone, rows.phone == rows.best_phone),
        _identifier(rows, "name", rows.raw_name, rows.name, rows.raw_name == rows.best_name),
    ]
    found = ibis.union(*parts)
    return found.filter(found.value.notnull())


def confidence(evidence: ir.Value) -> ir.Value:
    """Return the reference's word for how sure it is that a profile is its customer."""
    return ibis.cases(
        (ibis.or_(*(evidence.like(pattern) for pattern in _STRONG)), "exact"),
        (ibis.or_(evidence.like("%and name%"), evidence.like("likely%")), "medium"), else_="high",
    )


def customer_flags(material: Material) -> ir.Table:
    """Return who is in which segment now. One row per customer and segment.

    Columns:
        customer_id: our id.
        flag_type: name of the segment.
        triggered_date: business day on which the customer entered.
        flag_data: JSON: reason (the rule with its numbers), until (first day after, where the stay has an end).
        priority: of the segment: high, medium or low; empty when it is no longer declared.
        flag_added_date: business day on which it was written down.

    Differs from the reference:
        Every segment is here, computed with sight of everybody's memberships; a stay is never set again while it lasts.
    """
    rows = material.table("memberships")
    ledger = material.table("transitions")
    ledger = ledger.filter(ledger.change == "entered")
    reasons = ledger.select("segment", "customer_id", "reason", entered_at="at")
    rows = rows.left_join(reasons, ["segment", "customer_id", "entered_at"])
    known = [(rows.segment == name, word) for name, word in material.priorities.items()]
    priority = ibis.cases(*known) if known else ibis.null("string")
    return rows.select(
        "customer_id", flag_type=rows.segment, triggered_date=rows.entered_day,
        flag_data=json_object({"reason": rows.reason, "until": rows.until_day}),
        priority=priority, flag_added_date=rows.entered_day,
    )


def _identifier(rows: ir.Table, kind: str, value: ir.Value, normalised: ir.Value, is_primary: ir.Value) -> ir.Table:
    return rows.select(
        "customer_id", type=ibis.literal(kind), value=value, normalized=normalised, source=rows.profile_source,
        source_id=rows.profile_id, confidence=confidence(rows.evidence), reason=rows.evidence,
        added_date=rows.created_at.coalesce(rows.recorded_at).cast("date"), is_primary=is_primary.fill_null(False),
    )
