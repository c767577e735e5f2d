"""Customers: one row a person, with the best that any of the profiles knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from regulars.identity.profile import KEY

FACTS = {
    "name": "raw_name", "first_name": "raw_first_name", "last_name": "raw_last_name",
    "email": "email", "phone": "phone", "birthday": "birthday",
}
"""Columns of a customer and the column of the profiles that they come from: names as people write them."""


def customers(
    profiles: ir.Table,
    identity: ir.Table,
    events: ir.Table | None = None,
    *,
    mine: ir.Table | None = None,
    source_priority: Sequence[str] = (),
    traits: Sequence[str] = (),
) -> ir.Table:
    """One row a customer: everybody, or those whose rows of `identity` are `mine`.

    customer_id, name, first_name, last_name, email, phone, birthday, the traits; first_seen and last_seen (business
    days of the first and last event, missing without events); profiles (how many there still are), sources
    ("capitan,stripe"); is_email_shared and is_phone_shared (another customer uses it too).
    A customer whose profiles are all gone from their sources stays, without contact.
    Of several values the best is taken: from the first source in `source_priority`, then from sources with exclusive
    ids, then the newest.
    """
    asked = identity if mine is None else mine
    people = _ranked(profiles, asked, source_priority)
    best = _best(people, {**FACTS, **{trait: trait for trait in traits}}, profiles=people.is_present.count())
    used = people if mine is None else _users(best, profiles, identity)
    best = best.left_join(_sources(people), "customer_id").drop("customer_id_right")
    for contact in ("email", "phone"):
        best = _with_shared(best, used, contact)
    told = events if events is None or mine is None else events.semi_join(mine, list(KEY))
    best = best.left_join(_seen(asked, told), "customer_id").drop("customer_id_right")
    columns = ["first_seen", "last_seen", "profiles", "sources", "is_email_shared", "is_phone_shared"]
    return best.select("customer_id", *FACTS, *columns, *traits)


def facts(profiles: ir.Table, identity: ir.Table, *, source_priority: Sequence[str] = ()) -> ir.Table:
    """One row a customer: customer_id and FACTS, chosen as in `customers`."""
    return _best(_ranked(profiles, identity, source_priority), FACTS)


def _best(people: ir.Table, columns: Mapping[str, str], **counted: ir.Value) -> ir.Table:
    """One row a customer: of each column the value of the profile whose word counts most among those that have one."""
    best = {name: people[of].argmin(people.rank, where=people[of].notnull()) for name, of in columns.items()}
    return people.group_by("customer_id").aggregate(**best, **counted)


def _ranked(profiles: ir.Table, identity: ir.Table, source_priority: Sequence[str]) -> ir.Table:
    """Every customer's profiles, numbered from the one whose word counts most; is_present is missing of those gone."""
    told = identity.left_join(profiles.mutate(is_present=True), ["profile_source", "profile_id"])
    people = told.drop("profile_source_right", "profile_id_right")
    places = [(people.profile_source == source, place) for place, source in enumerate(source_priority)]
    place = ibis.cases(*places, else_=len(places)) if places else ibis.literal(0)
    order = [place, people.is_exclusive.desc(), people.recorded_at.desc(), people.profile_source, people.profile_id]
    return people.mutate(rank=ibis.row_number().over(group_by="customer_id", order_by=order))


def _sources(people: ir.Table) -> ir.Table:
    """customer_id and the names of its sources, in order, joined by commas."""
    each = people.select("customer_id", "profile_source").distinct()
    return each.group_by("customer_id").aggregate(sources=each.profile_source.collect().sort().join(","))


def _users(best: ir.Table, profiles: ir.Table, identity: ir.Table) -> ir.Table:
    """Return customer_id, email and phone of everybody with a contact that is some customer's best."""
    is_used = [profiles[contact].isin(best[contact]) for contact in ("email", "phone")]
    used = profiles.filter(ibis.or_(*is_used)).select(*KEY, "email", "phone")
    return used.inner_join(identity, list(KEY)).select("customer_id", "email", "phone")


def _with_shared(best: ir.Table, people: ir.Table, contact: str) -> ir.Table:
    """Add whether the customer's contact point is used by another customer's profiles too."""
    known = people.filter(people[contact].notnull())
    used = known.select("customer_id", used=known[contact]).distinct()
    users = used.group_by("used").aggregate(users=used.count())
    joined = best.left_join(users, best[contact] == users.used)
    is_shared = (joined.users > 1).fill_null(False)
    return joined.mutate(**{f"is_{contact}_shared": is_shared}).drop("users", "used")


def _seen(identity: ir.Table, events: ir.Table | None) -> ir.Table:
    """customer_id, first_seen, last_seen of all customers with events."""
    if events is None:
        return identity.select("customer_id", first_seen=ibis.null("date"), last_seen=ibis.null("date")).limit(0)
    # Profiles first: there are far fewer of them than events, so that little is joined.
    day = events.business_day
    by_profile = events.group_by("profile_source", "profile_id").aggregate(first=day.min(), last=day.max())
    theirs = by_profile.inner_join(identity, ["profile_source", "profile_id"])
    return theirs.group_by("customer_id").aggregate(first_seen=theirs["first"].min(), last_seen=theirs["last"].max())
