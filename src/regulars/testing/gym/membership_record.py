"""What Capitan said of a membership on each day: the versions of one contract, from its sale to its end."""

from __future__ import annotations

import numpy as np

from regulars.testing.gym.business_time import iso_days, utc_seconds
from regulars.testing.gym.chance import Columns, Numbers, spread
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.memberships import Memberships, billed_on
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.vocabulary import PLANS

_EARLY = 4 * 3600                  # the night's billing runs before the doors open


def membership_versions(setting: Setting, contracts: Memberships) -> Columns:
    """Return one row per version: contract, day, status, end_date, unfreeze_day, bills, visible_from, visible_until.

    A version begins on the day of the sale, of each bill, when the contract or one person is frozen or comes back, and
    at the end. While it is active `end_date` is the next bill, which is not the end: the trap of this source.
    """
    contract, day = _change_days(setting, contracts)
    start, end = contracts.start[contract], contracts.end[contract]
    ended = day >= end
    frozen = (day >= contracts.freeze_from[contract]) & (day < contracts.freeze_until[contract]) & ~ended
    months = np.array([plan.months for plan in PLANS])[contracts.plan[contract]]
    next_bill = _next_bill(contracts.plan[contract], start, np.maximum(day, start), months)
    last = np.r_[contract[1:] != contract[:-1], True] if len(contract) else np.zeros(0, dtype=bool)
    visible_from = utc_seconds(day, np.full(len(day), _EARLY))
    following = np.r_[visible_from[1:], 0] if len(day) else visible_from
    prepaid = np.array([plan.fixed_periods for plan in PLANS])[contracts.plan[contract]] > 0
    silent = ended | frozen | prepaid
    second = np.where(months > 0, _next_bill(contracts.plan[contract], start, next_bill, months), next_bill + 14)
    bills = '["' + iso_days(next_bill).astype(object) + '","' + iso_days(second).astype(object) + '"]'
    return {
        "contract": contract, "day": day, "status": np.select([ended, frozen], ["END", "FRZ"], "ACT").astype(object),
        "end_day": np.where(ended, end, next_bill),
        "unfreeze_day": np.where(frozen, contracts.freeze_until[contract], NEVER),
        "bills": np.where(silent, "[]", bills), "visible_from": visible_from,
        "visible_until": np.where(last, NEVER, following),
    }


def _change_days(setting: Setting, contracts: Memberships) -> tuple[Numbers, Numbers]:
    """Contract and day of every version, sorted, one per day, none after the last day of the world."""
    every = np.arange(len(contracts.owner))
    plan = contracts.plan
    months = np.array([item.months for item in PLANS])[plan]
    until = np.minimum(contracts.end, setting.last_day + 1)
    contract, number = spread(np.maximum(until - contracts.start, 0) // np.where(months > 0, months * 28, 14) + 1)
    day = billed_on(plan[contract], contracts.start[contract], number)
    inside = day < until[contract]
    contract = np.r_[contract[inside], every, every, every, every, contracts.roster_contract]
    day = np.r_[day[inside], contracts.known, contracts.end, contracts.freeze_from, contracts.freeze_until,
                contracts.roster_frozen]
    keep = (day <= setting.last_day) & (day >= contracts.known[contract]) & (day <= contracts.end[contract])
    contract, day = contract[keep], day[keep]
    order = np.lexsort((day, contract))
    contract, day = contract[order], day[order]
    new = np.r_[True, (contract[1:] != contract[:-1]) | (day[1:] != day[:-1])] if len(day) else np.zeros(0, dtype=bool)
    return contract[new], day[new]


def _next_bill(plan: Numbers, start: Numbers, day: Numbers, months: Numbers) -> Numbers:
    """The first bill after a day."""
    count = (day - start) // np.where(months > 0, months * 31, 14)
    bill = billed_on(plan, start, count)
    for _ in range(3):
        count = count + (bill <= day)
        bill = billed_on(plan, start, count)
    return bill
