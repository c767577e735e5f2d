"""Customers who seem to belong together: on one contract, or with one address, number or home and one surname."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.name import normalise_names, stripped

MOST_TOGETHER = 8
"""People on one contract, or with one address, beyond whom it is a team's or a company's and says nothing of homes."""

RANKS = ("high", "medium", "low")
"""How sure a link is: high what a source says, unless declared otherwise; medium a contract, low a shared contact."""

GROUPS = ibis.schema({
    "source": "string", "together": "string", "customer_id": "string", "is_owner": "boolean", "confidence": "string",
    "evidence": "string",
})
"""One row a customer of a group of two to MOST_TOGETHER; `source` and `together` name the group."""

SHARED = ibis.schema({"customer_id": "string", "kind": "string", "contact": "string", "last_name": "string"})
"""One row a customer that uses an address or number which others use too."""


def people(facts: ir.Table) -> ir.Table:
    """Return what families are decided by: customer_id, last_name, email, phone, birthday. One row a customer."""
    return facts.select("customer_id", "last_name", "email", "phone", "birthday")


def contact_uses(profiles: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who uses which address or number: customer_id, kind (`email`, `phone`), contact. One row a use.

    Contacts of more than MOST_TOGETHER customers are left out.
    """
    known = profiles.inner_join(identity, ["profile_source", "profile_id"])
    uses = ibis.union(*(
        known.filter(known[kind].notnull()).select("customer_id", kind=ibis.literal(kind), contact=known[kind])
        for kind in ("email", "phone")
    ), distinct=True)
    return _of_few(uses)


def home_uses(homes: ir.Table, identity: ir.Table) -> ir.Table:
    """Return who lives where, as `contact_uses` has it: the kind is `postal address`; `homes` are `home.HOMES`."""
    lived = homes.inner_join(identity, ["profile_source", "profile_id"])
    uses = lived.select("customer_id", kind=ibis.literal("postal address"), contact=lived.home).distinct()
    return _of_few(uses)


def _of_few(uses: ir.Table) -> ir.Table:
    users = uses.group_by("kind", "contact").aggregate(users=uses.count())
    few = users.filter(users.users <= MOST_TOGETHER)
    return uses.semi_join(few, ["kind", "contact"])


def shared_contacts(uses: ir.Table, persons: ir.Table) -> ir.Table:
    """Return the uses of contacts that several customers have, with their surnames as written: SHARED."""
    users = uses.group_by("kind", "contact").aggregate(users=uses.count())
    several = users.filter(users.users > 1)
    named = uses.semi_join(several, ["kind", "contact"]).inner_join(persons, "customer_id")
    return named.filter(named.last_name.notnull()).select(*SHARED.names)


def with_surnames(shared: pa.Table) -> pa.Table:
    """Return SHARED with surnames made comparable: "O'Neil-José" is "oneil jose"; without those who have none."""
    surname = stripped(normalise_names(shared["last_name"].combine_chunks()))
    place = shared.column_names.index("last_name")
    return shared.set_column(place, "last_name", surname).filter(pc.is_valid(surname))


def contact_groups(shared: ir.Table) -> ir.Table:
    """Return customers with one contact and one surname, as GROUPS; `shared` comes from `with_surnames`."""
    rows = shared.select(
        "customer_id", source=ibis.literal("profiles"), is_owner=ibis.literal(False), confidence=ibis.literal("low"),
        together=shared.kind + " " + shared.contact + " " + shared.last_name,
        evidence=ibis.literal("same ") + shared.kind + " and surname",
    )
    return _several(rows)


def roster_groups(rosters: ir.Table, identity: ir.Table) -> ir.Table:
    """Return customers on one contract, who pays among them, as GROUPS; `rosters` are `family.ROSTERS`."""
    found = rosters.inner_join(
        identity, [rosters.source == identity.profile_source, rosters.who == identity.profile_id]
    )
    stream = found.source + "." + found.stream
    rows = found.group_by(source=stream, together=found.roster, customer_id=found.customer_id).aggregate(
        is_owner=found.is_owner.any()
    )
    evidence = ibis.literal("on one contract: ") + rows.source + " " + rows.together
    return _several(rows.mutate(confidence=ibis.literal("medium"), evidence=evidence))


def group_ties(groups: ir.Table) -> ir.Table:
    """Return a tie from the first of each group to every other: left, right, confidence, evidence."""
    first = groups.customer_id.min().over(group_by=["source", "together"])
    star = groups.mutate(first=first)
    return star.filter(star.first != star.customer_id).select(
        left=star.first, right=star.customer_id, confidence=star.confidence, evidence=star.evidence
    )


def rank_of(confidence: ir.Value) -> ir.Value:
    """Return 0 for the surest links, then 1 and 2."""
    return ibis.cases(*((confidence == word, rank) for rank, word in enumerate(RANKS)), else_=len(RANKS))


def _several(rows: ir.Table) -> ir.Table:
    counted = rows.mutate(size=rows.count().over(group_by=["source", "together"]))
    return counted.filter(counted["size"].between(2, MOST_TOGETHER)).select(*GROUPS.names).cast(GROUPS)
