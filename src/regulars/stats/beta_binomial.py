"""What two shares may be, exactly: Beta posteriors, for counts too small for a normal curve.

The same warning as in `bayes`: a chance to win is not safe to stop by after many looks.
Source: Gelman et al., Bayesian Data Analysis (2013), section 2.4.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import betainc, betaln, expit, logit, polygamma, psi, xlogy

from regulars.stats.bayes import Belief
from regulars.stats.effect import Numbers
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha

_NODES = 48                                  # of a panel
_HALVINGS = 32                               # of the range of differences, 2 wide: 5e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta:
    """A Beta distribution of a share: as if that many had said yes and no. Beta(1, 1) finds every share as likely."""

    yes: Numbers = 1.0
    no: Numbers = 1.0

    def __post_init__(self) -> None:
        if not (np.all(np.asarray(self.yes) > 0) and np.all(np.asarray(self.no) > 0)):
            raise ValueError(f"a Beta of {self.yes} and {self.no}; both are positive, as 1 and 1 for every share alike")

    def updated(self, successes: Numbers, trials: Numbers) -> "Beta":
        """Return the posterior. Raises ValueError unless 0 <= successes <= trials."""
        made, tried = np.asarray(successes), np.asarray(trials)
        if not np.all((made >= 0) & (made <= tried)):
            raise ValueError(f"{successes} successes of {trials}; successes lie between 0 and the trials")
        return Beta(yes=self.yes + made, no=self.no + tried - made)

    @property
    def mean(self) -> Array:
        """Expected share."""
        return np.asarray(self.yes / (np.asarray(self.yes) + self.no))


def believe(control: Beta, variant: Beta, *, alpha: float = 0.05) -> Belief:
    """Return what to think of the variant's share less the control's; posteriors broadcast.

    The value is the expected difference, the interval central, the losses in points of the share.
    """
    check_alpha(alpha)
    more_control = Beta(yes=control.yes + np.asarray(1.0), no=control.no)
    more_variant = Beta(yes=variant.yes + np.asarray(1.0), no=variant.no)
    # E[B 1(B > A)] is E[B] times the chance that a B drawn in proportion to its size wins.
    if_kept = variant.mean * _chance(control, more_variant) - control.mean * _chance(more_control, variant)
    if_chosen = control.mean * _chance(variant, more_control) - variant.mean * _chance(more_variant, control)
    return Belief(
        value=variant.mean - control.mean,
        low=_quantile(control, variant, alpha / 2),
        high=_quantile(control, variant, 1 - alpha / 2),
        chance_to_win=_chance(control, variant),
        loss_if_chosen=np.maximum(if_chosen, 0.0),
        loss_if_kept=np.maximum(if_kept, 0.0),
    )


def _chance(low: Beta, high: Beta, *, ahead_by: Numbers = 0.0) -> Array:
    """Return P(high > low + ahead_by), by quadrature over the narrower of the two: the other is smooth beside it."""
    spread_low, spread_high = (polygamma(1, beta.yes) + polygamma(1, beta.no) for beta in (low, high))
    over_high = np.asarray(spread_high <= spread_low)
    ahead = np.asarray(ahead_by, dtype=np.float64)
    edge = np.where(ahead < 0, 1 + ahead, ahead)     # share of high's at which the other can no longer win, or only win
    narrow = Beta(yes=np.where(over_high, high.yes, low.yes), no=np.where(over_high, high.no, low.no))
    share, weight = _nodes(narrow, edge=np.where(over_high, edge, 1 - edge))
    ahead = ahead[..., None]
    # P(low < x - d) when x is high's, P(high > x + d) when it is low's: one is the other with yes and no changed over.
    over_high = over_high[..., None]
    is_beaten = betainc(
        np.where(over_high, np.asarray(low.yes)[..., None], np.asarray(high.no)[..., None]),
        np.where(over_high, np.asarray(low.no)[..., None], np.asarray(high.yes)[..., None]),
        np.clip(np.where(over_high, share - ahead, 1 - share - ahead), 0.0, 1.0),
    )
    return np.asarray(np.sum(is_beaten * weight, axis=-1))


def _nodes(beta: Beta, *, edge: Array) -> tuple[Array, Array]:
    """Return shares and weights of a Beta, last axis: panels that meet at its centre and at the edge.

    By Gauss-Legendre on the log odds, which are smooth and have exponential tails: exp(yes x) to the left and
    exp(-no x) to the right.
    """
    yes, no, edge = np.broadcast_arrays(np.asarray(beta.yes, np.float64), np.asarray(beta.no, np.float64), edge)
    centre = psi(yes) - psi(no)
    spread = 9 * np.sqrt(polygamma(1, yes) + polygamma(1, no))
    first, last = centre - spread - 25 / yes, centre + spread + 25 / no
    cuts = np.sort(np.stack([first, centre, np.clip(logit(edge), first, last), last], axis=-1), axis=-1)
    points, weights = leggauss(_NODES)
    half = np.diff(cuts, axis=-1)[..., None] / 2
    at = (cuts[..., :-1, None] + half * (points + 1)).reshape(*yes.shape, -1)
    width = (half * weights).reshape(*yes.shape, -1)
    share = expit(at)
    density = np.exp(xlogy(yes[..., None], share) + xlogy(no[..., None], expit(-at)) - betaln(yes, no)[..., None])
    return share, density * width


def _quantile(control: Beta, variant: Beta, share: float) -> Array:
    shape = np.broadcast_shapes(control.mean.shape, variant.mean.shape)
    low, high = np.full(shape, -1.0), np.full(shape, 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_below = 1 - _chance(control, variant, ahead_by=middle) < share
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)
