"""Who had to do with whom, in the gym's own ids."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.compat.json_object import json_object
from regulars.compat.material import GYM, Material
from regulars.connections.connection import connections
from regulars.connections.interaction import TYPES

INTERACTIONS = "interactions"


def customer_interactions(material: Material) -> ir.Table:
    """Return everything two people had to do with each other. One row per pair, day and type.

    Columns:
        interaction_id: first 16 hexadecimal digits of md5("id1-id2-date-type"), all as they stand here.
        interaction_date: business day; of a family the first day of the membership.
        interaction_type: shared_pass, same_purchase_group, same_day_checkin, family_membership or frequent_guest.
        customer_id_1: Capitan's id, the smaller of the two as text.
        customer_id_2: Capitan's id, the larger.
        metadata: JSON: pass_type, remaining, checkin_id and purchaser_name of passes; group_size of groups;
            time_diff_minutes and location of check-ins; membership_id and name of families; host_name and checkin_id of
            guests.

    Differs from the reference:
        A family is who stands on one contract, not who has one kind of contract and neighbouring ids, and whom the gym
        calls family. Check-ins without a location are a place of their own. Groups of more than 30 are none. Very large
        businesses keep a check-in only of pairs who were together on three days.
    """
    rows = _in_gym_ids(material)
    kind = rows.interaction_type
    is_pass, is_guest, is_family = kind == "shared_pass", kind == "frequent_guest", kind == "family_membership"
    is_group = kind == "same_purchase_group"
    metadata = json_object({
        "pass_type": rows.pass_type, "remaining": _only(is_pass, rows.remaining_count),
        "checkin_id": _only(is_pass | is_guest, rows.evidence_id),
        "purchaser_name": _only(is_pass | is_group, rows.name), "host_name": _only(is_guest, rows.name),
        "group_size": _only(is_group, rows.group_size), "membership_id": _only(is_family, rows.evidence_id),
        "name": _only(is_family, rows.name), "time_diff_minutes": (rows.seconds_apart / 60).round(1),
        "location": _only(kind == "same_day_checkin", rows.location),
    })
    identity = rows.one + "-" + rows.two + "-" + rows.business_day.cast("string") + "-" + kind
    return rows.select(
        interaction_id=identity.hexdigest("md5").substr(0, 16), interaction_date=rows.business_day,
        interaction_type=kind, customer_id_1=rows.one, customer_id_2=rows.two, metadata=metadata,
    )


def customer_connections(material: Material) -> ir.Table:
    """Return every two people who had to do with each other. One row per pair.

    Columns:
        customer_id_1: Capitan's id, the smaller of the two as text.
        customer_id_2: Capitan's id, the larger.
        interaction_count: rows of customer_interactions.
        strength_score: 1 for one, 2 for two, 3 for 3 or 4, 4 for 5 to 9, 5 for 10 and more.
        first_interaction_date: business day.
        last_interaction_date: business day.
        interaction_types: in order of name, joined by commas.
        metadata: JSON: how many there are of each type.

    Differs from the reference:
        The first and the last date stand in their columns alone. Who truly comes together is in the table companions.
    """
    rows = _in_gym_ids(material)
    rows = rows.mutate(customer_id_1=rows.one, customer_id_2=rows.two)
    pairs = connections(rows)
    return pairs.select(
        "customer_id_1", "customer_id_2", "interaction_count", strength_score=pairs.strength,
        first_interaction_date=pairs.first_day, last_interaction_date=pairs.last_day,
        interaction_types=pairs.interaction_types,
        metadata=json_object({kind: pairs[kind].nullif(0) for kind in TYPES}),
    )


def _in_gym_ids(material: Material) -> ir.Table:
    """Return the interactions of people the gym knows with `one` and `two`, its ids in order.

    A customer with several gym accounts is the first of them.
    """
    identity = material.table("identity")
    own = identity.filter(identity.profile_source == GYM)
    accounts = own.group_by("customer_id").agg(account=own.profile_id.min())
    rows = material.table(INTERACTIONS)
    for number in (1, 2):
        side = accounts.select(**{f"customer_id_{number}": "customer_id", f"account_{number}": "account"})
        rows = rows.inner_join(side, f"customer_id_{number}")
    return rows.mutate(
        one=ibis.least(rows.account_1, rows.account_2), two=ibis.greatest(rows.account_1, rows.account_2)
    )


def _only(holds: ir.Value, value: ir.Value) -> ir.Value:
    return ibis.ifelse(holds, value, ibis.null(value.type()))
