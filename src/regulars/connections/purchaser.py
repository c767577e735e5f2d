"""Who bought the pass that somebody else used: every customer of that name, weighed by what speaks for each.

A name alone decides only where one customer has it. Each kind of evidence carries a match weight in bits: how many
times likelier it is of who bought the pass than of a namesake, as a power of two. The confidence of a customer is his
share of the likelihood of all customers of that name and of somebody who is no customer, in whole percent; from SURE on
he is the purchaser. Weights are whole, so that the shares are exact and the same on every engine.
Source: Fellegi and Sunter (1969), A theory for record linkage; the weights are judged, and measured on the example gym.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from regulars.connections.pass_use import PASS_USE, PURCHASER_KEY
from regulars.records.formula import Formula
from regulars.records.formula_functions import quotient

SURE = 90
"""Percent of confidence from which a customer is taken for the purchaser."""

AMBIGUOUS, UNKNOWN = "ambiguous", "unknown"
"""How a transfer without a purchaser was matched: several customers may be meant, or nobody has that name."""

TRANSFER = ibis.schema({
    **PASS_USE, "user_customer_id": "string", "user_name": "string", "purchaser_profile_id": "string",
    "purchaser_customer_id": "string", "match_method": "string", "match_confidence": "int64", "candidates": "string",
})
"""One row a transfer: a pass use that names somebody else.

user_name is as the profile has it. match_method is the evidence, strongest first ("name+household"), or AMBIGUOUS or
UNKNOWN: then there is no purchaser. match_confidence is 0 to 100, of an ambiguous one that of the likeliest, null where
nobody has the name. candidates are the customers of that name, likeliest first, joined by commas.
"""

PAIR = ibis.schema({
    "checkin_id": "string", "customer_id": "string", "profile_id": "string", "user_customer_id": "string",
    "pass_key": "string", "checkin_datetime": "timestamp", "checkin_datetime_day": "date", "location_name": "string",
    "remaining_count": "int64", "is_guest": "boolean", "is_younger": "boolean",
})
"""One row a transfer and customer of the purchaser's name. is_younger: the account is younger than the check-in."""

VISIT = ibis.schema({"checkin_id": "string", "profile_id": "string", "day": "date", "location_name": "string"})
"""One row a check-in of any kind."""

PURCHASE = ibis.schema({
    "customer_id": "string", "pass_key": "string", "bought_at": "timestamp", "units": "int64", "line_id": "string"
})
"""One row a sale of passes; pass_key is what they are called, in small letters."""

EVIDENCE = ibis.schema({"checkin_id": "string", "customer_id": "string", "evidence": "string"})
"""One row a reason to believe, or not, that a customer bought the pass."""

WEIGHTS: Mapping[str, int] = {
    "hosting": 7,       # of a guest: came in on the same day at the same place, as hosts do
    "household": 6,     # lives with who used the pass
    "count": 5,         # what remains of the pass is what is left after this customer's own uses and purchases
    "bought": 4,        # bought such a pass before, with at least as many visits as are left now
    "own": 3,           # is who used it: likelier than that two people of one name meet
    "present": 3,       # of any other pass: came in on the same day at the same place
    "buyer": 2,         # bought some pass in the year before
    "younger": -7,      # had no account yet
}
"""Bits of each kind of evidence, the strongest first."""

_MOST = sum(weight for weight in WEIGHTS.values() if weight > 0)
"""Bits beyond which nobody can have any."""

_DIGITS = len(str(2 ** (_MOST + 20)))
"""Digits of their likelihood, in the units of `_likelihood`."""

NOBODY = -4
"""Bits of the purchaser being no customer, where a customer has the name."""

_PASS = ("customer_id", "pass_key")
_OWNER = ("profile_source", "profile_id", "customer_id")


def pairs(uses: ir.Table, profiles: ir.Table, identity: ir.Table) -> ir.Table:
    """Return PAIR: the customers who may be meant by each transfer, those with a profile of the purchaser's name.

    Args:
        uses: PASS_USE and purchaser_key.
        profiles: profile_source, profile_id, name, created_at; those of the check-ins' own source count.
        identity: profile_source, profile_id, customer_id.

    Two accounts of one customer are one candidate, by the older id.
    """
    wanted = uses.select("profile_source", name=PURCHASER_KEY).drop_null("name")
    # Before anything is joined or grouped: hardly a customer is named in a text.
    known = profiles.semi_join(wanted, ["profile_source", "name"])
    known = known.select("profile_source", "profile_id", "name", "created_at")
    owned = known.inner_join(identity.select(*_OWNER), ["profile_source", "profile_id"])
    named = owned.group_by("profile_source", "name", "customer_id").agg(
        profile_id=owned.profile_id.min(), since=owned.created_at.min()
    )
    users = identity.select(user_source="profile_source", user_profile="profile_id", user_customer_id="customer_id")
    shared = uses.filter(uses[PURCHASER_KEY].notnull()).select(
        "checkin_id", "profile_source", "user_profile_id", PURCHASER_KEY, "checkin_datetime", "checkin_datetime_day",
        "location_name", "remaining_count", "transfer_type", pass_key=_key(uses.pass_type),
    )
    is_user = (shared.profile_source == users.user_source) & (shared.user_profile_id == users.user_profile)
    shared = shared.left_join(users, is_user)
    is_named = (shared.profile_source == named.profile_source) & (shared[PURCHASER_KEY] == named.name)
    met = shared.inner_join(named, is_named)
    return met.select(
        "checkin_id", "customer_id", "profile_id", "user_customer_id", "pass_key",
        checkin_datetime=met.checkin_datetime, checkin_datetime_day=met.checkin_datetime_day,
        location_name=met.location_name.fill_null(""), remaining_count=met.remaining_count,
        is_guest=met.transfer_type == "guest_pass",
        is_younger=(met.since.date() > met.checkin_datetime.date()).fill_null(False),
    ).cast(PAIR)


def purchases(money: ir.Table, identity: ir.Table, bought: Formula | None) -> ir.Table:
    """Return PURCHASE of lines of money whose payer is a customer: the sales of which the rules' formula holds."""
    is_pass = ibis.literal(False) if bought is None else bought.column(money)
    sold = money.filter(money.kind == "sale", is_pass, money.units > 0).select(
        "profile_source", "profile_id", "units", "line_id", "description", bought_at=money.occurred_at
    )
    theirs = sold.inner_join(identity.select(*_OWNER), ["profile_source", "profile_id"])
    return theirs.mutate(pass_key=_key(theirs.description)).select(*PURCHASE.names).cast(PURCHASE)


def evidence(
    found: ir.Table, *, uses: ir.Table, visits: ir.Table, sales: ir.Table, identity: ir.Table
) -> list[ir.Table]:
    """Return EVIDENCE for and against each pair, a table of each kind, all but who lives together.

    Args:
        found: PAIR.
        uses: PASS_USE, own uses too.
        visits: VISIT of the pass uses' source.
        sales: PURCHASE.
        identity: profile_id and customer_id of that source; those of everybody who is meant are enough.

    """
    return [
        _said(found.filter(found.is_younger), "younger"),
        _said(found.filter((found.customer_id == found.user_customer_id).fill_null(False)), "own"),
        _presence(found, visits, identity), *_purchased(found, sales), _counted(found, uses, sales, identity),
    ]


def lodgers(found: ir.Table, households: ir.Table) -> ir.Table:
    """Return EVIDENCE of who lives with the one who used the pass; households: household_id, customer_id."""
    homes = households.select("household_id", "customer_id").distinct()
    theirs = homes.semi_join(found, "customer_id").select(owner="customer_id", home="household_id")
    users = homes.select(lodger="customer_id", shared_home="household_id")
    shared = theirs.inner_join(users, theirs.home == users.shared_home).filter(lambda t: t.owner != t.lodger)
    is_shared = (found.customer_id == shared.owner) & (found.user_customer_id == shared.lodger)
    return _said(found.semi_join(shared, is_shared), "household")


def weighed(found: ir.Table, reasons: ir.Table) -> ir.Table:
    """Return what each transfer comes to. One row per transfer that names a customer.

    Args:
        found: PAIR.
        reasons: EVIDENCE of all kinds.

    Columns: checkin_id, purchaser_profile_id, purchaser_customer_id, match_method, match_confidence, candidates (see
    TRANSFER). Of customers who are equally likely none is sure.
    """
    by_kind = {kind: (reasons.evidence == kind).any() for kind in WEIGHTS}
    told = reasons.group_by("checkin_id", "customer_id").agg(**by_kind)
    rows = found.left_join(told, ["checkin_id", "customer_id"]).drop("checkin_id_right", "customer_id_right")
    bits = [ibis.ifelse(rows[kind].fill_null(False), weight, 0) for kind, weight in WEIGHTS.items()]
    method = [ibis.ifelse(rows[kind].fill_null(False), f"+{kind}", "") for kind in WEIGHTS]
    rows = rows.mutate(share=_likelihood(_sum(bits)), match_method=ibis.literal("name").concat(*method))
    # What is left to the greatest likelihood, before the id, sorts the ids by likelihood on every engine.
    rows = rows.mutate(turn=(_likelihood(ibis.literal(_MOST)) - rows.share).cast("string").lpad(_DIGITS, "0"))
    rows = rows.mutate(listed=rows.turn + ">" + rows.customer_id)
    best = {name: rows[name].argmin(rows.listed) for name in ("customer_id", "profile_id", "match_method")}
    found_out = rows.group_by("checkin_id").agg(
        **best, share=rows.share.max(), total=rows.share.sum().cast("int64") + _likelihood(ibis.literal(NOBODY)),
        candidates=rows.listed.collect().sort().join(",").re_replace(f"[0-9]{{{_DIGITS}}}>", ""),
    )
    confidence = quotient(found_out.share * 100, found_out.total)
    is_sure = confidence >= SURE
    return found_out.select(
        "checkin_id",
        purchaser_profile_id=ibis.ifelse(is_sure, found_out.profile_id, ibis.null("string")),
        purchaser_customer_id=ibis.ifelse(is_sure, found_out.customer_id, ibis.null("string")),
        match_method=ibis.ifelse(is_sure, found_out.match_method, AMBIGUOUS), match_confidence=confidence,
        candidates=found_out.candidates,
    )


def transfers(uses: ir.Table, found_out: ir.Table, *, profiles: ir.Table, identity: ir.Table) -> ir.Table:
    """Return TRANSFER of pass uses and what `weighed` found out; a pass from oneself is an own use and left out."""
    shared = uses.filter(uses.purchaser_name.notnull())
    rows = shared.left_join(found_out, "checkin_id").drop("checkin_id_right")
    account = ["profile_source", "profile_id"]
    named = profiles.select(*account, "raw_name").semi_join(
        shared.select("profile_source", profile_id="user_profile_id"), account
    )
    users = named.inner_join(identity.select(*_OWNER), ["profile_source", "profile_id"]).select(
        user_source="profile_source", user_profile="profile_id", user_customer_id="customer_id", user_name="raw_name"
    )
    is_user = (rows.profile_source == users.user_source) & (rows.user_profile_id == users.user_profile)
    rows = rows.left_join(users, is_user)
    rows = rows.mutate(match_method=rows.match_method.fill_null(UNKNOWN))
    is_own = (rows.purchaser_customer_id == rows.user_customer_id).fill_null(False)
    return rows.filter(~is_own).select(*TRANSFER.names).cast(TRANSFER)


def _presence(found: ir.Table, visits: ir.Table, identity: ir.Table) -> ir.Table:
    """Who was there on that day too. A check-in that names no place was at the place of others that name none."""
    owners = identity.select(owner_profile="profile_id", owner="customer_id")
    there = visits.select("profile_id", "day", place=visits.location_name.fill_null(""), other="checkin_id")
    there = there.inner_join(owners, there.profile_id == owners.owner_profile)
    is_there = (
        (found.customer_id == there.owner) & (found.checkin_datetime_day == there.day)
        & (found.location_name == there.place) & (found.checkin_id != there.other)
    )
    met = found.semi_join(there, is_there)
    return met.select("checkin_id", "customer_id", evidence=ibis.ifelse(met.is_guest, "hosting", "present"))


def _purchased(found: ir.Table, sales: ir.Table) -> list[ir.Table]:
    """Who bought such a pass, with enough visits on it; and who bought any pass in the year before."""
    sold = sales.select(
        "bought_at", "units", owner="customer_id", sold_key="pass_key", old_at=sales.bought_at + ibis.interval(days=365)
    )
    is_theirs = (found.customer_id == sold.owner) & (sold.bought_at <= found.checkin_datetime)
    is_enough = (sold.sold_key == found.pass_key) & (sold.units > found.remaining_count.fill_null(0))
    return [
        _said(found.semi_join(sold, is_theirs & is_enough), "bought"),
        _said(found.semi_join(sold, is_theirs & (sold.old_at > found.checkin_datetime)), "buyer"),
    ]


def _counted(found: ir.Table, uses: ir.Table, sales: ir.Table, identity: ir.Table) -> ir.Table:
    """Whose pass has exactly so many visits left: by his last purchase or counted own use, less the uses since.

    All that happened to a customer's passes of one kind is put in order of time: what says how many are left, and what
    uses one up. Transfers of that name count as uses of each namesake; where two share, the count may fit neither.
    """
    owners = identity.select(owner_profile="profile_id", customer_id="customer_id")
    own = uses.filter(uses.purchaser_name.isnull()).select(
        "checkin_id", "user_profile_id", "pass_type", "checkin_datetime", "remaining_count"
    )
    own = own.inner_join(owners, own.user_profile_id == owners.owner_profile)
    own = own.mutate(pass_key=_key(own.pass_type))
    # Where nothing says how many are left, nothing fits: that is so of most namesakes.
    is_counted = ibis.union(sales.select(*_PASS), own.filter(own.remaining_count.notnull()).select(*_PASS))
    found = found.semi_join(is_counted, _PASS)
    counted = ibis.literal(None, "int64")
    steps = ibis.union(
        sales.select("customer_id", "pass_key", moment="bought_at", place=ibis.literal(0), name="line_id",
                     left=sales.units, uses=ibis.literal(0), remaining_count=counted),
        own.select("customer_id", "pass_key", moment=own.checkin_datetime, place=ibis.literal(1),
                   name=own.checkin_id, left=own.remaining_count,
                   uses=ibis.ifelse(own.remaining_count.isnull(), 1, 0), remaining_count=counted),
        found.select("customer_id", "pass_key", moment="checkin_datetime", place=ibis.literal(2), name="checkin_id",
                     left=counted, uses=ibis.literal(1), remaining_count=found.remaining_count),
    )
    steps = steps.semi_join(found, _PASS)
    so_far = ibis.cumulative_window(
        group_by=[steps.customer_id, steps.pass_key], order_by=[steps.moment, steps.place, steps.name]
    )
    steps = steps.mutate(
        used=steps.uses.sum().over(so_far), stretch=steps.left.count().over(so_far),
    )
    since = ibis.window(group_by=[steps.customer_id, steps.pass_key, steps.stretch])
    left = (steps.left + steps.used).max().over(since) - steps.used
    fits = steps.mutate(fits=left == steps.remaining_count).filter(lambda t: (t.place == 2) & t.fits)
    return fits.select("customer_id", checkin_id=fits.name, evidence=ibis.literal("count")).select(*EVIDENCE.names)


def _said(rows: ir.Table, kind: str) -> ir.Table:
    return rows.select("checkin_id", "customer_id", evidence=ibis.literal(kind))


def _key(text: ir.Value) -> ir.Value:
    return text.lower().re_replace(r"\s+", " ").strip()


def _likelihood(bits: ir.Value) -> ir.Value:
    """Return 2 ** bits as a whole number, in units of 2 ** -20: sums of these are exact."""
    return ibis.literal(2.0).pow(bits + 20).cast("int64")


def _sum(values: list[ir.Value]) -> ir.Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
