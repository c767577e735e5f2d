"""Who is whose parent or guardian: what sources say, what contracts and contacts suggest, and what is refused.

Of everything that speaks for one guardian of one child the surest link is kept. Links are kept for life: whether the
child is a minor, and the guardian therefore a guardian, is asked of a day.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from regulars.identity.age import ADULT_AT, age_on, is_minor_on
from regulars.identity.kin import rank_of
from regulars.records import quarantine

FAMILY_LINKS = ibis.schema({
    "guardian_customer_id": "string", "child_customer_id": "string", "relationship": "string", "confidence": "string",
    "source": "string", "evidence": "string",
})
"""One row a guardian and child: relationship `parent` or `guardian`, confidence as in `kin.RANKS`, who says so."""

YEARS_BETWEEN = 15
"""Least years between a minor and an adult who is only inferred to be the guardian: an elder sibling is none."""

_PAIR = ["guardian_customer_id", "child_customer_id"]
_DOWN = {"child": "parent", "ward": "guardian"}
_UP = {"parent": "parent", "guardian": "guardian"}


TOLD = ibis.schema({
    **FAMILY_LINKS, "of_source": "string", "of_stream": "string", "record_key": "string", "recorded_at": "timestamp",
    "relation": "string", "reason": "string",
})
"""One row a relation between two customers that a record tells, the elder generation first.

relationship is missing among equals; reason says why the relation is refused, missing for those that stand.
"""


def told_relations(relations: ir.Table, people: ir.Table, *, identity: ir.Table, on: date) -> ir.Table:
    """Return relations by who they are about, and which of them cannot be meant: TOLD.

    Args:
        relations: `family.RELATIONS`; those with people whom nobody knows make nothing.
        people: customer_id and birthday of every customer.
        identity: which profile is which customer.
        on: the business day that ages are counted on.

    """
    return _judged(_told(relations, identity), _aged(people, on)).select(*TOLD.names).cast(TOLD)


def family_links(
    told: ir.Table, relations: ir.Table, groups: ir.Table, people: ir.Table, *, identity: ir.Table, uses: ir.Table,
    on: date,
) -> ir.Table:
    """Decide who is whose parent or guardian: FAMILY_LINKS, the surest link of each two.

    Args:
        told: TOLD.
        relations: `family.RELATIONS`, whom_email normalised.
        groups: `kin.GROUPS`.
        people: customer_id and birthday of every customer.
        identity: which profile is which customer.
        uses: who uses which contact (see `kin.contact_uses`).
        on: the business day that ages are counted on.

    """
    aged = _aged(people, on)
    parental = told.filter(told.reason.isnull(), told.relationship.notnull())
    return _surest(ibis.union(
        parental.select(*FAMILY_LINKS.names),
        _by_address(relations, aged, identity=identity, uses=uses).select(*FAMILY_LINKS.names),
        _grouped(groups, aged).select(*FAMILY_LINKS.names),
    ))


def family_ties(links: ir.Table, told: ir.Table) -> ir.Table:
    """Return who belongs together because they are family: left, right, confidence, evidence. One row a reason."""
    equals = told.filter(told.reason.isnull(), told.relationship.isnull())
    names = {"left": "guardian_customer_id", "right": "child_customer_id"}
    return ibis.union(*(rows.select("confidence", "evidence", **names) for rows in (links, equals))).select(
        "left", "right", "confidence", "evidence"
    )


def refused_relations(told: ir.Table) -> ir.Table:
    """Return the quarantine rows of relations that cannot be meant."""
    bad = told.filter(told.reason.notnull())
    return quarantine.shaped(
        bad.mutate(payload=ibis.null("string"), fingerprint=ibis.null("string"), seq=ibis.null("int64")),
        source=bad.of_source, stream=bad.of_stream, reason=bad.reason, field=ibis.literal("family"), value=bad.relation,
    )


def with_minors(people: ir.Table, links: ir.Table, *, on: date) -> ir.Table:
    """Return people with has_parent (a parent or guardian is on file) and is_minor on a day. One row a customer."""
    child = links.select(customer_id="child_customer_id", has_parent=ibis.literal(True)).distinct()
    found = people.left_join(child, "customer_id").drop("customer_id_right")
    found = found.mutate(has_parent=found.has_parent.fill_null(False))
    return found.mutate(is_minor=is_minor_on(found.birthday, found.has_parent, on))


def guardians(links: ir.Table, aged: ir.Table) -> ir.Table:
    """Return the links from an adult to a minor, as FAMILY_LINKS; `aged`: customer_id, is_minor."""
    minors, adults = aged.filter(aged.is_minor), aged.filter(~aged.is_minor)
    found = links.semi_join(minors, links.child_customer_id == minors.customer_id)
    return found.semi_join(adults, found.guardian_customer_id == adults.customer_id)


def _aged(people: ir.Table, on: date) -> ir.Table:
    """customer_id, birthday (none that is still to come) and is_minor, true only where the birthday says so."""
    birthday = (people.birthday <= ibis.literal(on)).ifelse(people.birthday, ibis.null("date"))
    known = people.select("customer_id", birthday=birthday)
    return known.mutate(is_minor=(age_on(known.birthday, on) < ADULT_AT).fill_null(False))


def _told(relations: ir.Table, identity: ir.Table) -> ir.Table:
    """Relations between two customers, the elder generation first; relationship is missing among equals."""
    found = _with_customer(_with_customer(relations, identity, "who"), identity, "whom")
    is_down = found.relation.isin([*_DOWN])
    source = found.source + "." + found.stream
    return found.select(
        guardian_customer_id=is_down.ifelse(found.who_customer, found.whom_customer),
        child_customer_id=is_down.ifelse(found.whom_customer, found.who_customer),
        relationship=found.relation.cases(*_DOWN.items(), *_UP.items(), else_=ibis.null("string")),
        confidence=found.confidence, source=source, evidence=found.relation + ": " + source,
        of_source=found.source, of_stream=found.stream, record_key=found.record_key, recorded_at=found.recorded_at,
        relation=found.relation,
    )


def _with_customer(relations: ir.Table, identity: ir.Table, name: str) -> ir.Table:
    """Add the customer behind a profile id of the relation's source; relations with strangers fall away."""
    known = identity.select(known_source="profile_source", known_id="profile_id", **{f"{name}_customer": "customer_id"})
    joined = relations.inner_join(
        known, [relations.source == known.known_source, relations[name] == known.known_id]
    )
    return joined.drop("known_source", "known_id")


def _judged(told: ir.Table, aged: ir.Table) -> ir.Table:
    """Add the reason why a relation is refused, missing for those that stand."""
    both = _with_ages(told, aged)
    is_parental = both.relationship.notnull()
    judged = both.mutate(reason=ibis.cases(
        (both.guardian_customer_id == both.child_customer_id, "self_relation"),
        (is_parental & both.guardian_is_minor, "minor_guardian"),
        (is_parental & (both.guardian_birthday >= both.child_birthday), "younger_guardian"),
    ))
    standing = judged.filter(judged.reason.isnull(), judged.relationship.notnull())
    # A relation with its opposite beside it: the same two the other way round.
    opposite = standing.select(guardian_customer_id="child_customer_id", child_customer_id="guardian_customer_id")
    opposite = opposite.distinct().mutate(is_contradicted=True)
    told_twice = judged.left_join(opposite, _PAIR).drop("guardian_customer_id_right", "child_customer_id_right")
    is_twice = told_twice.is_contradicted.fill_null(False) & told_twice.relationship.notnull()
    reason = ibis.coalesce(told_twice.reason, is_twice.ifelse("contradictory", ibis.null("string")))
    return told_twice.mutate(reason=reason)


def _with_ages(pairs: ir.Table, aged: ir.Table) -> ir.Table:
    for role in ("guardian", "child"):
        own = aged.select(**{
            f"{role}_customer_id": "customer_id", f"{role}_birthday": "birthday", f"{role}_is_minor": "is_minor",
        })
        pairs = pairs.inner_join(own, f"{role}_customer_id")
    return pairs


def _by_address(relations: ir.Table, aged: ir.Table, *, identity: ir.Table, uses: ir.Table) -> ir.Table:
    """Links of minors whose record carries the address of somebody else, who is of an age to be their guardian."""
    found = _with_customer(relations.filter(relations.whom_email.notnull()), identity, "who")
    mail = uses.filter(uses.kind == "email").select(guardian_customer_id="customer_id", whom_email="contact")
    found = found.inner_join(mail, "whom_email")
    source = found.source + "." + found.stream
    pairs = found.select(
        "guardian_customer_id", child_customer_id="who_customer", relationship=ibis.literal("guardian"),
        confidence="confidence", source=source, evidence=ibis.literal("address of the child's record: ") + source,
    )
    return _plausible(_with_ages(pairs, aged))


def _grouped(groups: ir.Table, aged: ir.Table) -> ir.Table:
    """Links from each minor of a group to its first adult who can be the guardian: who pays, else the eldest."""
    child = groups.select("source", "together", "confidence", "evidence", child_customer_id="customer_id")
    adult = groups.select("source", "together", "is_owner", guardian_customer_id="customer_id")
    pairs = _plausible(_with_ages(child.inner_join(adult, ["source", "together"]), aged))
    order = [
        pairs.is_owner.desc(), ibis.asc("guardian_birthday", nulls_first=False), pairs.guardian_customer_id,
    ]
    place = ibis.row_number().over(group_by=["source", "together", "child_customer_id"], order_by=order)
    placed = pairs.mutate(place=place)
    return placed.filter(placed.place == 0).mutate(relationship=ibis.literal("guardian"))


def _plausible(pairs: ir.Table) -> ir.Table:
    """Pairs of a minor and an adult old enough; an adult without a birthday may be."""
    years = pairs.child_birthday.year() - pairs.guardian_birthday.year()
    return pairs.filter(pairs.child_is_minor, ~pairs.guardian_is_minor, (years >= YEARS_BETWEEN).fill_null(True))


def _surest(links: ir.Table) -> ir.Table:
    """One link a pair: the surest; of equals a parent's, then the first by source and evidence."""
    order = [rank_of(links.confidence), links.relationship != "parent", links.source, links.evidence]
    placed = links.mutate(place=ibis.row_number().over(group_by=_PAIR, order_by=order))
    return placed.filter(placed.place == 0).select(*FAMILY_LINKS.names)
