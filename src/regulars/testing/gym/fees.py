"""Whole-number money: tax on a price, and the shares that processors keep."""

from __future__ import annotations

from regulars.testing.gym.chance import Numbers
from regulars.testing.gym.vocabulary import TAX_PERMYRIAD


def tax_on(net: Numbers) -> Numbers:
    """Return the tax on net amounts in minor units, halves up."""
    return (net * TAX_PERMYRIAD + 5_000) // 10_000


def stripe_fee(amount: Numbers) -> Numbers:
    """Return what Stripe keeps of a charge: 2.9 % and 30 cents."""
    return (amount * 29 + 500) // 1_000 + 30


def square_fee(amount: Numbers) -> Numbers:
    """Return what Square keeps of a card payment: 2.6 % and 10 cents."""
    return (amount * 26 + 500) // 1_000 + 10
