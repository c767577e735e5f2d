"""Whom a change can reach: everybody who hangs together, by whatever they share, with somebody it is about.

Families are decided of what people share: a contact, a home, a contract, a relation, a household of before. Nothing is
decided of two who share nothing and are tied by nobody between them. So whoever decides about all that hang together
with those a day tells of, whatever the number of users of a thing, decides about them what he would among everybody.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regulars.identity.component import components
from regulars.identity.numbered import whole_numbers

SHARES = ibis.schema({"customer_id": "string", "thing": "string"})
"""One row a customer and a thing that others may have too; a thing is a text that begins with its kind."""


def contact_shares(profiles: ir.Table, identity: ir.Table) -> list[ir.Table]:
    """Return who has which address and which number, as SHARES; the same more than once where profiles agree."""
    known = profiles.inner_join(identity, ["profile_source", "profile_id"])
    known = known.select("customer_id", "email", "phone")
    return [_shares(known, known[kind], kind) for kind in ("email", "phone")]


def home_shares(homes: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who has which home (`home.HOMES`), as SHARES."""
    lived = homes.inner_join(identity, ["profile_source", "profile_id"])
    return _shares(lived, lived.home, "home")


def roster_shares(rosters: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who is on which contract (`family.ROSTERS`), as SHARES."""
    found = rosters.inner_join(
        identity, [rosters.source == identity.profile_source, rosters.who == identity.profile_id]
    )
    return _shares(found, roster_thing(found), "contract")


def relation_shares(relations: ir.Table, identity: ir.Table) -> list[ir.Table]:
    """Return who is in which relation (`family.RELATIONS`), and whose record has which address, as SHARES."""
    shares = []
    for name in ("who", "whom"):
        found = relations.inner_join(
            identity, [relations.source == identity.profile_source, relations[name] == identity.profile_id]
        )
        record = found.source + "." + found.stream + " " + found.record_key
        shares.append(_shares(found, record, "relation"))
        if name == "who":
            shares.append(_shares(found, found.whom_email, "email"))
    return shares


def household_shares(members: ir.Table) -> ir.Table:
    """Return who lived in which household until now, as SHARES."""
    return _shares(members, members.household_id, "household")


def roster_thing(rosters: ir.Table) -> ir.Value:
    """Return what a contract is called among things, but for its kind."""
    return rosters.source + "." + rosters.stream + " " + rosters.roster


def of_several(shares: ir.Table, things: ir.Table) -> ir.Table:
    """Return the SHARES of things that several customers have, and of those that are asked about (thing)."""
    users = shares.group_by("thing").aggregate(first=shares.customer_id.min(), last=shares.customer_id.max())
    several = users.filter(users["first"] != users["last"]).select("thing")
    return shares.semi_join(several.union(things.select("thing")), "thing")


def reached(shares: pa.Table, *, customers: pa.Array, things: pa.Array) -> pa.Array:
    """Return everybody who hangs together with some customers, or with the users of some things.

    Args:
        shares: SHARES of all that several have, and of the things.
        customers: those that something was told of; they are reached themselves.
        things: what these had before and need not have now.

    """
    mine, theirs = (shares[name].combine_chunks() for name in SHARES.names)
    nodes = pa.concat_arrays([mine, customers]).dictionary_encode()
    named = pa.concat_arrays([theirs, things]).dictionary_encode()
    person, thing = whole_numbers(nodes.indices), whole_numbers(named.indices) + len(nodes.dictionary)
    count = len(nodes.dictionary) + len(named.dictionary)
    _, part = components(person[: len(shares)], thing[: len(shares)], count=count)
    asked = np.concatenate([person[len(shares):], thing[len(shares):]])
    is_reached = np.isin(part, part[asked])
    return nodes.dictionary.filter(pa.array(is_reached[: len(nodes.dictionary)]))


def _shares(rows: ir.Table, thing: ir.Value, kind: str) -> ir.Table:
    named = rows.select("customer_id", thing=ibis.literal(f"{kind} ") + thing)
    return named.filter(named.thing.notnull())
