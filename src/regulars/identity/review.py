"""Questions about identity that only a person can answer, and what an answer would change.

A question is a pair of profiles: `match`, likely enough to ask and not merged; or `conflict`, where evidence pulls one
profile to two people. Each pair of customers is asked about once, by its strongest pair of profiles.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

SIDES = ("left_source", "left_id", "right_source", "right_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What an answer does to the two customers of a question, before it is given."""

    verdict: str                             # same or different
    sentence: str
    keeps: str | None                        # the customer who goes on; None: both do
    retires: str | None                      # the customer whose id will point at the other


def questions(matches: ir.Table, conflicts: ir.Table, identity: ir.Table, rulings: ir.Table) -> ir.Table:
    """Return the open questions: conflicts first, then the likeliest matches. One row a pair of customers.

    Columns: kind, left_source, left_id, right_source, right_id, left_customer, right_customer, probability (missing
    for conflicts), weight (bits), told (the evidence: JSON of a match, a sentence of a conflict).

    Args:
        matches: pairs with probability, weight and evidence (`matching.MATCHES`).
        conflicts: profile_source, profile_id, left_…, right_…, message (`evidence.CONFLICTS`).
        identity: which customer each profile is now.
        rulings: left_…, right_… of the rulings in force; a pair that was ruled on is not asked again.

    """
    likely = matches.select(
        *SIDES, kind=ibis.literal("match"), probability=matches.probability, weight=matches.weight,
        told=matches.evidence, order=ibis.literal(1, "int64"),
    )
    pulled = _ordered(_pulled(conflicts)).mutate(
        kind=ibis.literal("conflict"), probability=ibis.null("decimal(9, 6)"), weight=ibis.null("decimal(9, 3)"),
        order=ibis.literal(0, "int64"),
    )
    every = ibis.union(likely, pulled.select(*likely.columns))
    open_ = every.anti_join(_ordered(rulings.select(*SIDES)), SIDES)
    for side in ("left", "right"):
        who = identity.select(
            **{f"{side}_source": identity.profile_source, f"{side}_id": identity.profile_id,
               f"{side}_customer": identity.customer_id}
        )
        open_ = open_.inner_join(who, [f"{side}_source", f"{side}_id"])
    two = open_.filter(open_.left_customer != open_.right_customer)
    pair = [ibis.least(two.left_customer, two.right_customer), ibis.greatest(two.left_customer, two.right_customer)]
    best = [two.order, two.probability.desc(), *(two[name] for name in SIDES)]
    first = two.mutate(turn=ibis.row_number().over(group_by=pair, order_by=best))
    asked = first.filter(first.turn == 0).order_by("order", ibis.desc("probability"), *SIDES)
    return asked.select(
        "kind", *SIDES, "left_customer", "right_customer", "probability", "weight", "told"
    )


def question_id(row: dict[str, Any]) -> str:
    """Return the name of the question about two profiles: the same in every run."""
    text = "\0".join(str(row[name]) for name in SIDES)
    return "q_" + hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def consequences(left: dict[str, Any], right: dict[str, Any]) -> tuple[Consequence, Consequence]:
    """Return what `same` and `different` would do to two customers.

    Each side: customer_id, profiles, strong (profiles with exclusive ids), since (when its id was given), events.
    Who goes on is decided as `customer_id.keep_ids` does: most exclusive profiles, most profiles, the older id.
    """
    keeps, retires = sorted(
        (left, right), key=lambda one: (-one["strong"], -one["profiles"], one["since"], one["customer_id"])
    )
    gained = " and ".join(
        f"{retires[noun]:,} {noun.removesuffix('s') if retires[noun] == 1 else noun}" for noun in ("profiles", "events")
    )
    same = Consequence(
        verdict="same", keeps=keeps["customer_id"], retires=retires["customer_id"],
        sentence=f"{keeps['customer_id']} takes over {gained}; {retires['customer_id']} will lead to it",
    )
    different = Consequence(
        verdict="different", keeps=None, retires=None, sentence="they stay two customers and are not asked about again"
    )
    return same, different


def _pulled(conflicts: ir.Table) -> ir.Table:
    """Both ends of each conflict: the profile between, with each of the two it is pulled to."""
    parts = [
        conflicts.select(
            left_source=conflicts.profile_source, left_id=conflicts.profile_id, told=conflicts.message,
            right_source=conflicts[f"{side}_source"], right_id=conflicts[f"{side}_id"],
        )
        for side in ("left", "right")
    ]
    return ibis.union(*parts)


def _ordered(pairs: ir.Table) -> ir.Table:
    """Pairs with the smaller profile on the left."""
    is_turned = (pairs.left_source > pairs.right_source) | (
        (pairs.left_source == pairs.right_source) & (pairs.left_id > pairs.right_id)
    )
    turned = {
        f"{side}_{part}": is_turned.ifelse(pairs[f"{other}_{part}"], pairs[f"{side}_{part}"])
        for side, other in (("left", "right"), ("right", "left")) for part in ("source", "id")
    }
    return pairs.mutate(**turned)
