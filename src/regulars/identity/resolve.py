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
from regulars.identity.customer_id import Kept, formers, keep_ids, mint, revived
from regulars.identity.evidence import conflict_table, evidence_texts
from regulars.identity.exact import exact_evidence, ruling_marks
from regulars.identity.matching import Likeness, Thresholds, likely_links, likeness, probability_of, score
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.separation import Floats, Ints

MOMENT = pa.timestamp("us")

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
    register = register.sort_by([("minted_at", "ascending"), ("customer_id", "ascending")])
    people = _by_age(profiles)
    found = _found(
        people, rulings=RULINGS.empty_table() if rulings is None else rulings, thresholds=thresholds or Thresholds(),
        former=former,
    )
    before = pc.index_in(found.keys, profile_keys(identity["profile_source"], identity["profile_id"]))
    count, component = components(found.links.left, found.links.right, count=len(people))
    until_now = formers(
        before, identity["customer_id"], ids=register["customer_id"], merged_into=register["merged_into"]
    )
    at = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), MOMENT)
    ids, minted, merged = _called(
        people, found.keys, component, until_now, register, components=count, salt=salt, at=at
    )
    result = people.select(["profile_source", "profile_id"])
    result = result.append_column("customer_id", ids.take(pa.array(component)))
    names = pc.binary_join_element_wise(people["profile_source"], people["profile_id"], "/").combine_chunks()
    told = evidence_texts(component, found.links, names, probability=found.probability)
    result = result.append_column("evidence", told)
    return Resolution(
        identity=pa.concat_tables([result.cast(IDENTITY), _gone(identity, found.keys, register, merged)]),
        changes=_changes(result, before, identity, at),
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
    likely = likely_links(scored, merge=thresholds.merge, persons=exact.persons, conflicts=exact.conflicts)
    held, conflicts = untangled(likely, persons=exact.persons)
    links = Links.joined([exact.links, held])
    return _Found(
        keys=keys, links=links, probability=probability_of(scored, links, count=len(people)),
        conflicts=exact.conflicts + conflicts, likeness=likeness(scored, people, thresholds=thresholds),
    )


def _called(
    people: pa.Table, keys: pa.Array, component: Ints, until_now: Ints, register: pa.Table, *, components: int,
    salt: bytes, at: pa.Scalar,
) -> tuple[pa.Array, pa.Table, pa.Table]:
    """The id of each component; REGISTER of those who are new or themselves again, and of those who merged."""
    founding = profile_keys(register["founder_source"], register["founder_id"])
    founder = whole_numbers(pc.index_in(founding, keys).fill_null(-1))
    kept = keep_ids(
        component, until_now, is_strong=people["is_exclusive"].fill_null(False).to_numpy(), components=components,
        formers=len(register), founder=np.append(component, -1)[founder],
    )
    is_retired = np.asarray(register["merged_into"].is_valid())
    back = revived(component, founder, is_new=kept.former < 0, is_retired=is_retired)
    goes_on = np.where(kept.former < 0, back, kept.former)
    oldest = np.unique(component, return_index=True)[1]
    founders = people.select(["profile_source", "profile_id"]).take(pa.array(oldest))
    is_new = pa.array(goes_on < 0)
    fresh = mint(founders.filter(is_new), taken=register["customer_id"], salt=salt)
    ids = register["customer_id"].take(pa.array(goes_on, mask=goes_on < 0)).combine_chunks()
    minted = pa.concat_tables([_minted(founders.filter(is_new), fresh, at), _revived(register, back)])
    return pc.replace_with_mask(ids, is_new, fresh), minted, _merged(register, kept)


def _by_age(profiles: pa.Table) -> pa.Table:
    """Profiles from the oldest on: from here a profile is its row number, whatever order it came in."""
    order = [(name, "ascending") for name in ("created_at", "profile_source", "profile_id")]
    return profiles.take(pc.sort_indices(profiles, order)).combine_chunks()


def _gone(identity: pa.Table, present: pa.Array, register: pa.Table, merged: pa.Table) -> pa.Table:
    """Rows of profiles that their source no longer lists: what they did stays with their customer, or its heir."""
    is_gone = pc.invert(pc.is_in(profile_keys(identity["profile_source"], identity["profile_id"]), present))
    gone = identity.select(IDENTITY.names).filter(is_gone)
    heirs = pa.concat_tables([register.select(REGISTER.names).cast(REGISTER), merged])
    heirs = heirs.filter(pc.is_valid(heirs["merged_into"]))
    customer = gone["customer_id"].combine_chunks()
    while (to := pc.index_in(customer, heirs["customer_id"])).null_count < len(to):
        customer = pc.coalesce(heirs["merged_into"].combine_chunks().take(to), customer)
    gone = gone.set_column(IDENTITY.get_field_index("customer_id"), "customer_id", customer)
    told = pc.binary_join_element_wise("no longer in", gone["profile_source"], " ")
    return gone.set_column(IDENTITY.get_field_index("evidence"), "evidence", told).cast(IDENTITY)


def _changes(result: pa.Table, before: pa.Array, identity: pa.Table, at: pa.Scalar) -> pa.Table:
    """The rows of the map that are new or differ from what the book holds."""
    former = identity["customer_id"].take(before)
    is_same = pc.equal(result["customer_id"], former).fill_null(False)
    since = pc.if_else(is_same, identity["since"].take(before), at)
    is_kept = pc.and_(is_same, pc.equal(result["evidence"], identity["evidence"].take(before)).fill_null(False))
    return result.append_column("since", since).append_column("former_id", former).filter(pc.invert(is_kept))


def _minted(founders: pa.Table, ids: pa.Array, at: pa.Scalar) -> pa.Table:
    return pa.table({
        "customer_id": ids, "founder_source": founders["profile_source"], "founder_id": founders["profile_id"],
        "minted_at": pa.repeat(at, len(ids)), "merged_into": pa.nulls(len(ids), pa.string()),
    }).cast(REGISTER)


def _revived(register: pa.Table, back: Ints) -> pa.Table:
    """Customers who were part of another and are themselves again, with the id they had."""
    again = register.select(REGISTER.names).take(pa.array(back[back >= 0]))
    return again.set_column(
        REGISTER.get_field_index("merged_into"), "merged_into", pa.nulls(len(again), pa.string())
    ).cast(REGISTER)


def _merged(register: pa.Table, kept: Kept) -> pa.Table:
    retired = register.select(REGISTER.names).take(pa.array(kept.retired))
    into = register["customer_id"].take(pa.array(kept.into))
    return retired.set_column(REGISTER.get_field_index("merged_into"), "merged_into", into).cast(REGISTER)
