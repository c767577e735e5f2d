"""Who is found to be one person, by exact evidence and by likeness together: everybody, or those a change can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import Conflict, Links, components, untangled
from regulars.identity.customer_id import heirs
from regulars.identity.day import score_day
from regulars.identity.exact import Exact, exact_evidence, ruling_marks
from regulars.identity.known import Known
from regulars.identity.matching import Likeness, Scored, Thresholds, likely_links, probability_of, score
from regulars.identity.namesake import assured, name_links
from regulars.identity.near import Nodes, Ties
from regulars.identity.numbered import key_table, profile_keys
from regulars.identity.seen import Seen, by_age
from regulars.identity.separation import Bools, Floats
from regulars.identity.today import Today


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Profiles by age and all evidence about them that stands."""

    people: pa.Table
    keys: pa.Array                           # of each profile
    links: Links
    probability: Floats                      # of each link, NaN where it is exact
    conflicts: list[Conflict]
    likeness: Likeness                       # of everybody, also of those who were not looked at
    reached: pa.Array | None = None          # keys of who was looked at, of those that are gone too; None: everybody
    mine: pa.Table | None = None             # known.MAP of these and of everybody who was one customer with one of them


def find_everybody(today: Today, *, rulings: pa.Table, thresholds: Thresholds) -> Found:
    """Learn what likeness says from all profiles, and find who is one person."""
    people = by_age(today.everybody())
    keys = profile_keys(people["profile_source"], people["profile_id"])
    exact = exact_evidence(people, keys=keys, rulings=rulings)
    seen = Seen.of(people, persons=exact.persons, keys=keys, marks=ruling_marks(rulings, keys))
    return _found(people, keys, exact, score(seen, thresholds=thresholds))


def find_reached(
    today: Today, *, told: pa.Array, former: Likeness, known: Known, rulings: pa.Table, thresholds: Thresholds,
) -> Found:
    """Find who is one person among those whom a change can reach; all others stay who they were.

    Args:
        today: All profiles.
        told: Keys of those that came, changed or went since the last run, or were ruled on.
        former: The last run, which `still_holds`.
        known: Who everybody was.
        rulings: `resolve.RULINGS`.
        thresholds: From which probability on pairs are merged and shown.

    """
    nodes = Nodes.of(today, told=told, compared=former.compared)
    sides = [profile_keys(former.matches[f"{side}_source"], former.matches[f"{side}_id"]) for side in ("left", "right")]
    (left, left_before), (right, right_before), namer, name = nodes.places([*sides, *nodes.named()])
    ties: list[Ties] = [(namer[0], name[0]), (namer[0], name[1])]
    touched = nodes.reached(nodes.told, ties=ties)
    people, keys, node = nodes.people(np.flatnonzero(touched & nodes.alive))
    exact = exact_evidence(people, keys=keys, rulings=rulings)
    seen = Seen.of(people, persons=exact.persons, keys=keys, marks=ruling_marks(rulings, keys))
    scored = score_day(
        nodes, seen, node, matched=(left, right), rulings=rulings, former=former, thresholds=thresholds
    )
    # Who hangs together by likeness is decided about together: before and now.
    was_likely = pc.not_equal(former.matches["tier"], "low").to_numpy()
    is_likely = scored.is_medium | scored.is_name
    ties += [(left_before[was_likely], right_before[was_likely]), (scored.left[is_likely], scored.right[is_likely])]
    reached = nodes.reached(np.flatnonzero(touched), ties=ties)
    reached, mine = _with_customers(nodes, reached, ties, known=known)
    # Most days likeness and former customers reach nobody whom a contact did not: these are read already.
    if (reached & nodes.alive & ~touched).any():
        people, keys, node = nodes.people(np.flatnonzero(reached & nodes.alive))
        exact = exact_evidence(people, keys=keys, rulings=rulings)
    found = _found(people, keys, exact, scored.among(node, count=len(nodes.keys)))
    return replace(found, reached=nodes.keys.filter(pa.array(reached)), mine=mine)


def _with_customers(nodes: Nodes, reached: Bools, ties: list[Ties], *, known: Known) -> tuple[Bools, pa.Table]:
    """Everybody who was one customer with somebody reached is reached too; and the rows of the map that are theirs."""
    retired = known.retired()
    into = heirs(retired["customer_id"], retired)
    while True:
        near = known.of_profiles(key_table(nodes.keys.filter(pa.array(reached))))
        customers = pc.unique(heirs(near["customer_id"], retired))
        ids = [customers, retired["customer_id"].filter(pc.is_in(into, value_set=customers)).combine_chunks()]
        theirs = known.of_customers(pc.unique(pa.concat_arrays([*ids, pc.unique(near["customer_id"])])))
        others = profile_keys(theirs["profile_source"], theirs["profile_id"])
        more = nodes.places([others])[0][0] if len(others) else np.zeros(0, dtype=np.int64)
        more = more[more >= 0]
        if not len(more[~reached[more]]):
            return reached, theirs
        reached = nodes.reached(np.concatenate([np.flatnonzero(reached), more]), ties=ties)


def _found(people: pa.Table, keys: pa.Array, exact: Exact, scored: Scored) -> Found:
    persons = exact.persons
    if scored.likeness.model.births_decide:
        persons = replace(persons, strictness="birthdays")
    likely = likely_links(scored, persons=persons, conflicts=exact.conflicts, chosen=scored.is_medium)
    held, conflicts = untangled(likely, persons=persons)
    links = Links.joined([exact.links, held])
    conflicts = exact.conflicts + conflicts
    count = len(people)
    found, person = components(links.left, links.right, count=count)
    persons = replace(persons, person=person, count=found)
    by_name = likely_links(scored, persons=persons, conflicts=conflicts, chosen=scored.is_name)
    by_name = name_links(by_name, people, persons=persons)
    odds = [probability_of(scored, links, count=count), assured(probability_of(scored, by_name, count=count))]
    return Found(
        people=people, keys=keys, links=Links.joined([links, by_name]), probability=np.concatenate(odds),
        conflicts=conflicts, likeness=scored.likeness,
    )
