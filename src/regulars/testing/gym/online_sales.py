"""What was truly paid through Stripe: memberships' first and later bills, reservations and parties on the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regulars.testing.gym.business_time import utc_seconds
from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts, spread, stacked, weighted
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.fees import tax_on
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.memberships import Memberships, billed_on
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.spelling import is_alone_with
from regulars.testing.gym.vocabulary import PLANS, WEB_PRODUCTS

LATE = 5 * 86_400
"""Seconds after which an intent that first failed succeeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSales:
    """One row per payment intent, by the time it was created, failed and test-mode ones included.

    `paid_at` is when the money came; `state` is paid, failed or test. `contract` is NOBODY for reservations.
    """

    payer: Numbers
    created: Numbers               # UTC seconds
    paid_at: Numbers
    state: Texts
    net: Numbers                   # minor units, before tax
    tax: Numbers
    category: Texts
    units: Numbers                 # day passes
    text: Texts
    contract: Numbers
    has_customer: Flags            # paid as a Stripe customer; otherwise as a guest with an e-mail

    @property
    def is_paid(self) -> Flags:
        """Return which intents brought money."""
        paid: Flags = self.state == "paid"
        return paid

    @property
    def amount(self) -> Numbers:
        """Return what was asked, tax included, in minor units."""
        return self.net + self.tax


def sell_online(setting: Setting, people: People, contacts: Contacts, contracts: Memberships) -> OnlineSales:
    """Return the payment intents of a world, with those that failed, came late, or were tests."""
    rng = setting.rng("online")
    bills, web = _bills(setting, rng, contracts), _web(setting, rng, people, contacts)
    rows = stacked(bills, web)
    size = len(rows["payer"])
    rows["state"] = np.full(size, "paid", dtype=object)
    rows["paid_at"] = rows["created"].copy()
    late = _some(rng, rows["created"] + LATE < utc_seconds(np.array([setting.last_day]), np.array([0]))[0],
                 setting.sized(40, at_least=2))
    rows["paid_at"][late] += LATE
    failed = _again(rng, rows, setting.sized(330, at_least=3), "failed")
    tests = _again(rng, rows, setting.sized(25, at_least=2), "test")
    rows = stacked(rows, failed, tests)
    order = np.argsort(rows["created"], kind="stable")
    rows = {name: values[order] for name, values in rows.items()}
    findable = is_alone_with(contacts.email) & (contacts.changed_day == NEVER)
    is_guest = (rows["contract"] == NOBODY) & findable[rows["payer"]]
    is_guest &= rng.random(len(order)) < 0.5
    return OnlineSales(**rows, tax=tax_on(rows["net"]), has_customer=~is_guest)


def _bills(setting: Setting, rng: np.random.Generator, contracts: Memberships) -> Columns:
    """The first payment on the day a contract was sold, then one on every bill day it was neither frozen nor over."""
    months = np.array([plan.months for plan in PLANS])[contracts.plan]
    fixed = np.array([plan.fixed_periods for plan in PLANS])[contracts.plan]
    price = np.array([plan.amount for plan in PLANS])[contracts.plan]
    until = np.minimum(contracts.end, setting.last_day + 1)
    most = np.maximum(until - contracts.start, 0) // np.where(months > 0, months * 28, 14) + 1
    contract, number = spread(np.where(price == 0, 0, np.where(fixed > 0, 1, most)))
    day = billed_on(contracts.plan[contract], contracts.start[contract], number)
    is_first = number == 0
    frozen = (day >= contracts.freeze_from[contract]) & (day < contracts.freeze_until[contract])
    keep = is_first | ((day < until[contract]) & ~frozen)
    contract, day, is_first = contract[keep], day[keep], is_first[keep]
    day = np.where(is_first, contracts.known[contract], day)
    plan = contracts.plan[contract]
    names = np.array([plan.name for plan in PLANS], dtype=object)[plan]
    verb = np.where(is_first, " initial payment: ", " renewal payment: ").astype(object)
    text = "Capitan membership #" + contracts.ids[contract].astype(str).astype(object) + verb + names
    team = np.array(["Team Dues" in plan.name for plan in PLANS])[plan]
    category = np.where(team, "Team", np.where(is_first, "New Membership", "Membership Renewal")).astype(object)
    second = np.where(is_first, rng.integers(9 * 3600, 21 * 3600, len(day)), rng.integers(6 * 3600, 8 * 3600, len(day)))
    return {"payer": contracts.owner[contract], "created": utc_seconds(day, second), "net": price[contract],
            "category": category, "units": np.zeros(len(day), dtype=np.int64), "text": text, "contract": contract}


def _web(setting: Setting, rng: np.random.Generator, people: People, contacts: Contacts) -> Columns:
    """Reservations and parties by people who can be reached, a share of them people without a gym account."""
    count = setting.sized(1500, at_least=10)
    adults = np.flatnonzero(~people.is_minor & contacts.is_reachable & people.has_account)
    outsiders = np.flatnonzero(~people.has_account)
    is_outside = rng.random(count) < 0.15
    payer = np.where(is_outside, outsiders[rng.integers(0, len(outsiders), count)],
                     adults[rng.integers(0, len(adults), count)])
    since = np.where(is_outside, setting.first_day, np.maximum(contacts.created_day[payer], setting.first_day))
    day = since + (rng.random(count) * (setting.last_day - since + 1)).astype(np.int64)
    product = weighted(rng, [product.weight for product in WEB_PRODUCTS], count)
    number = (880_000 + np.arange(count)).astype(str).astype(object)
    names = _field(product, "name")
    is_party = names == "2 Hour Birthday Party"
    text = np.where(is_party, "[Calendly] " + people.full_name[payer] + " 2 Hour Birthday Party",
                    "Capitan reservation #" + number + ": " + names)
    created = utc_seconds(day, rng.integers(6 * 3600, 86_400 - 60, count))
    return {"payer": payer, "created": created, "net": _field(product, "price").astype(np.int64),
            "category": _field(product, "category"), "units": _field(product, "units").astype(np.int64), "text": text,
            "contract": np.full(count, NOBODY)}


def _field(product: Numbers, name: str) -> npt.NDArray[Any]:
    return np.array([getattr(product, name) for product in WEB_PRODUCTS], dtype=object)[product]


def _again(rng: np.random.Generator, rows: Columns, count: int, state: str) -> Columns:
    """Copies of some payments two hours earlier that brought no money: a card refused, or somebody's test."""
    chosen = rng.integers(0, len(rows["payer"]), count)
    copies = {name: values[chosen].copy() for name, values in rows.items()}
    copies["created"] -= 7200
    copies["paid_at"] = copies["created"].copy()
    copies["state"][:] = state
    return copies


def _some(rng: np.random.Generator, can: Flags, count: int) -> Numbers:
    return rng.permutation(np.flatnonzero(can))[:count]
