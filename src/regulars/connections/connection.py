"""Connections: all interactions of two people in one row, with the plain strength that counts them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.connections.interaction import TYPES

STRENGTH_FROM = {5: 10, 4: 5, 3: 3, 2: 2}
"""The fewest interactions that a strength is given for; one is strength 1."""

CONNECTION = ibis.schema({
    "customer_id_1": "string", "customer_id_2": "string", "interaction_count": "int64", "strength": "int64",
    "first_day": "date", "last_day": "date", "interaction_types": "string", **dict.fromkeys(TYPES, "int64"),
})
"""One row per pair that has an interaction: how many, strength 1 to 5, first and last business day, the types by name,
joined by commas, and how many there are of each."""


def connections(interactions: ir.Table) -> ir.Table:
    """Return CONNECTION of interactions (columns of INTERACTION).

    Strength counts occasions and asks nothing else, so regulars of one evening come out as friends; who is a companion
    says `companion`.
    """
    counts = {kind: interactions.count(where=interactions.interaction_type == kind) for kind in TYPES}
    pairs = interactions.group_by("customer_id_1", "customer_id_2").agg(
        interaction_count=interactions.count(), first_day=interactions.business_day.min(),
        last_day=interactions.business_day.max(), **counts,
    )
    steps = [(pairs.interaction_count >= least, ibis.literal(mark, "int64")) for mark, least in STRENGTH_FROM.items()]
    named = ibis.literal("")
    for kind in TYPES:
        named = named + ibis.ifelse(pairs[kind] > 0, f",{kind}", "")
    made = pairs.mutate(
        strength=ibis.cases(*steps, else_=ibis.literal(1, "int64")), interaction_types=named.substr(1)
    )
    return made.select(*CONNECTION.names)
