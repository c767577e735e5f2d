"""What a campaign hopes for: a metric people move, how long after the message that still counts, and what it is worth.

    goals:
      - {metric: memberships_started, within: 14 days, worth: 45.00}
      - {metric: revenue_net, within: 30 days}

    goals: [{metric: orders, code: discount_code}]       # whose rows say which promo code was used

The first is what `converted` means. A metric of money is worth its own amounts; each conversion of another is worth
`worth`, in the currency of the business, and nothing where none is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignGoal:
    """A metric that a campaign is meant to move."""

    metric: str
    within: timedelta = timedelta(days=30)   # after the message
    worth: int | None = None                 # minor units of the business's currency, each conversion
    code: str | None = None                  # the attribute of the metric's rows that holds a promo code


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a campaign costs, in minor units of the business's currency, and in parts of one."""

    each: Decimal = Decimal(0)               # a segment of a text message, or an e-mail
    fixed: Decimal = Decimal(0)

    def of(self, pieces: int) -> int:
        """Return what so many segments or e-mails cost together, in whole minor units."""
        return int((self.each * pieces + self.fixed).quantize(Decimal(1), ROUND_HALF_EVEN))
