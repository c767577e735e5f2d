"""A day: what changed is weighed against everybody it resembles; all other pairs stand as the last run left them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from regulars.identity.blocking import Blocks, sharing
from regulars.identity.comparison import Compared
from regulars.identity.exact import known_persons
from regulars.identity.matching import MATCHES, Likeness, Scored, Thresholds, Told, kept_probabilities
from regulars.identity.near import Nodes, Ties
from regulars.identity.portrait import portraits
from regulars.identity.seen import COMPARED_PROFILES, Seen
from regulars.identity.separation import Bools, Ints


def score_day(
    nodes: Nodes, seen: Seen, node: Ints, *, matched: Ties, rulings: pa.Table, former: Likeness, thresholds: Thresholds
) -> Scored:
    """Score the pairs with a profile that is new or changed; profiles are numbered as nodes.

    Args:
        nodes: All profiles, as the last run left them and as they are.
        seen: Those about whom exact evidence was asked again.
        node: The node of each of these.
        matched: The nodes of today of both sides of each of the last run's matches, -1 for those that are gone.
        rulings: `resolve.RULINGS`.
        former: The last run, which `still_holds`.
        thresholds: Pairs below that of review are not returned.

    """
    is_seen, is_changed = np.zeros((2, len(nodes.keys)), dtype=bool)
    is_seen[node] = True
    # Where the tiers begin elsewhere now, every pair is weighed again.
    is_changed[node] = (nodes.fingerprint[node] != seen.fingerprint) | (former.thresholds.merge != thresholds.merge)
    person, blocks = nodes.with_seen(seen, node, limits=former.model.limits)
    left, right = blocks.pairs(person=person, among=is_changed)
    rows = _standing(former, blocks, person, matched, is_changed=is_changed, review=thresholds.review)
    # Of whoever is compared all profiles: what one does not know another of the same person may.
    people, keys, met = nodes.people(sharing(person, person[np.concatenate([left, right])]))
    persons = known_persons(people, person[met], keys=keys, rulings=rulings)
    whole, place = portraits(people).completed(persons.person), np.full(len(nodes.keys), -1)
    place[met] = np.arange(len(met))
    one, other = place[left], place[right]
    pairs = Compared.of(whole, np.minimum(one, other), np.maximum(one, other), persons=persons)
    fresh = Told.of(former.model, whole, pairs, people=people, thresholds=thresholds)
    standing = former.matches.select(MATCHES.names).take(pa.array(rows)).cast(MATCHES)
    told = Told.joined([
        Told(left=met[fresh.left], right=met[fresh.right], matches=fresh.matches),
        Told(left=matched[0][rows], right=matched[1][rows], matches=standing),
    ])
    count, now = len(former.compared), seen.remembered()
    rest = former.compared.select(COMPARED_PROFILES.names).filter(pa.array(nodes.alive[:count] & ~is_seen[:count]))
    return told.scored(Likeness(
        model=former.model, matches=told.matches, thresholds=thresholds, weighed=len(pairs.left),
        compared=pa.concat_tables([rest.cast(COMPARED_PROFILES), now]), seen=now,
    ))


def _standing(
    former: Likeness, blocks: Blocks, person: Ints, matched: Ties, *, is_changed: Bools, review: float
) -> Ints:
    """The rows of the last run's matches whose profiles are what they were, and that would still be compared.

    What keeps two people apart is part of what a profile is (`Seen.fingerprint`): it needs no second question here.
    """
    one, other = matched
    stands = (one >= 0) & (other >= 0) & ~is_changed[one] & ~is_changed[other] & (person[one] != person[other])
    rows = np.flatnonzero(stands & (kept_probabilities(former.matches) >= review))
    # A block that grew too large since speaks for nobody any more.
    return rows[blocks.hold(one[rows], other[rows])]
