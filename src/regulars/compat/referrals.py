"""Who brought whom."""

from __future__ import annotations

import ibis.expr.types as ir

from regulars.compat.material import GYM, Material
from regulars.compat.memberships import CUSTOMERS, MEMBERSHIPS

REFERRALS = f"records.{GYM}.referrals"


def referrals(material: Material) -> ir.Table:
    """Return every membership that somebody was referred to. One row per referral.

    Columns:
        referral_id: Capitan's.
        referrer_id: Capitan's id of who referred.
        referrer_name: as Capitan's customers have it.
        referrer_email: as Capitan's customers have it.
        referred_id: Capitan's id of the owner of the membership.
        referred_name: as Capitan's customers have it.
        referred_email: as Capitan's customers have it.
        membership_id: Capitan's id of the contract.
        membership_name: of the membership.
        membership_status: of the contract today: ACT, END or FRZ.
        purchase_date: business day.
        created_at: business time.

    Differs from the reference:
        The status is the contract's present one, not that of the day of the referral.
    """
    rows = material.table(REFERRALS)
    for place, key in (("referrer", "referring_customer_id"), ("referred", "owner_id")):
        who = _people(material, place)
        rows = rows.left_join(who, rows[key] == who[f"{place}_id"])
    now = material.optional(MEMBERSHIPS, {"id": "string", "status": "string"})
    now = now.select(contract="id", present="status")
    rows = rows.left_join(now, rows.membership_id == now.contract)
    return rows.select(
        referral_id=rows.id, referrer_id=rows.referring_customer_id, referrer_name=rows.referrer_name,
        referrer_email=rows.referrer_email, referred_id=rows.owner_id, referred_name=rows.referred_name,
        referred_email=rows.referred_email, membership_id=rows.membership_id, membership_name=rows.name,
        membership_status=rows.present.coalesce(rows.membership_status), purchase_date=rows.purchase_completed_at_day,
        created_at=rows.created_at,
    )


def referral_leaderboard(material: Material) -> ir.Table:
    """Return who referred how many. One row per person who referred somebody.

    Columns:
        referrer_id: Capitan's id.
        referrer_name: as Capitan's customers have it.
        referrer_email: as Capitan's customers have it.
        total_referrals: ever.
        active_referrals: whose membership is ACT today.
        referred_names: in alphabetical order, joined by a comma and a space.
        first_referral_date: business day of the first purchase.
        last_referral_date: business day of the newest one.
    """
    rows = referrals(material)
    names = rows.mutate(named=rows.referred_name.coalesce(rows.referred_id))
    found = names.group_by("referrer_id").agg(
        referrer_name=names.referrer_name.max(), referrer_email=names.referrer_email.max(),
        total_referrals=names.count(), active_referrals=(names.membership_status == "ACT").sum().fill_null(0),
        listed=names.named.collect().sort(), first_referral_date=names.purchase_date.min(),
        last_referral_date=names.purchase_date.max(),
    )
    return found.select(
        "referrer_id", "referrer_name", "referrer_email", "total_referrals",
        active_referrals=found.active_referrals.cast("int64"), referred_names=found.listed.join(", "),
        first_referral_date=found.first_referral_date, last_referral_date=found.last_referral_date,
    )


def _people(material: Material, place: str) -> ir.Table:
    who = material.optional(
        CUSTOMERS, {"id": "string", "first_name": "string", "last_name": "string", "email": "string"}
    )
    name = who.first_name.fill_null("") + " " + who.last_name.fill_null("")
    return who.select(**{
        f"{place}_id": who.id, f"{place}_name": name.strip().nullif(""), f"{place}_email": who.email,
    })


