"""What a campaign added: those it was meant for against those who were drawn by lot and left alone.

Everybody who was drawn counts, reached or not: who could not be written to is in both groups alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.stats.compare import compare
from regulars.stats.inference import infer
from regulars.stats.moments import Moments
from regulars.stats.tables import Shares, compare_shares

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the people of one variant did."""

    variant: str
    people: int
    converted: int
    value: float                             # minor units, all together
    squares: float                           # of each person's value, all together


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; null where nobody can tell."""

    number: float | None
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What a variant added beyond what would have been without it, all its people together."""

    variant: str
    held_out: str                            # the variant that got nothing
    people: int
    of_held_out: int                         # people held out
    conversions: Estimate                    # people who would not have converted
    value: Estimate                          # minor units


def drawn(people: pa.Table) -> list[Drawn]:
    """Sum up what people did, by variant, in order.

    `people`: one row a person: variant, converted_at (null: did not), value (minor units).
    """
    worth = people["value"].cast(pa.float64())
    told = pa.table({
        "variant": people["variant"], "converted": pc.is_valid(people["converted_at"]).cast(pa.int64()),
        "value": worth, "squares": pc.multiply(worth, worth),
    })
    found = told.group_by("variant", use_threads=False).aggregate(
        [([], "count_all"), ("converted", "sum"), ("value", "sum"), ("squares", "sum")]
    ).sort_by("variant")
    return [
        Drawn(
            variant=row["variant"], people=row["count_all"], converted=row["converted_sum"], value=row["value_sum"],
            squares=row["squares_sum"],
        ) for row in found.to_pylist()
    ]


def added(told: Sequence[Drawn], *, held_out: str) -> list[Added]:
    """Return what each variant added against the one that got nothing; none where nobody was held out.

    Shares by Newcombe's interval, values by Welch's t; both times the people of the variant.
    """
    by_variant = {one.variant: one for one in told}
    base = by_variant.get(held_out)
    if base is None:
        return []
    return [_added(by_variant[name], base) for name in sorted(by_variant) if name != held_out]


def _added(mine: Drawn, base: Drawn) -> Added:
    shares = compare_shares(Shares(
        control_successes=np.array(float(base.converted)), control_trials=np.array(float(base.people)),
        variant_successes=np.array(float(mine.converted)), variant_trials=np.array(float(mine.people)),
    ))
    cells = [base, mine]
    worth = infer(compare(Moments(
        units=np.array([[float(one.people)] for one in cells]), sums=np.array([[[one.value]] for one in cells]),
        products=np.array([[[[one.squares]]] for one in cells]),
    )).effect)
    return Added(
        variant=mine.variant, held_out=base.variant, people=mine.people, of_held_out=base.people,
        conversions=_estimate((shares.value, shares.low, shares.high), shares.p, of=mine.people),
        value=_estimate((worth.value, worth.low, worth.high), worth.p, of=mine.people),
    )


def _estimate(numbers: tuple[object, object, object], p: object, *, of: int) -> Estimate:
    number, low, high = (_known(each) for each in numbers)
    return Estimate(
        number=None if number is None else number * of, low=None if low is None else low * of,
        high=None if high is None else high * of, p=_known(p),
    )


def _known(number: object) -> float | None:
    value = float(np.asarray(number, np.float64).ravel()[0])
    return None if np.isnan(value) else value
