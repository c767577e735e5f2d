"""Whom a change can reach: everybody who hangs together, by whatever they share, with somebody it is about.

Families are decided of what people share: a contact, a home, a contract, a relation, a household of before. Nothing is
decided of two who share nothing and are tied by nobody between them. So whoever decides about all that hang together
with those a day tells of, whatever the number of users of a thing, decides about them what he would among everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regulars.identity.component import components
from regulars.identity.numbered import whole_numbers


def contact_shares(profiles: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who has which address and which number: customer_id, email, phone."""
    return profiles.inner_join(identity, ["profile_source", "profile_id"]).select("customer_id", "email", "phone")


def home_shares(homes: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who has which home (`home.HOMES`): customer_id, home."""
    return homes.inner_join(identity, ["profile_source", "profile_id"]).select("customer_id", "home")


def roster_shares(rosters: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who is on which contract (`family.ROSTERS`): customer_id, contract."""
    found = _with_customer(rosters, identity, "who")
    return found.select("customer_id", contract=contract_of(found))


def relation_shares(relations: ir.Table, identity: ir.Table) -> list[ir.Table]:
    """Return who is in which relation (`family.RELATIONS`), and whose record has which address.

    customer_id, relation and, of those whose record it is, email.
    """
    whose, whom = (_with_customer(relations, identity, name) for name in ("who", "whom"))
    return [
        whose.select("customer_id", relation=_record(whose), email=whose.whom_email),
        whom.select("customer_id", relation=_record(whom)),
    ]


def household_shares(members: ir.Table) -> ir.Table:
    """Return who lived in which household until now: customer_id, household."""
    return members.select("customer_id", household=members.household_id)


def contract_of(rosters: ir.Table) -> ir.Value:
    """Return what a contract is called."""
    return rosters.source + "." + rosters.stream + " " + rosters.roster


def reached(shares: Sequence[pa.Table], *, customers: pa.Array, things: Mapping[str, pa.Array]) -> pa.Array:
    """Return everybody who hangs together with some customers, or with the users of some things.

    Args:
        shares: tables of customer_id and, named by its kind, a thing that others may have too; missing: none.
        customers: those that something was told of; they are reached themselves.
        things: by kind, what these had before and need not have now.

    """
    owners = pa.concat_arrays([*(table["customer_id"].combine_chunks() for table in shares), customers])
    nodes = owners.dictionary_encode()
    parts = np.split(whole_numbers(nodes.indices), np.cumsum([len(table) for table in shares]))
    count, seeds, links = len(nodes.dictionary), [parts[-1]], [np.zeros((2, 0), dtype=np.int64)]
    for kind in sorted({*things, *(name for table in shares for name in table.column_names)} - {"customer_id"}):
        has = [(person, table[kind].combine_chunks()) for person, table in zip(parts[:-1], shares, strict=True)
               if kind in table.column_names]
        asked = things.get(kind, pa.array([], pa.string()))
        named = pa.concat_arrays([*(values for _, values in has), asked]).dictionary_encode()
        thing = whole_numbers(named.indices.fill_null(-1))
        person = np.concatenate([np.zeros(0, dtype=np.int64), *(each for each, _ in has)])
        ends = np.stack([person, thing[: len(person)] + count])
        links.append(ends[:, ends[1] >= count])
        seeds.append(thing[len(person):] + count)
        count += len(named.dictionary)
    left, right = np.concatenate(links, axis=1)
    _, part = components(left, right, count=count)
    is_reached = np.zeros(count, dtype=bool)
    is_reached[part[np.concatenate(seeds)]] = True
    return nodes.dictionary.filter(pa.array(is_reached[part[: len(nodes.dictionary)]]))


def _with_customer(rows: ir.Table, identity: ir.Table, name: str) -> ir.Table:
    return rows.inner_join(identity, [rows.source == identity.profile_source, rows[name] == identity.profile_id])


def _record(relations: ir.Table) -> ir.Value:
    return relations.source + "." + relations.stream + " " + relations.record_key
