"""From profiles to customers: exact evidence, shared contacts, people's rulings, and ids that last.

Evidence in order: a person's ruling; a system that names another system's id (`same_as`); an equal e-mail address or
phone number that only one person uses; an equal address or number that several people use, with an equal full name; and
likeness in so many fields that it is hardly chance (`matching`).
Two profiles of one exclusive source never become one customer, except by a ruling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import Conflict, Links, components, untangled
from regulars.identity.customer_id import call, entries, formers
from regulars.identity.distinct import firsts
from regulars.identity.evidence import conflict_table, evidence_texts
from regulars.identity.exact import exact_evidence, ruling_marks
from regulars.identity.matching import Likeness, Thresholds, likely_links, probability_of, score
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.profile import KEY
from regulars.identity.separation import Floats
from regulars.records.record import COMPARED_TRAITS

MOMENT = pa.timestamp("us")

ASKED = (
    *KEY, "email", "phone", "name", "first_name", "last_name", "birthday", "created_at", "is_exclusive",
    "same_as_source", "same_as_id", *COMPARED_TRAITS,
)
"""The columns of a profile that decide who it is."""

IDENTITY = pa.schema([(name, pa.string()) for name in ("profile_source", "profile_id", "customer_id", "evidence")])
"""Who each profile is that was ever seen: one row a profile."""

MAP = IDENTITY.append(pa.field("since", MOMENT))
"""The identity map of the book: IDENTITY and since when. Rows of profiles that are gone stay: they may return."""

REGISTER = pa.schema([
    *((name, pa.string()) for name in ("customer_id", "founder_source", "founder_id")),
    ("minted_at", MOMENT), ("merged_into", pa.string()),
])
"""Every customer id ever given: for which profile, when, and, once it is retired, the customer who goes on."""

RULINGS = pa.schema([
    *((name, pa.string()) for name in ("left_source", "left_id", "right_source", "right_id", "verdict")),
    ("ruled_at", MOMENT),
])
"""What people decided of two profiles: verdict `same` or `different`; the newest of a pair counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Who is who, and what that changes in the book."""

    identity: pa.Table                       # IDENTITY of all profiles, those that are gone too
    changes: pa.Table                        # MAP plus former_id: only rows that differ from what the book holds
    minted: pa.Table                         # REGISTER: customers who are new, or themselves again
    merged: pa.Table                         # REGISTER: customers who are now part of another
    conflicts: pa.Table                      # evidence.CONFLICTS: all there are now
    likeness: Likeness                       # pairs that are likely or possibly one person, and what the next run needs


def resolve(
    profiles: pa.Table,
    *,
    now: datetime,
    salt: bytes,
    rulings: pa.Table | None = None,
    identity: pa.Table | None = None,
    register: pa.Table | None = None,
    thresholds: Thresholds | None = None,
    former: Likeness | None = None,
) -> Resolution:
    """Decide which profiles are one customer and which id each customer has.

    Args:
        profiles: One row a (profile_source, profile_id), normalised (see `profile.normalised`).
        now: When ids made or merged now were made or merged.
        salt: The project's key for new ids.
        rulings: RULINGS.
        identity: MAP as the book has it.
        register: REGISTER as the book has it; knows every id of `identity`.
        thresholds: From which probability on pairs are merged and shown.
        former: What the last run knew of likeness; with it only what changed is weighed.

    """
    identity = MAP.empty_table() if identity is None else identity
    register = REGISTER.empty_table() if register is None else register
    register = register.select(REGISTER.names).cast(REGISTER)
    register = register.sort_by([("minted_at", "ascending"), ("customer_id", "ascending")]).combine_chunks()
    people = _by_age(profiles)
    found = _found(
        people, rulings=RULINGS.empty_table() if rulings is None else rulings, thresholds=thresholds or Thresholds(),
        former=former,
    )
    before = pc.index_in(found.keys, profile_keys(identity["profile_source"], identity["profile_id"]))
    customers, component = components(found.links.left, found.links.right, count=len(people))
    ids, merged_into = register["customer_id"].combine_chunks(), register["merged_into"]
    founding = profile_keys(register["founder_source"], register["founder_id"])
    founders = people.select(list(KEY)).take(pa.array(firsts(component, count=customers)))
    called = call(
        component, formers(before, identity["customer_id"], ids=ids, merged_into=merged_into),
        founder=whole_numbers(pc.index_in(founding, found.keys).fill_null(-1)),
        is_strong=people["is_exclusive"].fill_null(False).to_numpy(), founders=founders, ids=ids,
        merged_into=merged_into, salt=salt,
    )
    minted, merged = entries(called, register, founders, now=now)
    result = people.select(list(KEY)).append_column("customer_id", called.ids.take(pa.array(component)))
    names = pc.binary_join_element_wise(people["profile_source"], people["profile_id"], "/").combine_chunks()
    told = evidence_texts(component, found.links, names, probability=found.probability)
    result = result.append_column("evidence", told)
    return Resolution(
        identity=pa.concat_tables([result.cast(IDENTITY), _gone(identity, before, register, merged)]),
        changes=_changes(result, before, identity, now),
        minted=minted,
        merged=merged,
        conflicts=conflict_table(found.conflicts, people, result["customer_id"]),
        likeness=found.likeness,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All evidence that stands, exact and likely."""

    keys: pa.Array                           # of each profile
    links: Links
    probability: Floats                      # of each link, NaN where it is exact
    conflicts: list[Conflict]
    likeness: Likeness


def _found(people: pa.Table, *, rulings: pa.Table, thresholds: Thresholds, former: Likeness | None) -> _Found:
    keys = profile_keys(people["profile_source"], people["profile_id"])
    exact = exact_evidence(people, keys=keys, rulings=rulings)
    scored = score(
        people, persons=exact.persons, marks=ruling_marks(rulings, keys), keys=keys, thresholds=thresholds,
        former=former,
    )
    likely = likely_links(scored, persons=exact.persons, conflicts=exact.conflicts)
    held, conflicts = untangled(likely, persons=exact.persons)
    links = Links.joined([exact.links, held])
    return _Found(
        keys=keys, links=links, probability=probability_of(scored, links, count=len(people)),
        conflicts=exact.conflicts + conflicts, likeness=scored.likeness,
    )


def _by_age(profiles: pa.Table) -> pa.Table:
    """Profiles from the oldest on: from here a profile is its row number, whatever order it came in."""
    order = [(name, "ascending") for name in ("created_at", "profile_source", "profile_id")]
    looked_at = profiles.select([name for name in ASKED if name in profiles.column_names]).combine_chunks()
    people = looked_at.take(pc.sort_indices(looked_at, order)).combine_chunks()
    # Exact evidence and likeness both look these texts up; a column that is encoded already is not encoded again.
    for name in ("email", "phone", "name", "first_name", "last_name"):
        people = people.set_column(people.column_names.index(name), name, people[name].dictionary_encode())
    return people


def _gone(identity: pa.Table, before: pa.Array, register: pa.Table, merged: pa.Table) -> pa.Table:
    """Rows of profiles that their source no longer lists: what they did stays with their customer, or its heir."""
    is_gone = np.ones(len(identity), dtype=bool)
    is_gone[whole_numbers(before.drop_null())] = False
    gone = identity.select(IDENTITY.names).filter(pa.array(is_gone))
    heirs = pa.concat_tables([register.select(REGISTER.names).cast(REGISTER), merged])
    heirs = heirs.filter(pc.is_valid(heirs["merged_into"]))
    customer = gone["customer_id"].combine_chunks()
    while (to := pc.index_in(customer, heirs["customer_id"])).null_count < len(to):
        customer = pc.coalesce(heirs["merged_into"].combine_chunks().take(to), customer)
    gone = gone.set_column(IDENTITY.get_field_index("customer_id"), "customer_id", customer)
    told = pc.binary_join_element_wise("no longer in", gone["profile_source"], " ")
    return gone.set_column(IDENTITY.get_field_index("evidence"), "evidence", told).cast(IDENTITY)


def _changes(result: pa.Table, before: pa.Array, identity: pa.Table, now: datetime) -> pa.Table:
    """The rows of the map that are new or differ from what the book holds."""
    at = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), MOMENT)
    former = identity["customer_id"].take(before)
    is_same = pc.equal(result["customer_id"], former).fill_null(False)
    since = pc.if_else(is_same, identity["since"].take(before), at)
    is_kept = pc.and_(is_same, pc.equal(result["evidence"], identity["evidence"].take(before)).fill_null(False))
    return result.append_column("since", since).append_column("former_id", former).filter(pc.invert(is_kept))
