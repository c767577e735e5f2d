"""What was truly given back: refunds long after the sale, whole and in part, and payments that a bank took back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.business_time import DAY, utc_seconds
from regulars.testing.gym.chance import Flags, Numbers
from regulars.testing.gym.desk_sales import TWIN_PRICE, DeskSales
from regulars.testing.gym.online_sales import OnlineSales
from regulars.testing.gym.setting import Setting

DISPUTE_FEE = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Givebacks:
    """One row per refund or dispute: the position of the sale it belongs to, the amount, and when (UTC seconds)."""

    sale: Numbers
    amount: Numbers                # minor units, positive
    at: Numbers
    is_partial: Flags


def give_back_online(setting: Setting, sales: OnlineSales) -> tuple[Givebacks, Givebacks]:
    """Return Stripe's refunds and disputes; no sale has both."""
    rng = setting.rng("online givebacks")
    end = _end(setting)
    parties = np.flatnonzero(sales.is_paid & (sales.net == TWIN_PRICE) & (sales.paid_at + 25 * DAY < end))
    can = sales.is_paid & (sales.paid_at + 2 * DAY < end) & (sales.amount > 1000)
    can[parties] = False
    others = rng.permutation(np.flatnonzero(can))
    refunds, disputes = setting.sized(140, at_least=4), setting.sized(8, at_least=1)
    party = parties[: max(1, refunds // 10)]
    sale = np.r_[party, others[:refunds]]
    partial = np.r_[np.zeros(len(party), bool), rng.random(min(refunds, len(others))) < 0.35]
    refunded = _dated(rng, sale, partial, paid=sales.paid_at[sale], amount=sales.amount[sale], end=end)
    refunded.at[: len(party)] = sales.paid_at[party] + 20 * DAY
    lost = others[refunds : refunds + disputes]
    whole = np.zeros(len(lost), dtype=bool)
    taken = _dated(rng, lost, whole, paid=sales.paid_at[lost], amount=sales.amount[lost], end=end)
    return refunded, taken


def give_back_at_desk(setting: Setting, sales: DeskSales) -> Givebacks:
    """Return Square's refunds; an order of several lines is refunded whole."""
    rng = setting.rng("desk givebacks")
    end = _end(setting)
    lines = np.bincount(sales.line_order, minlength=len(sales.payer))
    can = sales.is_paid & ~sales.is_split & (sales.at + 2 * DAY < end)
    sale = rng.permutation(np.flatnonzero(can))[: setting.sized(110, at_least=4)]
    partial = (rng.random(len(sale)) < 0.35) & (lines[sale] == 1)
    return _dated(rng, sale, partial, paid=sales.at[sale], amount=sales.total[sale], end=end)


def _end(setting: Setting) -> int:
    return int(utc_seconds(np.array([setting.last_day]), np.array([20 * 3600]))[0])


def _dated(
    rng: np.random.Generator, sale: Numbers, partial: Flags, *, paid: Numbers, amount: Numbers, end: int
) -> Givebacks:
    """Minutes to sixty days after the payment, never after the last day."""
    wait = np.minimum((rng.random(len(sale)) * 60 * DAY).astype(np.int64) + 600, end - paid)
    part = (amount * rng.integers(20, 80, len(sale))) // 100
    return Givebacks(sale=sale, amount=np.where(partial, part, amount), at=paid + wait, is_partial=partial)
