"""How right homes are found by shared contacts and shared postal addresses, against people whose homes are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import components
from regulars.identity.customer import facts
from regulars.identity.home import homes
from regulars.identity.kin import (
    contact_groups,
    contact_uses,
    group_ties,
    home_uses,
    people,
    shared_contacts,
    with_surnames,
)
from regulars.identity.resolve import resolve
from regulars.identity.separation import Ints
from regulars.storage.engines import Engine
from regulars.testing.customers import Customers


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeGrade:
    """Pairs of customers who live together."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """Return the share of the pairs found that are right; 1 when none is."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Return the share of the true pairs that are found."""
        return self.right / self.true


def grade_homes(world: Customers, engine: Engine) -> dict[str, HomeGrade]:
    """Return how right the homes are that follow from `contacts`, from `postal addresses`, and from `both`."""
    last = pc.coalesce(world.profiles["last_name"], pc.replace_substring_regex(world.profiles["name"], "^.* ", ""))
    profiles = world.profiles.set_column(world.profiles.column_names.index("raw_last_name"), "raw_last_name", last)
    identity = resolve(profiles, now=datetime(2026, 1, 1, tzinfo=UTC), salt=b"homes").identity
    told, who = engine.arrow(profiles), engine.arrow(identity)
    persons = engine.arrow(engine.fetch(people(facts(told, who))))
    evidence = {"contacts": contact_uses(told, who), "postal addresses": home_uses(engine.arrow(homes(profiles)), who)}
    ties = {}
    for name, uses in evidence.items():
        shared = engine.arrow(with_surnames(engine.fetch(shared_contacts(uses, persons))))
        ties[name] = engine.fetch(group_ties(contact_groups(shared)).select("left", "right"))
    ties["both"] = pa.concat_tables(ties.values())
    lives = _homes_of_customers(world, identity)
    return {name: _grade(each, lives) for name, each in ties.items()}


def _homes_of_customers(world: Customers, identity: pa.Table) -> dict[str, int]:
    """The true home of each customer: that of its first profile."""
    keys = zip(*(world.profiles[name].to_pylist() for name in ("profile_source", "profile_id")), strict=True)
    home = dict(zip(keys, world.household.tolist(), strict=True))
    rows = reversed(identity.to_pylist())
    return {row["customer_id"]: home[row["profile_source"], row["profile_id"]] for row in rows}


def _grade(ties: pa.Table, lives: dict[str, int]) -> HomeGrade:
    ids = pa.array(list(lives))
    ends = (pc.index_in(ties[side], ids).to_numpy().astype(np.int64) for side in ("left", "right"))
    _, part = components(*ends, count=len(ids))
    home = np.unique(list(lives.values()), return_inverse=True)[1]
    return HomeGrade(found=_pairs(part), right=_pairs(part * (int(home.max()) + 1) + home), true=_pairs(home))


def _pairs(group: Ints) -> int:
    size = np.unique(group, return_counts=True)[1]
    return int((size * (size - 1) // 2).sum())
