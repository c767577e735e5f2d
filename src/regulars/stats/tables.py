"""Tables of successes and trials: tests that hold for a handful of units, and the interval of a difference of shares.

Where few successes are expected the exact test is Barnard's: he asks over all tables that two shares could have given,
not only over those with the same total of successes as Fisher does, and is therefore the more powerful one. It orders
tables by the score statistic, the same that the test for large tables uses, so both meet where one takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from regulars.stats.effect import Inference
from regulars.stats.moments import Array

Counts: TypeAlias = NDArray[np.float64]
FEW = 5.0                                              # Cochran (1954): least expected count of the score test
NUISANCE = 400                                         # shares tried at each of three passes
WORK = 250_000                                         # tables that Barnard's test may have to look at
TIE = 1 - 1e-7                                         # tables this near count as equally surprising


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How many of how many, in the control and in a variant; arrays of one shape, whole numbers.

    Raises ValueError where more succeeded than tried, or a count is negative or not whole.
    """

    control_successes: Counts
    control_trials: Counts
    variant_successes: Counts
    variant_trials: Counts

    def __post_init__(self) -> None:
        fields = ("control_successes", "control_trials", "variant_successes", "variant_trials")
        columns = np.broadcast_arrays(*(np.asarray(getattr(self, name), dtype=np.float64) for name in fields))
        for name, column in zip(fields, columns, strict=True):
            if not (np.isfinite(column).all() and (column >= 0).all() and (column == np.floor(column)).all()):
                raise ValueError(f"{name} must be whole numbers from 0 on")
            object.__setattr__(self, name, column)
        if (columns[0] > columns[1]).any() or (columns[2] > columns[3]).any():
            raise ValueError("there cannot be more successes than trials")

    @property
    def difference(self) -> Array:
        """The variant's share less the control's; NaN without trials."""
        shares: Array = _share(self.variant_successes, self.variant_trials) - _share(
            self.control_successes, self.control_trials
        )
        return shares

    @property
    def is_answerable(self) -> NDArray[np.bool_]:
        """Whether a test can say anything: both have trials, and not all of them ended alike."""
        successes = self.control_successes + self.variant_successes
        trials = self.control_trials + self.variant_trials
        return (self.control_trials > 0) & (self.variant_trials > 0) & (successes > 0) & (successes < trials)

    @property
    def least_expected(self) -> Array:
        """The smallest count of the table expected if both shares were the same."""
        successes = self.control_successes + self.variant_successes
        trials = self.control_trials + self.variant_trials
        rarer = np.minimum(successes, trials - successes)
        with np.errstate(divide="ignore", invalid="ignore"):
            least: Array = rarer * np.minimum(self.control_trials, self.variant_trials) / trials
        return least


def compare_shares(shares: Shares, *, alpha: float = 0.05) -> Inference:
    """Difference of shares, Newcombe's interval, and the p-value of Barnard's test where few are expected.

    Few is a least expected count below 5; from there on it is the score test. Few of a great many are left to Fisher's
    test, whose work does not grow with the trials. Where all trials ended alike there is an interval but no p-value:
    NaN, since no table of that kind could have surprised. Interval and p-value are of different descent: where p is
    near alpha, one may leave out no difference and the other not.
    """
    low, high = newcombe(shares, alpha=alpha)
    few = shares.is_answerable & (shares.least_expected < FEW)
    many = shares.control_trials * shares.variant_trials > WORK
    p = np.array(chi_square(shares))
    p[few & ~many] = barnard(_only(shares, few & ~many))
    p[few & many] = fisher(_only(shares, few & many))
    return Inference(value=shares.difference, low=low, high=high, p=p)


def chi_square(shares: Shares, *, is_corrected: bool = False) -> Array:
    """p-values of the score test of equal shares, pooled variance; NaN where nothing can be said.

    Uncorrected it is Pearson's (1900) chi-square, the square of the pooled z. Corrected by Yates (1934) it imitates
    Fisher's test and is as cautious.
    """
    successes = shares.control_successes + shares.variant_successes
    trials = shares.control_trials + shares.variant_trials
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(shares.variant_successes - successes * shares.variant_trials / trials)
        if is_corrected:
            gap = np.maximum(gap - 0.5, 0.0)
        # All four cells are off by the same gap: the sum of gap^2 / expected is gap^2 trials^3 / product of the margins
        margins = successes * (trials - successes) * shares.control_trials * shares.variant_trials
        statistic = gap * np.sqrt(trials**3 / margins)
    return np.where(shares.is_answerable, 2 * special.ndtr(-statistic), np.nan)


def fisher(shares: Shares) -> Array:
    """Fisher's (1935) exact p-values: all tables with these margins that are no likelier than the one met."""
    p = [_fisher(*row) if answerable else np.nan for row, answerable in _rows(shares)]
    return np.array(p).reshape(shares.control_trials.shape)


def barnard(shares: Shares) -> Array:
    """Barnard's (1947) exact p-values, tables ordered by the score statistic: Suissa & Shuster (1985).

    The common share, which nobody knows, is the one that makes the table least surprising. Work grows with the product
    of the trials: thousands of trials belong to `chi_square`.
    """
    p = [_barnard(*row) if answerable else np.nan for row, answerable in _rows(shares)]
    return np.array(p).reshape(shares.control_trials.shape)


def wilson(successes: Counts, *, trials: Counts, alpha: float = 0.05) -> tuple[Array, Array]:
    """Ends of the interval of a share, within 0 and 1, NaN without trials. Source: Wilson (1927)."""
    z = float(special.ndtri(1 - alpha / 2))
    share = _share(successes, trials)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = share + z**2 / (2 * trials)
        reach = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
        scale = 1 + z**2 / trials
        return np.maximum((centre - reach) / scale, 0.0), np.minimum((centre + reach) / scale, 1.0)


def newcombe(shares: Shares, *, alpha: float = 0.05) -> tuple[Array, Array]:
    """Ends of the interval of the difference of shares, NaN without trials. Source: Newcombe (1998), method 10."""
    control = _share(shares.control_successes, shares.control_trials)
    variant = _share(shares.variant_successes, shares.variant_trials)
    control_low, control_high = wilson(shares.control_successes, trials=shares.control_trials, alpha=alpha)
    variant_low, variant_high = wilson(shares.variant_successes, trials=shares.variant_trials, alpha=alpha)
    low = variant - control - np.hypot(variant - variant_low, control_high - control)
    high = variant - control + np.hypot(variant_high - variant, control - control_low)
    return low, high


def _share(successes: Counts, trials: Counts) -> Array:
    share: Array = successes / np.where(np.asarray(trials) > 0, trials, np.nan)
    return share


def _only(shares: Shares, which: NDArray[np.bool_]) -> Shares:
    return Shares(
        control_successes=shares.control_successes[which], control_trials=shares.control_trials[which],
        variant_successes=shares.variant_successes[which], variant_trials=shares.variant_trials[which],
    )


def _rows(shares: Shares) -> list[tuple[tuple[int, int, int, int], bool]]:
    columns = (shares.control_successes, shares.control_trials, shares.variant_successes, shares.variant_trials)
    flat = np.stack([column.ravel() for column in columns], axis=-1).astype(np.int64).tolist()
    return [((a, n, b, m), bool(ok)) for (a, n, b, m), ok in zip(flat, shares.is_answerable.ravel(), strict=True)]


def _fisher(control: int, of_control: int, variant: int, of_variant: int) -> float:
    total = control + variant
    counts = np.arange(max(0, total - of_control), min(of_variant, total) + 1)
    logs = _log_choose(of_variant, counts) + _log_choose(of_control, total - counts)
    chance = np.exp(logs - _log_choose(of_control + of_variant, np.array(total)))
    met = chance[variant - counts[0]]
    return min(float(chance[chance <= met / TIE].sum()), 1.0)


def _barnard(control: int, of_control: int, variant: int, of_variant: int) -> float:
    first, second = np.arange(of_control + 1.0)[:, np.newaxis], np.arange(of_variant + 1.0)
    pooled = (first + second) / (of_control + of_variant)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = (second / of_variant - first / of_control) ** 2 / (pooled * (1 - pooled))
    square = np.nan_to_num(square)
    surprising = (square >= square[control, variant] * TIE).astype(np.float64)
    low, high = 0.0, 1.0
    best = 0.0
    for _ in range(3):
        shares = np.linspace(low, high, NUISANCE + 1)
        chances = ((_binomial(of_control, shares) @ surprising) * _binomial(of_variant, shares)).sum(axis=-1)
        place = int(chances.argmax())
        best = max(best, float(chances[place]))
        low, high = shares[max(place - 1, 0)], shares[min(place + 1, NUISANCE)]
    return min(best, 1.0)


def _binomial(trials: int, shares: Array) -> Array:
    """Chances of 0 to `trials` successes: (shares, trials + 1)."""
    counts = np.arange(trials + 1.0)
    logs = special.xlogy(counts, shares[:, np.newaxis]) + special.xlog1py(trials - counts, -shares[:, np.newaxis])
    chances: Array = np.exp(logs + _log_choose(trials, counts))
    return chances


def _log_choose(of: int, counts: NDArray[np.generic]) -> Array:
    logs: Array = special.gammaln(of + 1) - special.gammaln(counts + 1) - special.gammaln(of - counts + 1)
    return logs
