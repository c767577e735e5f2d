"""The invented gym from a seed: what happened, told to each system in its own way, with the truth beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import day_number, utc_seconds
from regulars.testing.gym.capitan_shape import write_check_ins, write_customers, write_memberships, write_relations
from regulars.testing.gym.chance import Columns, Numbers
from regulars.testing.gym.drops import write_files
from regulars.testing.gym.happenings import Happenings, happen
from regulars.testing.gym.people import NOBODY
from regulars.testing.gym.setting import Setting, World
from regulars.testing.gym.small_sources import tell_small_sources
from regulars.testing.gym.small_streams import write_small_streams
from regulars.testing.gym.spelling import spelled
from regulars.testing.gym.square_shape import write_square
from regulars.testing.gym.stripe_balance import write_stripe_balance
from regulars.testing.gym.stripe_shape import write_stripe_sales
from regulars.testing.gym.truth import (
    write_truth_of_accounts,
    write_truth_of_links,
    write_truth_of_memberships,
    write_truth_of_people,
    write_truth_of_visits,
)
from regulars.testing.gym.truth_of_money import write_truth_of_money

LAST_DAY = date(2026, 1, 31)
DAYS = 495                         # 2024-09-24 to 2026-01-31


def generate(folder: Path, *, seed: int = 1, scale: float = 1.0, as_of: date = LAST_DAY, days: int = DAYS) -> World:
    """Write a world under `folder`: the same bytes for the same arguments.

    Beside `sandbox/<provider>/<stream>.ndjson` (what each system says, with when it could be seen) lie `files/` (the
    sheets of the small sources) and `truth/<table>.parquet`. Scale 1 is the reference gym: 11,300 customers, 37,700
    check-ins, 23,000 payments, 1,300 memberships of which 436 are active on the last day. `as_of` is that last day,
    `days` how many the world covers.
    """
    last = day_number(as_of)
    setting = Setting(seed=seed, scale=scale, first_day=last - days + 1, last_day=last)
    world = World(folder=folder, setting=setting)
    happened = happen(setting)
    write_truth_of_people(world.truth, happened)
    write_truth_of_visits(world.truth, happened)
    _tell_capitan(world, happened)
    movements, entries = _tell_stripe(world, happened), _tell_square(world, happened)
    write_truth_of_money(world.truth, happened, movements=movements, entries=entries)
    write_truth_of_accounts(world.truth, happened, tell_small_sources(world, happened))
    write_files(world, folder / "files")
    return world


def _tell_capitan(world: World, happened: Happenings) -> None:
    folder, people, contacts = world.sandbox / "capitan", happened.people, happened.contacts
    write_customers(folder, world.setting, people, contacts, happened.contracts)
    versions = write_memberships(folder, world.setting, people, contacts, happened.contracts)
    write_check_ins(folder, people, contacts, happened.visits)
    write_small_streams(folder, happened)
    write_truth_of_links(world.truth, write_relations(folder, people, contacts))
    write_truth_of_memberships(world.truth, happened, versions)


def _tell_stripe(world: World, happened: Happenings) -> Columns:
    setting, sales = world.setting, happened.online
    folder, people, contacts = world.sandbox / "stripe", happened.people, happened.contacts
    billing = spelled(setting, people, contacts, sales.payer, at=sales.created, system="card")
    paying = sales.has_customer & (sales.state != "test")
    customers = _first(sales.payer[paying], sales.created[paying])
    customers |= spelled(setting, people, contacts, customers["person"], at=customers["created"], system="stripe")
    back = happened.refunds, happened.disputes
    write_stripe_sales(folder, sales, *back, billing=billing, customers=customers)
    return write_stripe_balance(folder, sales, *back, end=_end(setting))


def _tell_square(world: World, happened: Happenings) -> Columns:
    setting, sales, people, contacts = world.setting, happened.desk, happened.people, happened.contacts
    known = (sales.payer != NOBODY) & ~sales.is_quick
    customers = _first(sales.payer[known], (sales.at - sales.lag)[known])
    customers |= spelled(setting, people, contacts, customers["person"], at=customers["created"], system="square")
    receipts = spelled(setting, people, contacts, sales.payer, at=sales.at, system="receipt")["email"]
    return write_square(world.sandbox / "square", sales, happened.returns, receipts=receipts, customers=customers,
                        end=_end(setting))


def _end(setting: Setting) -> int:
    """The midnight that ends the last day, in UTC seconds."""
    return int(utc_seconds(np.array([setting.last_day + 1]), np.array([0]))[0])


def _first(person: Numbers, at: Numbers) -> Columns:
    """Each person once, with the first moment."""
    order = np.lexsort((at, person))
    people, first = np.unique(person[order], return_index=True)
    return {"person": people, "created": at[order][first]}
