"""How sure one may be that a variant does better: the one analysis behind every answer of the A/B service.

Shares are compared by an exact test where few conversions are expected and the score test elsewhere (`stats.tables`);
epochs with other ratios are strata. Besides, evidence that may be looked at after every reply: under no difference each
next conversion belongs to A with the share of recipients that A has, so conversions are tested like a sample ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from regulars.stats import beta_binomial, sample_ratio
from regulars.stats.beta_binomial import Beta
from regulars.stats.compare import Comparison as Effects
from regulars.stats.compare import compare as compare_moments
from regulars.stats.effect import Inference
from regulars.stats.inference import infer
from regulars.stats.lift import fieller
from regulars.stats.moments import Moments
from regulars.stats.tables import Shares, chi_square, compare_shares, fisher

Ends: TypeAlias = tuple[float | None, float | None, float | None, float | None]

SIGNIFICANT = 0.05
FEW = 30
"""Recipients of a variant below which the reference names nobody, and neither do we."""
BELIEF = 30.0
"""How firmly the evidence expects even shares, in conversions a variant: sharpest for lifts of a fifth to a half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Recipients and conversions of both variants in one epoch."""

    a_units: int
    a_conversions: int
    b_units: int
    b_conversions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """B against A; what cannot be said is None."""

    a_units: int
    b_units: int
    a_rate: float | None
    b_rate: float | None
    difference: float | None                 # B less A, in points of the share
    low: float | None                        # of the difference, at one look and 95 %
    high: float | None
    p: float | None                          # at one look
    p_any_time: float | None                 # however often one looks
    lift: float | None                       # B relative to A: 0.5 is half as much again
    lift_low: float | None                   # None where the lift has no end there
    lift_high: float | None
    leading: str | None                      # who has the higher share, sure or not

    @property
    def confidence(self) -> float:
        """Return one minus p as the reference shows it, 0 where there is no p; it is no chance of being right."""
        return 0.0 if self.p is None or self.leading is None else 1 - self.p

    @property
    def is_significant(self) -> bool:
        """Return whether p is below 5 % at one look."""
        return self.p is not None and self.p < SIGNIFICANT


def compare(cells: Sequence[Cell]) -> Comparison:
    """Return what the cells of all epochs say together."""
    usable = [cell for cell in cells if cell.a_units and cell.b_units]
    a_units, b_units = sum(cell.a_units for cell in cells), sum(cell.b_units for cell in cells)
    a_rate = _rate(sum(cell.a_conversions for cell in cells), a_units)
    b_rate = _rate(sum(cell.b_conversions for cell in cells), b_units)
    if not usable:
        return Comparison(
            a_units=a_units, b_units=b_units, a_rate=a_rate, b_rate=b_rate, difference=None, low=None, high=None,
            p=None, p_any_time=None, lift=None, lift_low=None, lift_high=None, leading=None,
        )
    compared = compare_moments(_moments(usable))
    is_one_table = len(usable) == 1
    difference, low, high, p = _read(compare_shares(_shares(usable[0])) if is_one_table else infer(compared.effect))
    return Comparison(
        a_units=a_units, b_units=b_units, a_rate=a_rate, b_rate=b_rate, difference=difference, low=low, high=high,
        p=p, p_any_time=any_time(usable), leading=_leading(difference), **_lift(compared),
    )


def any_time(cells: Sequence[Cell]) -> float | None:
    """Return the p-value that holds however often one looks; None before the first conversion.

    Epochs are independent: their evidence multiplies.
    """
    counts = np.array([[cell.a_conversions, cell.b_conversions] for cell in cells], dtype=np.float64)
    if not counts.any():
        return None
    units = np.array([[cell.a_units, cell.b_units] for cell in cells], dtype=np.float64)
    tests = sample_ratio.any_time(counts, units / units.sum(axis=-1, keepdims=True), strength=BELIEF)
    evidence = float(np.prod(tests.evidence[counts.any(axis=-1)]))
    return min(1.0, 1 / evidence) if evidence > 0 else 1.0


def significance(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Return the reference's answer about two variants of {messages_sent, conversions}, and better fields beside it.

    `winner` is the higher share, as there: it says who leads, and `decision` what that is worth.
    Raises ValueError for counts that are negative, not whole, or more conversions than messages.
    """
    cell = Cell(
        a_units=_count(a["messages_sent"]), a_conversions=_count(a["conversions"]),
        b_units=_count(b["messages_sent"]), b_conversions=_count(b["conversions"]),
    )
    shares = _shares(cell)
    found = compare([cell])
    is_few = min(found.a_units, found.b_units) < FEW
    forms = {
        "p_value_uncorrected": chi_square(shares), "p_value_yates": chi_square(shares, is_corrected=True),
        "p_value_fisher": fisher(shares),
    }
    return {
        # The reference has p = 1 where nothing could have surprised; is_answerable tells the two apart.
        "p_value": 1.0 if found.p is None else found.p, "confidence_level": found.confidence,
        "one_minus_p": None if found.p is None else 1 - found.p,
        "significant": found.is_significant, "insufficient_sample_size": is_few,
        "winner": None if is_few else found.leading, "leading_variant": found.leading,
        "decision": _decision(found, is_few=is_few),
        "variant_a_rate": found.a_rate or 0.0, "variant_b_rate": found.b_rate or 0.0,
        "is_answerable": found.p is not None, "difference": found.difference,
        "difference_low": found.low, "difference_high": found.high, "lift": found.lift, "lift_low": found.lift_low,
        "lift_high": found.lift_high, "p_value_any_time": found.p_any_time,
        **{name: _known(p[0]) for name, p in forms.items()}, **beliefs(cell),
    }


def beliefs(cell: Cell) -> dict[str, float]:
    """Return the chance that B's true share is higher, every share as likely before, and what a wrong choice costs.

    Takes a sixth of a second: it is not part of what is computed for every page.
    """
    before = Beta()
    found = beta_binomial.believe(
        before.updated(cell.a_conversions, cell.a_units), before.updated(cell.b_conversions, cell.b_units)
    )
    return {
        "probability_b_beats_a": float(found.chance_to_win), "expected_loss_of_b": float(found.loss_if_chosen),
        "expected_loss_of_a": float(found.loss_if_kept),
    }


def _decision(found: Comparison, *, is_few: bool) -> str:
    if is_few:
        return "too_early"
    return "significant" if found.is_significant else "no_difference_shown"


def _count(value: object) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value // 1:
        raise ValueError(f"{value!r} is no count")
    return int(value)


def _shares(cell: Cell) -> Shares:
    return Shares(
        control_successes=np.array([cell.a_conversions]), control_trials=np.array([cell.a_units]),
        variant_successes=np.array([cell.b_conversions]), variant_trials=np.array([cell.b_units]),
    )


def _read(found: Inference) -> Ends:
    value, low, high, p = (_known(np.asarray(each).item()) for each in (found.value, found.low, found.high, found.p))
    return value, low, high, p


def _lift(compared: Effects) -> dict[str, float | None]:
    """Lifts by Fieller; where they fall into two pieces, or A has none to be relative to, nothing is said of them."""
    found = fieller(compared, floor=-1)
    value, low, high, _ = _read(found.inference)
    is_split = _known(np.asarray(found.gap_low).item()) is not None
    ends = [None if end is None or is_split or np.isinf(end) else end for end in (low, high)]
    return {"lift": value if value is None or np.isfinite(value) else None, "lift_low": ends[0], "lift_high": ends[1]}


def _moments(cells: Sequence[Cell]) -> Moments:
    units = np.array([[cell.a_units for cell in cells], [cell.b_units for cell in cells]], dtype=np.float64)
    made = np.array([[cell.a_conversions for cell in cells], [cell.b_conversions for cell in cells]], dtype=np.float64)
    # A conversion counts 1, so its square does too.
    return Moments(units=units, sums=made[..., np.newaxis], products=made[..., np.newaxis, np.newaxis])


def _leading(difference: float | None) -> str | None:
    if difference is None or abs(difference) < 1e-12:
        return None
    return "B" if difference > 0 else "A"


def _rate(conversions: int, units: int) -> float | None:
    return conversions / units if units else None


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
