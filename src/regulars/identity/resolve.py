"""From profiles to customers: exact evidence, shared contacts, people's rulings, and ids that last.

Evidence in order: a person's ruling; a system that names another system's id (`same_as`); an equal e-mail address or
phone number that only one person uses; an equal address or number that several people use, with an equal full name; and
likeness in so many fields that it is hardly chance (`matching`).
Two profiles of one exclusive source never become one customer, except by a ruling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import components
from regulars.identity.customer_id import call, entries, formers, heirs
from regulars.identity.distinct import firsts
from regulars.identity.evidence import CONFLICTS, conflict_table, evidence_texts
from regulars.identity.found import Found, find_everybody, find_reached
from regulars.identity.known import IDENTITY, MOMENT, NOBODY, Known
from regulars.identity.matching import Likeness, Thresholds
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.profile import KEY
from regulars.identity.today import Gathered, Today

RULINGS = pa.schema([
    *((name, pa.string()) for name in ("left_source", "left_id", "right_source", "right_id", "verdict")),
    ("ruled_at", MOMENT),
])
"""What people decided of two profiles: verdict `same` or `different`; the newest of a pair counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Who is who, and what that changes in the book."""

    identity: pa.Table                       # IDENTITY of everybody decided about, of profiles that are gone too
    is_whole: bool                           # whether that is everybody; whoever it is not is who he was
    changes: pa.Table                        # MAP plus former_id: only rows that differ from what the book holds
    minted: pa.Table                         # REGISTER: customers who are new, or themselves again
    merged: pa.Table                         # REGISTER: customers who are now part of another
    conflicts: pa.Table                      # evidence.CONFLICTS: all there are now
    likeness: Likeness                       # pairs that are likely or possibly one person, and what the next run needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What the last run knew, for a day to go on from."""

    likeness: Likeness
    conflicts: pa.Table                      # evidence.CONFLICTS: all there were

    @classmethod
    def of(cls, last: Resolution) -> Former:
        """Return what a resolution leaves to the next."""
        return cls(likeness=last.likeness, conflicts=last.conflicts)


def resolve(
    profiles: pa.Table | Today,
    *,
    now: datetime,
    salt: bytes,
    rulings: pa.Table | None = None,
    known: Known = NOBODY,
    thresholds: Thresholds | None = None,
    former: Former | None = None,
    told: pa.Table | None = None,
) -> Resolution:
    """Decide which profiles are one customer and which id each customer has.

    Args:
        profiles: One row a (profile_source, profile_id), normalised (see `profile.normalised`): a table, or what gives
            those that are asked for.
        now: When ids made or merged now were made or merged.
        salt: The project's key for new ids.
        rulings: RULINGS.
        known: Who everybody was, as the book has it.
        thresholds: From which probability on pairs are merged and shown.
        former: What the last run knew; with it nothing is learned, and only what changed is weighed.
        told: profile_source and profile_id of every profile that came, changed or went since then, or about which a
            ruling was made or taken back; with it only whom these can reach is decided about. None: any may have.

    """
    today = Gathered(profiles) if isinstance(profiles, pa.Table) else profiles
    found = _found(
        today, known, rulings=RULINGS.empty_table() if rulings is None else rulings,
        thresholds=thresholds or Thresholds(), former=former, told=told,
    )
    mine = known.identity() if found.mine is None else found.mine
    theirs = _theirs(known, mine, found)
    people, before = found.people, pc.index_in(found.keys, profile_keys(mine["profile_source"], mine["profile_id"]))
    count, component = components(found.links.left, found.links.right, count=len(people))
    founders = people.select(list(KEY)).take(pa.array(firsts(component, count=count)))
    ids, merged_into = theirs["customer_id"].combine_chunks(), theirs["merged_into"]
    founding = profile_keys(theirs["founder_source"], theirs["founder_id"])
    called = call(
        component, formers(before, mine["customer_id"], ids=ids, merged_into=merged_into),
        founder=whole_numbers(pc.index_in(founding, found.keys).fill_null(-1)),
        is_strong=people["is_exclusive"].fill_null(False).to_numpy(), founders=founders, ids=ids,
        merged_into=merged_into, salt=salt, given=known.given,
    )
    minted, merged = entries(called, theirs, founders, now=now)
    result = people.select(list(KEY)).append_column("customer_id", called.ids.take(pa.array(component)))
    names = pc.binary_join_element_wise(people["profile_source"], people["profile_id"], "/").combine_chunks()
    evidence = evidence_texts(component, found.links, names, probability=found.probability)
    result = result.append_column("evidence", evidence)
    return Resolution(
        identity=pa.concat_tables([result.cast(IDENTITY), _gone(mine, before, theirs, merged)]),
        is_whole=found.reached is None,
        changes=_changes(result, before, mine, now),
        minted=minted,
        merged=merged,
        conflicts=_conflicts(found, result["customer_id"], former),
        likeness=found.likeness,
    )


def _found(
    today: Today, known: Known, *, rulings: pa.Table, thresholds: Thresholds, former: Former | None,
    told: pa.Table | None,
) -> Found:
    """All evidence that stands: of everybody, or of those whom a change can reach."""
    if former is None or not former.likeness.still_holds(today.count, thresholds):
        return find_everybody(today, rulings=rulings, thresholds=thresholds)
    tables = [today.everybody(), former.likeness.compared] if told is None else [told]
    keys = pa.concat_arrays([profile_keys(table["profile_source"], table["profile_id"]) for table in tables])
    found = find_reached(
        today, told=keys, former=former.likeness, known=known, rulings=rulings, thresholds=thresholds,
    )
    return found if told is not None else replace(found, reached=None, mine=None)


def _theirs(known: Known, mine: pa.Table, found: Found) -> pa.Table:
    """The ids of customers who are decided about, and those that were given for one of their profiles; oldest first."""
    if found.mine is None:
        register = known.register()
    else:
        had = pc.unique(mine["customer_id"])
        ids = pc.unique(pa.concat_arrays([had, heirs(had, known.retired())]))
        register = known.ids_of(ids, founders=found.people.select(list(KEY)))
    return register.sort_by([("minted_at", "ascending"), ("customer_id", "ascending")]).combine_chunks()


def _conflicts(found: Found, customers: pa.Array, former: Former | None) -> pa.Table:
    """The conflicts that were found, and those of whoever was not looked at."""
    table = conflict_table(found.conflicts, found.people, customers)
    if former is None or found.reached is None:
        return table
    is_open = np.ones(len(former.conflicts), dtype=bool)
    for end in ("profile", "left", "right"):
        keys = profile_keys(former.conflicts[f"{end}_source"], former.conflicts[f"{end}_id"])
        is_open &= ~pc.is_in(keys, value_set=found.reached).to_numpy(zero_copy_only=False)
    return pa.concat_tables([table, former.conflicts.filter(pa.array(is_open)).cast(CONFLICTS)]).sort_by("conflict_id")


def _gone(identity: pa.Table, before: pa.Array, register: pa.Table, merged: pa.Table) -> pa.Table:
    """Rows of profiles that their source no longer lists: what they did stays with their customer, or its heir."""
    is_gone = np.ones(len(identity), dtype=bool)
    is_gone[whole_numbers(before.drop_null())] = False
    gone = identity.select(IDENTITY.names).filter(pa.array(is_gone))
    retired = pa.concat_tables([register, merged])
    customer = heirs(gone["customer_id"], retired.filter(pc.is_valid(retired["merged_into"])))
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
