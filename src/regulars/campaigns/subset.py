"""A test before a campaign: some of its people get its variants, and the others, a while later, the one that did best.

variants: {short: {text: …}, long: {text: …}}
test: {share: 20 %, winner_by: clicked, after: 4 hours, unclear: wait}
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from regulars.later import np, pa

Unclear = Literal["wait", "leading"]

REST = "(winner)"
"""The variant of those who wait for the winner."""

BY: tuple[str, ...] = ("clicked", "replied", "agreed")
"""What people do with a message, by which a winner may be told; beside these, the metrics of the campaign's goals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetTest:
    """How a campaign is tested on some of its people."""

    share: Fraction                          # of those who can be written to
    winner_by: str                           # one of BY, or the metric of a goal
    after: timedelta                         # after the last message of the test
    unclear: Unclear = "wait"                # where the difference may be chance: a person chooses, or what leads goes


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTest:
    """A test as whoever plans or reads a campaign is told of it."""

    share: float                             # of those who can be written to, 0 to 1
    winner_by: str
    winner_at: datetime                      # at the earliest
    unclear: Unclear


def first_test(test: SubsetTest | None, *, starts_at: datetime) -> FirstTest | None:
    """Return what is told of a test that starts at a moment; None of none."""
    if test is None:
        return None
    return FirstTest(
        share=float(test.share), winner_by=test.winner_by, winner_at=starts_at + test.after, unclear=test.unclear
    )


def dealt(customers: Sequence[str], variants: Sequence[str], *, share: Fraction, key: str) -> pa.Array:
    """Return each customer's variant, or REST, in order: exact shares, the same whatever the order of the list.

    Args:
        customers: Ids, each once.
        variants: At least one; each gets as many people as the others, give or take one.
        share: Of the customers who are in the test; to the nearest whole number, but at least one a variant.
        key: Another key is another draw.

    """
    tested = min(max(int(share * len(customers) + Fraction(1, 2)), len(variants)), len(customers))
    digests = [hashlib.sha256(f"{key}\0{each}".encode()).digest()[:8] for each in customers]
    places = np.frombuffer(b"".join(digests), ">u8")
    # Two ids with one place are told apart by themselves: the draw never depends on their order.
    order = np.lexsort((np.array(customers, dtype=np.str_), places))
    names = np.array([REST, *variants])
    which = np.zeros(len(customers), np.int64)
    which[order[:tested]] = 1 + np.arange(tested) % len(variants)
    return pa.array(names).take(pa.array(which))
