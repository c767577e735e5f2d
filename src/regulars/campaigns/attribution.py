"""Which messages a conversion is put down to: five models over one table of touches, exact to the cent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import numpy as np
import pyarrow as pa

from regulars.campaigns.spans import SECOND, Whole, moments, pairs, second_of, whole_seconds

Model = Literal["first", "last", "linear", "time_decay", "position"]

_TEXT, _MOMENT, _WHOLE = pa.string(), pa.timestamp("us"), pa.int64()

TOUCH = pa.schema([("touch_id", _TEXT), ("customer", _TEXT), ("campaign", _TEXT), ("at", _MOMENT)])
"""A message that reached somebody: what we did, never what they did. Times are UTC."""

CONVERSION = pa.schema([
    ("conversion_id", _TEXT), ("customer", _TEXT), ("at", _MOMENT), ("value", _WHOLE), ("currency", _TEXT),
])
"""Something that was hoped for: `value` in minor units, negative for what was given back, below 5 * 10 ** 11."""

CREDIT = pa.schema([
    ("conversion_id", _TEXT), ("customer", _TEXT), ("converted_at", _MOMENT), ("touch_id", _TEXT), ("campaign", _TEXT),
    ("touched_at", _MOMENT), ("position", _WHOLE), ("touches", _WHOLE), ("value", _WHOLE), ("currency", _TEXT),
])
"""One row per conversion and touch that has a part in it; one with null touch_id where no touch came before.
`position` counts from 1, oldest first. The values of a conversion sum to its value, whatever the model.
"""

_SCALE = 1 << 24                             # weights are whole numbers: so nothing is ever rounded but a half-life


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The touches that count before each conversion, in order of time: a row each, one where there is none."""

    conversions: pa.Table                    # CONVERSION
    every_touch: pa.Table                   # TOUCH
    conversion: Whole                        # row number
    touch: Whole                             # row number; -1: none
    position: Whole                          # from 1
    touches: Whole                           # before this conversion
    behind: Whole                            # microseconds behind the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What was brought against what it cost: shares (0.5 is 50 %); null without a denominator."""

    roi: float | None
    roas: float | None
    cost_per_conversion: float | None        # minor units


def paths(touches: pa.Table, conversions: pa.Table, *, window: timedelta = timedelta(days=30)) -> Paths:
    """Put the touches that count before each conversion, for every model to share its value among.

    Args:
        touches: columns of TOUCH.
        conversions: columns of CONVERSION.
        window: How long before the conversion a touch counts; one at the very moment does.

    """
    ordered = touches.sort_by([("at", "ascending"), ("touch_id", "ascending")])
    at, touched_at = moments(conversions["at"]), moments(ordered["at"])
    found = pairs(
        conversions["customer"], second_of(at) - whole_seconds(window), at + 1, right=ordered["customer"],
        at=touched_at,
    )
    rows = np.maximum(found.counts, 1)
    first = np.repeat(np.cumsum(rows) - rows, rows)
    touch = np.full(len(first), -1)
    touch[np.repeat(found.counts > 0, rows)] = found.right
    seconds = second_of(np.append(touched_at, 0)[touch])
    return Paths(
        conversions=conversions, every_touch=ordered, conversion=np.repeat(np.arange(len(at)), rows), touch=touch,
        position=np.arange(len(first)) - first + 1, touches=np.repeat(found.counts, rows),
        behind=seconds[first + np.repeat(rows, rows) - 1] - seconds,
    )


def attributed(of: Paths, *, model: Model, half_life: timedelta = timedelta(days=7)) -> pa.Table:
    """Share each conversion's value among the touches before it. Columns of CREDIT.

    first and last give it to one touch; linear to all alike; time_decay half as much to a touch that is a half-life
    (of whole seconds) older; position 40 % to the first and the last and 20 % to those between (half each to two, all
    to one). Cents that do not divide go to those with the largest remainders, then to the older touch, so that no cent
    is lost or made.
    """
    weight = _WEIGHTS[model](of, whole_seconds(half_life))
    has_part = weight > 0
    conversion, touch, position = of.conversion[has_part], of.touch[has_part], of.position[has_part]
    value = of.conversions["value"].combine_chunks().to_numpy()[conversion]
    # Shares are of the size; the sign comes back at the end, so that what is given back is shared alike.
    shares = _shared(np.abs(value), weight[has_part], of=conversion, position=position) * np.sign(value)
    told, mine = of.conversions.take(conversion), of.every_touch.take(pa.array(touch, mask=touch < 0))
    return pa.table({
        "conversion_id": told["conversion_id"], "customer": told["customer"], "converted_at": told["at"],
        "touch_id": mine["touch_id"], "campaign": mine["campaign"], "touched_at": mine["at"], "position": position,
        "touches": of.touches[has_part], "value": shares, "currency": told["currency"],
    }, schema=CREDIT)


def by_campaign(credit: pa.Table) -> pa.Table:
    """Sum credit up. One row per campaign and currency: campaign (null: nobody was written to), currency, value.

    Also conversions (how many it had a part in) and customers (how many people they are of).
    """
    found = credit.group_by(["campaign", "currency"]).aggregate([
        ("value", "sum"), ("conversion_id", "count_distinct"), ("customer", "count_distinct"),
    ])
    return found.rename_columns(["campaign", "currency", "value", "conversions", "customers"])


def returned(value: int, *, cost: int, conversions: int) -> Return:
    """Set what was brought against what it cost, in minor units; nothing spent is no endless return."""
    return Return(
        roi=(value - cost) / cost if cost else None, roas=value / cost if cost else None,
        cost_per_conversion=cost / conversions if conversions else None,
    )


def _shared(size: Whole, weight: Whole, *, of: Whole, position: Whole) -> Whole:
    """Divide each size among the rows of its conversion by their weights, in whole numbers and without a rest."""
    if not len(of):
        return size
    begins = np.flatnonzero(np.diff(of, prepend=-1))
    rows = np.diff(begins, append=len(of))
    share, remainder = np.divmod(size * weight, np.repeat(np.add.reduceat(weight, begins), rows))
    left = size - np.repeat(np.add.reduceat(share, begins), rows)
    rank = np.empty(len(of), np.int64)
    rank[np.lexsort((position, -remainder, of))] = np.arange(len(of)) - np.repeat(begins, rows)
    told: Whole = share + (rank < left)
    return told


def _first(of: Paths, _: int) -> Whole:
    told: Whole = (of.position == 1).astype(np.int64)
    return told


def _last(of: Paths, _: int) -> Whole:
    return (of.position >= of.touches).astype(np.int64)


def _linear(of: Paths, _: int) -> Whole:
    return np.ones(len(of.position), np.int64)


def _time_decay(of: Paths, half_life: int) -> Whole:
    """Weigh by 2 ** -(age / half-life), the age behind the last touch: only the proportions count.

    Rounding to 24 bits makes it one number on every machine; a touch 25 half-lives older gets nothing.
    """
    halved = (of.behind // SECOND) / (half_life // SECOND)
    told: Whole = np.rint(2.0 ** -halved * _SCALE).astype(np.int64)
    return told


def _position(of: Paths, _: int) -> Whole:
    """Weigh the ends 2 (n - 2) each and those between 1 each: of 5 (n - 2) that is 40, 20 and 40 per cent."""
    is_end = (of.position == 1) | (of.position == of.touches)
    return np.where(of.touches <= 2, 1, np.where(is_end, 2 * (of.touches - 2), 1))


_WEIGHTS: Mapping[Model, Callable[[Paths, int], Whole]] = MappingProxyType({
    "first": _first, "last": _last, "linear": _linear, "time_decay": _time_decay, "position": _position,
})
