"""What holds of identity from day to day: a change reaches whom it must and nobody else, and ids last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.identity.resolve import Former, Resolution, resolve
from regulars.testing.customers import noisy_customers
from regulars.testing.profiles import IdentityBook, customer_ids, profile, profile_table, ruling_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SALT = b"property"
NOISY = noisy_customers(500, seed=8).profiles
YESTERDAY = resolve(NOISY, now=NOW, salt=SALT)
KEYS = [f"{source}/{one}" for source, one in zip(*(NOISY[name].to_pylist() for name in ("profile_source", "profile_id")), strict=True)]


@settings(max_examples=8, deadline=None)
@given(new=st.integers(0, len(KEYS) - 1))
def test_a_new_profile_touches_only_those_it_hangs_together_with(new: int) -> None:
    is_new = np.arange(len(KEYS)) == new
    there, told = NOISY.filter(pa.array(~is_new)), NOISY.filter(pa.array(is_new)).select(["profile_source", "profile_id"])
    book, before = IdentityBook(), resolve(there, now=NOW, salt=SALT)
    book.keep(before)

    found = resolve(
        NOISY, now=NOW, salt=SALT, known=book.known, former=Former.of(before), told=told
    )

    reached = _hanging_together(KEYS[new], before, found)
    assert customer_ids(found.identity).keys() <= reached
    assert len(reached) < len(KEYS) / 4


def _hanging_together(key: str, *days: Resolution) -> set[str]:
    """Whoever is linked to a profile by an address, a number, a customer or a likeness, on either day, and so on."""
    ties: dict[object, set[str]] = {}
    for row in NOISY.to_pylist():
        for name in ("email", "phone"):
            if row[name] is not None:
                ties.setdefault((name, row[name]), set()).add(f"{row['profile_source']}/{row['profile_id']}")
    for day in days:
        for one, customer in customer_ids(day.identity).items():
            ties.setdefault(customer, set()).add(one)
        for row in day.likeness.matches.to_pylist():
            pair = [f"{row[f'{side}_source']}/{row[f'{side}_id']}" for side in ("left", "right")]
            ties[tuple(pair)] = set(pair)
    reached: set[str] = set()
    edge = {key}
    while edge:
        reached |= edge
        edge = {one for group in ties.values() if group & edge for one in group} - reached
    return reached


@dataclass(kw_only=True)
class Life:
    """A town in which people come, go and change their addresses, and somebody rules on who is who and takes it back."""

    chance: Random
    people: dict[str, dict[str, object]] = field(default_factory=dict)
    rulings: list[tuple[str, str, str]] = field(default_factory=list)

    def day(self) -> set[str]:
        """Live through a day, and return whom something happened to."""
        told = set[str]()
        for _ in range(self.chance.randrange(4)):
            key = f"{self.chance.choice(['capitan', 'stripe', 'square'])}/{self.chance.randrange(25)}"
            if self.chance.random() < 0.2:
                self.people.pop(key, None)
            else:
                email, phone = (self.chance.choice([None, *"abcdef"]) for _ in range(2))
                self.people[key] = {
                    "name": self.chance.choice([None, "Ann Lee", "Bea Lee", "Ann Ray"]), "created_at": NOW - timedelta(hours=self.chance.randrange(99)),
                    "email": None if email is None else f"{email}@x.org", "phone": None if phone is None else f"+1254867000{ord(phone) % 9}",
                }
            told.add(key)
        if self.chance.random() < 0.3 and len(self.people) > 2:
            one, other = self.chance.sample(sorted(self.people), 2)
            self.rulings.append((one, self.chance.choice(["same", "different"]), other))
            told |= {one, other}
        if self.rulings and (len(self.rulings) > 20 or self.chance.random() < 0.2):
            one, _, other = self.rulings.pop(self.chance.randrange(len(self.rulings)))
            told |= {one, other}
        return told


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_over_sixty_days_no_customer_id_changes_hands_and_a_retired_one_comes_back_only_with_its_founder(seed: int) -> None:
    life, book, former = Life(chance=Random(seed)), IdentityBook(), None
    before, retired, merges = dict[str, set[str]](), set[str](), 0
    for day in range(60):
        told = sorted(life.day())
        given_ = {"now": NOW + timedelta(days=day), "salt": SALT, "rulings": ruling_table(*life.rulings)}
        found = resolve(
            profile_table(*(profile(key, **facts) for key, facts in life.people.items())), **given_,
            known=book.known, former=former,
            told=pa.table([[key.split("/")[n] for key in told] for n in (0, 1)], ["profile_source", "profile_id"]).cast(KEY_SCHEMA),
        )
        register_before = {row["customer_id"]: row for row in book.register.to_pylist()}
        now = customer_ids(book.after(found))
        book.keep(found)
        former = Former.of(found)

        register = {row["customer_id"]: row for row in book.register.to_pylist()}
        groups: dict[str, set[str]] = {}
        for key, customer in now.items():
            groups.setdefault(customer, set()).add(key)
        founder = {customer: f"{row['founder_source']}/{row['founder_id']}" for customer, row in register.items()}
        assert all({**row, "merged_into": None} == {**register[customer], "merged_into": None} for customer, row in register_before.items())
        assert all(founder[customer] in groups[customer] for customer in groups if customer in retired or customer not in before)
        assert all(groups[customer] & people for customer, people in before.items() if customer in groups)
        assert all(groups.get(customer) == people for customer, people in before.items() if people in groups.values())
        retired = {customer for customer, row in register.items() if row["merged_into"] is not None}
        assert not retired & groups.keys()
        merges += len(before.keys() - groups.keys())
        before = groups
    assert merges > 0


KEY_SCHEMA = pa.schema([("profile_source", pa.string()), ("profile_id", pa.string())])
