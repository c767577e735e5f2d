"""What was truly sold at the desk through Square: orders of one to three lines, cash and card, tips and discounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regulars.testing.gym.business_time import DAY, day_number, utc_seconds
from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts, spread, stacked, weighted
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.fees import tax_on
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.spelling import is_alone_with
from regulars.testing.gym.visits import PACK_SIZE, PACKS, Visits, pack_sales
from regulars.testing.gym.vocabulary import DESK_PRODUCTS

TWIN_PRICE = 35_000
"""What a party costs before tax."""

_NAMES = [product.name for product in DESK_PRODUCTS]
_PACK_PRODUCTS = ("5 Climb Punch Pass", "Day Pass (14 and up)", "Youth Day Pass (under 14)", "Youth Day Pass with Gear",
                  "Day Pass (14 and up)", "Day Pass (14 and up)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSales:
    """Orders by position in order of time and, in the `line_*` columns, their lines. Money in minor units.

    `state` is completed, open, cancelled or bad (a typing error of more than a million). A quick sale has no order:
    the payment alone, with the receipt's e-mail, tax not known. `lag` is how long a tab stayed open, in seconds.
    """

    payer: Numbers                 # NOBODY: a walk-in
    at: Numbers                    # UTC seconds at which it was paid
    state: Texts
    tip: Numbers
    is_cash: Flags
    is_split: Flags                # paid with two cards
    is_quick: Flags
    lag: Numbers
    line_order: Numbers            # sorted
    line_product: Numbers          # position in DESK_PRODUCTS
    line_quantity: Numbers
    line_price: Numbers            # of one piece
    line_discount: Numbers
    line_tax: Numbers

    @property
    def line_total(self) -> Numbers:
        """Return what each line cost, tax included."""
        return self.line_price * self.line_quantity - self.line_discount + self.line_tax

    @property
    def total(self) -> Numbers:
        """Return what each order cost, tax included, without the tip."""
        return np.bincount(self.line_order, weights=self.line_total, minlength=len(self.payer)).astype(np.int64)

    @property
    def is_paid(self) -> Flags:
        """Return which orders brought money."""
        paid: Flags = self.state == "completed"
        return paid


def sell_at_desk(
    setting: Setting, people: People, contacts: Contacts, visits: Visits, *, paid: int, twins: Numbers
) -> DeskSales:
    """Return the desk's orders, `paid` of them completed; the rest stayed open, were cancelled or typed wrongly.

    `twins` are moments at which a stranger paid for day passes what a party costs: traps for those who match refunds
    by amount.
    """
    rng = setting.rng("desk")
    wrong = setting.sized(90, at_least=4)
    packs, singles = _pack_orders(rng, visits), _single_orders(rng, visits)
    singles = {name: values[: max(paid // 2 - len(packs["payer"]), 0)] for name, values in singles.items()}
    fill = paid + wrong - len(packs["payer"]) - len(singles["payer"]) - len(twins)
    others = _other_orders(setting, rng, people, contacts, max(fill, wrong))
    orders = stacked(packs, singles, others)
    orders["price"] = np.zeros(len(orders["payer"]), dtype=np.int64)
    orders["state"] = _states(rng, len(orders["payer"]), wrong)
    _odd_hours(setting, orders)
    orders = stacked(orders, _twin_orders(twins))
    order = np.argsort(orders["at"], kind="stable")
    orders = {name: values[order] for name, values in orders.items()}
    orders["payer"] = np.where(contacts.is_reachable[orders["payer"]], orders["payer"], NOBODY)
    unattended = rng.random(len(order)) < 0.25
    orders["payer"] = np.where(unattended & ~orders["is_pack"], NOBODY, orders["payer"])
    return _priced(rng, contacts, orders)


def _pack_orders(rng: np.random.Generator, visits: Visits) -> Columns:
    """A sale before the first use of every pack, by the one whose name the uses carry; two-week passes come online."""
    packs = pack_sales(visits)
    product = np.array([_NAMES.index(name) for name in _PACK_PRODUCTS])[packs["pack"]]
    quantity = np.where(packs["pack"] == PACKS.index("5 Climb Punch Pass"), 1, PACK_SIZE[packs["pack"]])
    return {"payer": packs["holder"], "at": packs["at"] - rng.integers(120, 900, len(product)), "product": product,
            "quantity": quantity, "is_pack": np.ones(len(product), dtype=bool)}


def _single_orders(rng: np.random.Generator, visits: Visits) -> Columns:
    """Four in five visits on an own single pass were paid at the desk minutes before."""
    rows = np.flatnonzero((visits.method == "ENT") & (visits.pack < 0))
    rows = rows[rng.random(len(rows)) < 0.8]
    rows = rng.permutation(rows)
    product = weighted(rng, [p.weight if p.units == 1 else 0 for p in DESK_PRODUCTS], len(rows))
    return {"payer": visits.person[rows], "at": visits.at[rows] - rng.integers(60, 600, len(rows)), "product": product,
            "quantity": np.ones(len(rows), dtype=np.int64), "is_pack": np.zeros(len(rows), dtype=bool)}


def _other_orders(
    setting: Setting, rng: np.random.Generator, people: People, contacts: Contacts, count: int
) -> Columns:
    """Everything else the desk sells, to anybody, also before the gym opened."""
    payer = rng.integers(0, people.size, count)
    since = np.maximum(contacts.created_day[payer], setting.first_day)
    day = since + (rng.random(count) * (setting.last_day - since + 1)).astype(np.int64)
    early = rng.permutation(count)[: max(2, count // 400)]
    day[early] = rng.integers(setting.first_day, max(setting.opened, setting.first_day + 1), len(early))
    payer[early] = np.where(contacts.created_day[payer[early]] <= day[early], payer[early], NOBODY)
    product = weighted(rng, [p.weight for p in DESK_PRODUCTS], count)
    # The traps are sold in the smallest world too.
    product[: len(DESK_PRODUCTS)] = np.arange(len(DESK_PRODUCTS))[:count]
    quantity = 1 + weighted(rng, (80, 12, 5, 3), count)
    return {"payer": payer, "at": utc_seconds(day, rng.integers(6 * 3600, DAY - 5, count)), "product": product,
            "quantity": quantity, "is_pack": np.zeros(count, dtype=bool)}


def _twin_orders(at: Numbers) -> Columns:
    size = len(at)
    return {"payer": np.full(size, NOBODY), "at": at, "product": np.full(size, _NAMES.index("10-Pack Day Pass")),
            "quantity": np.ones(size, dtype=np.int64), "is_pack": np.ones(size, dtype=bool),
            "price": np.full(size, TWIN_PRICE), "state": np.full(size, "completed", dtype=object)}


def _states(rng: np.random.Generator, size: int, wrong: int) -> Texts:
    states = np.full(size, "completed", dtype=object)
    rows = rng.permutation(np.arange(size // 2, size))[:wrong]
    states[rows] = np.array(["open", "cancelled"], dtype=object)[np.arange(wrong) % 2]
    states[rows[0]] = "bad"
    return states


def _odd_hours(setting: Setting, orders: Columns) -> None:
    """Move some sales to 23:30 on the last of a month and to both sides of the hours that DST skips and repeats."""
    months = np.arange(np.datetime64(setting.opened, "D").astype("M8[M]") + 1,
                       np.datetime64(setting.last_day, "D").astype("M8[M]") + 1)
    last = months.astype("M8[D]").astype(np.int64) - 1
    dates = [day_number(day) for year in (2024, 2025, 2026) for day in _changes(year)]
    changes = np.array([day for day in dates if setting.opened < day < setting.last_day])
    days = np.r_[last, np.repeat(changes, 3)]
    seconds = np.r_[np.full(len(last), 84_600), np.tile([1_800, 3 * 3600 + 60, 84_600], len(changes))]
    rows = np.flatnonzero(~orders["is_pack"])[-len(days) - 40 :][: len(days)]
    orders["at"][rows] = utc_seconds(days, seconds)[: len(rows)]
    orders["payer"][rows] = NOBODY


def _changes(year: int) -> tuple[Any, Any]:
    """The Sundays on which the clocks change: the second of March and the first of November."""
    march, november = (
        np.busday_offset(f"{year}-{month:02d}", n, roll="forward", weekmask="Sun") for month, n in ((3, 1), (11, 0))
    )
    return march.astype(object), november.astype(object)


def _priced(rng: np.random.Generator, contacts: Contacts, orders: Columns) -> DeskSales:
    """Add second and third lines, discounts, tax, tips and how it was paid."""
    size = len(orders["payer"])
    state, payer = orders["state"], orders["payer"]
    more = np.where(orders["is_pack"], 0, weighted(rng, (80, 15, 5), size))
    order, position = spread(1 + more)
    count = len(order)
    product = np.where(position == 0, orders["product"][order], weighted(rng, [p.weight for p in DESK_PRODUCTS], count))
    quantity = np.where(position == 0, orders["quantity"][order], 1)
    price = np.array([p.price for p in DESK_PRODUCTS])[product]
    price = np.where((orders["price"] > 0)[order], orders["price"][order], price)
    price = np.where((state == "bad")[order], 123_456_700, price)
    share = np.array([0, 10, 20, 50])[weighted(rng, (92, 4, 2, 2), count)]
    share[(orders["price"] > 0)[order]] = 0
    discount = price * quantity * share // 100
    is_cash = (rng.random(size) < 0.12) | (state == "bad")
    settled = state == "completed"
    single = (more == 0) & settled & ~is_cash & ~orders["is_pack"] & (payer != NOBODY)
    single &= (orders["quantity"] == 1) & (orders["price"] == 0)
    # The receipt knows an e-mail and no name: only one that is nobody else's, and never was another, says who paid.
    findable = is_alone_with(contacts.email) & (contacts.changed_day == NEVER)
    is_quick = single & findable[payer] & (rng.random(size) < 0.06)
    tax = np.where(is_quick[order], 0, tax_on(price * quantity - discount))
    tip = np.where(settled & (rng.random(size) < 0.05), rng.integers(1, 6, size) * 100, 0)
    # A tab that stayed open was settled days later; the money is of the later day.
    lag = np.where(settled & ~is_quick & (rng.random(size) < 0.01), 2 * DAY, 0)
    total = np.bincount(order, weights=price * quantity - discount + tax, minlength=size)
    is_split = settled & ~is_cash & ~is_quick & (rng.random(size) < 0.02) & (total > 1000)
    return DeskSales(
        payer=payer, at=orders["at"], state=state, tip=tip, is_cash=is_cash, is_split=is_split, is_quick=is_quick,
        lag=lag, line_order=order, line_product=product, line_quantity=quantity, line_price=price,
        line_discount=discount, line_tax=tax,
    )


def field_of(product: Numbers, name: str) -> npt.NDArray[Any]:
    """Return one attribute of each line's product."""
    return np.array([getattr(product, name) for product in DESK_PRODUCTS], dtype=object)[product]
