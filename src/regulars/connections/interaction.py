"""Interactions: what two people had to do with each other, one row an occasion; every type a function of its tables."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.events.plan import Plans, size_of

SHARED_PASS = "shared_pass"  # noqa: S105  a pass for the door
SAME_PURCHASE_GROUP = "same_purchase_group"
SAME_DAY_CHECKIN = "same_day_checkin"
FAMILY_MEMBERSHIP = "family_membership"
FREQUENT_GUEST = "frequent_guest"
TYPES = (FAMILY_MEMBERSHIP, FREQUENT_GUEST, SAME_DAY_CHECKIN, SAME_PURCHASE_GROUP, SHARED_PASS)
"""Every type there is. A pass received is the same occasion as a pass shared, seen from the other side: the leader gave
it, and a second row would count one pass twice."""

INTERACTION = ibis.schema({
    "interaction_id": "string", "interaction_type": "string", "business_day": "date", "customer_id_1": "string",
    "customer_id_2": "string", "leader_id": "string", "evidence_id": "string", "name": "string", "pass_type": "string",
    "remaining_count": "int64", "group_size": "int64", "seconds_apart": "int64", "location": "string",
})
"""One row per type, pair and day; customer_id_1 < customer_id_2, and the id follows from the four.

`leader_id` is who gave the pass, hosts the guest or came first; missing where nobody leads. `evidence_id` is the
check-in or the membership. `name` is the purchaser, the host or the membership as it is written down."""

TRANSFER = ibis.schema({
    "check_in_id": "string", "business_day": "date", "transfer_type": "string", "pass_type": "string",
    "purchaser_name": "string", "user_id": "string", "purchaser_id": "string", "remaining_count": "int64",
    "location": "string",
})
"""What is needed of a pass that one person bought and another used; both are customer ids, missing when unknown."""

ROSTER = ibis.schema({"membership_id": "string", "customer_id": "string", "start_day": "date", "name": "string"})
"""One row per person on a membership; the id is that of the contract, never of its kind."""

FAMILY_LINK = ibis.schema({"customer_id": "string", "related_id": "string", "since_day": "date"})
"""One row per two people whom a source calls family."""

LARGEST_GROUP = 30
"""More people on one purchase or one membership are no party of friends and no family: a school, a fault, a desk."""

FAMILY_SIZES = ("family", "duo")
GUEST = "guest_pass"


def same_day_checkins(together: ir.Table) -> ir.Table:
    """Return who was there together (columns of `co_presence.TOGETHER`), one per pair and day."""
    return _occasions(
        together, SAME_DAY_CHECKIN, together.customer_id_1, together.customer_id_2, leader_id=together.came_first,
        seconds_apart=together.seconds_apart, location=together.location,
    )


def shared_passes(transfers: ir.Table) -> ir.Table:
    """Return passes (columns of TRANSFER) that somebody else used than the one who bought them, guests' included."""
    return _once(_passes(transfers, SHARED_PASS))


def frequent_guests(transfers: ir.Table) -> ir.Table:
    """Return check-ins on a guest pass (columns of TRANSFER) with the host who is known."""
    return _once(_passes(transfers.filter(transfers.transfer_type == GUEST), FREQUENT_GUEST))


def purchase_groups(transfers: ir.Table) -> ir.Table:
    """Return all pairs who used passes (columns of TRANSFER) of one purchaser, kind and day, in no too large group."""
    whole = transfers.filter(transfers.user_id.notnull(), transfers.business_day.notnull())
    whole = whole.filter(whole.purchaser_name.strip().length() > 0, whole.pass_type.notnull())
    key = ("purchaser_name", "business_day", "pass_type")
    users = whole.group_by(*key, "user_id").agg(check_in_id=whole.check_in_id.min())
    sizes = users.group_by(*key).agg(group_size=users.count())
    users = users.inner_join(sizes, key)
    users = users.filter(users.group_size.between(2, LARGEST_GROUP))
    users = users.select(*key, "user_id", "check_in_id", "group_size")
    others = users.select(*key, other_id="user_id")
    pairs = users.inner_join(others, key)
    pairs = pairs.filter(pairs.user_id < pairs.other_id)
    return _once(_occasions(
        pairs, SAME_PURCHASE_GROUP, pairs.user_id, pairs.other_id, evidence_id=pairs.check_in_id,
        name=pairs.purchaser_name, pass_type=pairs.pass_type, group_size=pairs.group_size,
    ))


def families(rosters: ir.Table, links: ir.Table, *, plans: Plans) -> ir.Table:
    """Return all pairs of one family.

    Args:
        rosters: columns of ROSTER; pairs on one membership whose name says family or duo, dated at its first day.
        links: columns of FAMILY_LINK; two people whom a source calls family, dated at the day it said so.
        plans: the words of the business for its memberships.

    """
    whole = rosters.filter(rosters.membership_id.notnull(), rosters.customer_id.notnull(), rosters.start_day.notnull())
    whole = whole.filter(size_of(whole.name, plans=plans).isin(FAMILY_SIZES))
    people = whole.group_by("membership_id", "customer_id").agg(start_day=whole.start_day.min(), name=whole.name.min())
    sizes = people.group_by("membership_id").agg(group_size=people.count())
    people = people.inner_join(sizes, "membership_id")
    people = people.filter(people.group_size.between(2, LARGEST_GROUP))
    others = people.select("membership_id", other_id="customer_id")
    pairs = people.inner_join(others, "membership_id")
    pairs = pairs.filter(pairs.customer_id < pairs.other_id).mutate(business_day=pairs.start_day)
    linked = links.filter(links.customer_id != links.related_id, links.since_day.notnull())
    linked = linked.mutate(business_day=linked.since_day)
    return _once(ibis.union(
        _occasions(
            pairs, FAMILY_MEMBERSHIP, pairs.customer_id, pairs.other_id, evidence_id=pairs.membership_id,
            name=pairs.name, group_size=pairs.group_size,
        ),
        _occasions(linked, FAMILY_MEMBERSHIP, linked.customer_id, linked.related_id),
    ))


def _passes(transfers: ir.Table, kind: str) -> ir.Table:
    rows = transfers.filter(transfers.user_id != transfers.purchaser_id, transfers.business_day.notnull())
    return _occasions(
        rows, kind, rows.user_id, rows.purchaser_id, leader_id=rows.purchaser_id, evidence_id=rows.check_in_id,
        name=rows.purchaser_name, pass_type=rows.pass_type, remaining_count=rows.remaining_count,
        location=rows.location,
    )


def _occasions(rows: ir.Table, kind: str, one: ir.Value, other: ir.Value, **what: ir.Value) -> ir.Table:
    """Return INTERACTION of rows with a business_day: the pair in order, the id, and what is known of the type."""
    pair = {"customer_id_1": ibis.least(one, other), "customer_id_2": ibis.greatest(one, other)}
    identity = pair["customer_id_1"] + "-" + pair["customer_id_2"] + "-" + rows.business_day.cast("string") + f"-{kind}"
    known = {
        "interaction_id": identity.hexdigest("md5").substr(0, 16), "interaction_type": ibis.literal(kind),
        "business_day": rows.business_day, **pair, **what,
    }
    return rows.select(**{
        name: known[name].cast(type_) if name in known else ibis.null(type_) for name, type_ in INTERACTION.items()
    })


def _once(rows: ir.Table) -> ir.Table:
    """Keep one occasion of each id, the one whose evidence comes first: a pair may share two passes on one day."""
    first = ["evidence_id", "pass_type", "name", "remaining_count", "location", "leader_id"]
    turn = ibis.row_number().over(group_by="interaction_id", order_by=first)
    return rows.mutate(turn=turn).filter(lambda t: t.turn == 0).select(*INTERACTION.names)
