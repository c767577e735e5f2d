"""What holds of identity whatever the profiles are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.identity.matching import Thresholds
from regulars.identity.resolve import Former, Resolution, resolve
from regulars.testing.customers import noisy_customers
from regulars.testing.profiles import IdentityBook, customer_ids, groups, profile, profile_table, ruling_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SALT = b"property"

EMAILS = st.sampled_from([None, None, "a@x.org", "b@x.org", "c@x.org"])
PHONES = st.sampled_from([None, None, "+12548670001", "+12548670002", "+12548670003"])
NAMES = st.sampled_from([None, "Ann Lee", "Bea Lee", "Ann Ray", "Tom"])
AGES = st.integers(0, 3).map(lambda days: NOW - timedelta(days=days))
KEYS = st.sampled_from([f"{source}/{n}" for source in ("capitan", "stripe", "square") for n in range(5)])
PEOPLE = st.dictionaries(
    KEYS,
    st.fixed_dictionaries({"email": EMAILS, "phone": PHONES, "name": NAMES, "created_at": AGES, "same_as_id": st.sampled_from([None, None, "0", "1"])}),
    max_size=12,
).map(lambda people: [
    profile(key, str(facts.pop("name") or "") or None, same_as_source="capitan" if facts["same_as_id"] else None, **facts)
    for key, facts in ((key, dict(facts)) for key, facts in people.items())
])
RULED = st.lists(st.tuples(KEYS, st.sampled_from(["same", "different"]), KEYS).filter(lambda r: r[0] != r[2]), max_size=3)


@settings(max_examples=50, deadline=None)
@given(people=PEOPLE, ruled=RULED, seed=st.integers(0, 99))
def test_the_order_of_profiles_never_matters(people: list[dict[str, object]], ruled: list, seed: int) -> None:
    shuffled = Random(seed).sample(people, len(people))

    one = resolve(profile_table(*people), now=NOW, salt=SALT, rulings=ruling_table(*ruled))
    other = resolve(profile_table(*shuffled), now=NOW, salt=SALT, rulings=ruling_table(*ruled))

    assert one.identity.equals(other.identity)
    assert one.conflicts.equals(other.conflicts)


@settings(max_examples=50, deadline=None)
@given(people=PEOPLE)
def test_nobody_is_dropped_and_no_two_of_an_exclusive_source_meet(people: list[dict[str, object]]) -> None:
    found = groups(resolve(profile_table(*people), now=NOW, salt=SALT).identity)

    assert sorted(key for group in found for key in group) == sorted(
        f"{person['profile_source']}/{person['profile_id']}" for person in people
    )
    assert all(sum(key.startswith("capitan/") for key in group) <= 1 for group in found)


@settings(max_examples=50, deadline=None)
@given(people=PEOPLE, ruled=RULED)
def test_the_last_ruling_on_a_pair_is_obeyed(people: list[dict[str, object]], ruled: list) -> None:
    customer = customer_ids(
        resolve(profile_table(*people), now=NOW, salt=SALT, rulings=ruling_table(*ruled[:1])).identity
    )

    for one, verdict, other in ruled[:1]:
        if one in customer and other in customer:
            assert (customer[one] == customer[other]) == (verdict == "same")


@settings(max_examples=30, deadline=None)
@given(days=st.lists(PEOPLE, min_size=2, max_size=4))
def test_an_id_that_nobody_contests_never_changes(days: list[list[dict[str, object]]]) -> None:
    book = IdentityBook()
    before: set[tuple[str, frozenset[str]]] = set()
    for people in days:
        found = resolve(profile_table(*people), now=NOW, salt=SALT, known=book.known)
        book.keep(found)
        now = _customers(found.identity)
        here = {key for _, group in now for key in group}
        kept = {(customer, group) for customer, group in before if group <= here and (group in {g for _, g in now})}

        assert kept <= now
        before = now


@settings(max_examples=150, deadline=None)
@given(people=PEOPLE, before=RULED, ruled=st.tuples(KEYS, st.sampled_from(["same", "different"]), KEYS).filter(lambda r: r[0] != r[2]))
def test_a_ruling_that_is_taken_back_leaves_everything_as_it_was(
    people: list[dict[str, object]], before: list, ruled: tuple[str, str, str]
) -> None:
    book, table = IdentityBook(), profile_table(*people)
    seen = []
    for day, rulings in enumerate((before, [*before, ruled], before)):
        found = resolve(
            table, now=NOW + timedelta(days=day), salt=SALT, rulings=ruling_table(*rulings), known=book.known
        )
        book.keep(found)
        seen.append(found.identity)

    assert seen[2].equals(seen[0])


def test_over_thirty_days_of_changes_no_id_changes_needlessly() -> None:
    chance, book = Random(7), IdentityBook()
    people = {f"capitan/{n}": _person(n) for n in range(300)}
    needless = 0
    for day in range(30):
        for _ in range(10):
            n = len(people)
            people[f"capitan/{n}"] = _person(n)
            known = chance.choice(sorted(people))
            people[f"stripe/{day}-{n}"] = {"email": people[known]["email"], "name": people[known]["name"]}
        for key in chance.sample(sorted(people), 15):
            people[key] = {**people[key], "email": f"new{day}-{key}@x.org".replace("/", "-")}
        before = customer_ids(book.identity)
        rows = [profile(key, **facts) for key, facts in people.items()]
        found = resolve(
            profile_table(*chance.sample(rows, len(rows))),
            now=NOW + timedelta(days=day), salt=SALT, known=book.known,
        )
        book.keep(found)
        after = customer_ids(found.identity)
        needless += sum(before[key] != after[key] for key in before if key.startswith("capitan/"))

        assert len(after) == len(people)
        assert len({after[key] for key in after if key.startswith("capitan/")}) == sum(k.startswith("capitan/") for k in people)

    assert needless == 0


NOISY = noisy_customers(500, seed=8).profiles
SUBSETS = st.integers(0, 2**32).map(np.random.default_rng)


def _resolved(profiles: pa.Table, **given: object) -> Resolution:
    return resolve(profiles, now=NOW, salt=SALT, **given)


@settings(max_examples=6, deadline=None)
@given(chance=SUBSETS)
def test_the_order_of_noisy_profiles_never_matters(chance: np.random.Generator) -> None:
    one = _resolved(NOISY)

    other = _resolved(NOISY.take(pa.array(chance.permutation(len(NOISY)))))

    assert one.identity.equals(other.identity)
    assert _alike(one.likeness.matches, other.likeness.matches)
    assert one.likeness.model == other.likeness.model


@settings(max_examples=6, deadline=None)
@given(chance=SUBSETS, ruled=st.booleans())
def test_a_day_of_changes_gives_what_weighing_everything_gives(chance: np.random.Generator, *, ruled: bool) -> None:
    there = chance.random(len(NOISY))
    yesterday = _resolved(NOISY.filter(pa.array(there < 0.95)))
    changed = pa.array(chance.random(len(NOISY)) < 0.03)
    emails = pc.if_else(changed, pa.scalar(None, pa.string()), NOISY["email"].combine_chunks())
    today = NOISY.set_column(NOISY.column_names.index("email"), "email", emails).filter(pa.array(there > 0.05))
    match = yesterday.likeness.matches.to_pylist()[0]
    keys = (f"{match[side + '_source']}/{match[side + '_id']}" for side in ("left", "right"))
    rulings = ruling_table((next(keys), "different", next(keys))) if ruled else None
    by_day = _resolved(today, former=Former.of(yesterday), rulings=rulings)

    anew = _resolved(today, former=_forgotten(Former.of(yesterday)), rulings=rulings)
    assert by_day.likeness.weighed < anew.likeness.weighed
    assert _alike(by_day.likeness.matches, anew.likeness.matches)
    assert _alike(by_day.identity, anew.identity)
    assert by_day.conflicts.equals(anew.conflicts)


@settings(max_examples=10, deadline=None)
@given(chance=SUBSETS, merge=st.sampled_from([0.95, 0.99, 1.0]))
def test_day_after_day_of_changes_gives_what_deciding_of_everybody_gives(chance: np.random.Generator, merge: float) -> None:
    book, former, rulings, yesterday = IdentityBook(), None, ruling_table(), NOISY.slice(0, 0)
    for day, thresholds in enumerate((Thresholds(), Thresholds(), Thresholds(), Thresholds(merge=merge), Thresholds(merge=merge))):
        today = _changed(NOISY, chance)
        ruled = rulings if former is None else _some_rulings(former, chance)
        given = {
            "rulings": ruled, "known": book.known, "thresholds": thresholds,
            "former": former, "now": NOW + timedelta(days=day), "salt": SALT,
        }
        same_tiers = former is not None and former.likeness.thresholds == thresholds
        by_day = resolve(today, **given, told=_told(yesterday, today, rulings, ruled) if same_tiers else None)

        if former is not None:
            anew = resolve(today, **{**given, "former": _forgotten(former)})
            assert anew.is_whole
            for name in ("changes", "minted", "merged"):
                assert _alike(getattr(by_day, name), getattr(anew, name)), name
            assert by_day.conflicts.equals(anew.conflicts)
            assert _alike(book.after(by_day), anew.identity)
            assert _alike(by_day.likeness.matches, anew.likeness.matches)
            assert _alike(by_day.likeness.compared, anew.likeness.compared)
        book.keep(by_day)
        former, rulings, yesterday = Former.of(by_day), ruled, today


def _forgotten(former: Former) -> Former:
    """The model alone, so that every pair is weighed again."""
    known = former.likeness
    return replace(former, likeness=replace(known, matches=known.matches.slice(0, 0), compared=known.compared.slice(0, 0)))


def _alike(one: pa.Table, other: pa.Table) -> bool:
    """The same rows: what is kept is sorted where it is kept."""
    return one.sort_by([(name, "ascending") for name in one.column_names]).equals(
        other.sort_by([(name, "ascending") for name in other.column_names])
    )


def _told(yesterday: pa.Table, today: pa.Table, *rulings: pa.Table) -> pa.Table:
    """Profiles that came, changed or went, or were ruled on."""
    before, now = ({(row["profile_source"], row["profile_id"]): row for row in each.to_pylist()} for each in (yesterday, today))
    keys = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    keys |= {(row[f"{side}_source"], row[f"{side}_id"]) for each in rulings for row in each.to_pylist() for side in ("left", "right")}
    return pa.table([list(column) for column in zip(*sorted(keys), strict=True)], ["profile_source", "profile_id"])


def _changed(people: pa.Table, chance: np.random.Generator) -> pa.Table:
    """Some people gone, and some with another's contacts, another's birthday or without a name."""
    for column in ("email", "phone", "birthday"):
        values = people[column].combine_chunks()
        is_other = pa.array(chance.random(len(people)) < 0.02)
        others = values.take(pa.array(chance.permutation(len(people))))
        people = people.set_column(people.column_names.index(column), column, pc.if_else(is_other, others, values))
    return people.filter(pa.array(chance.random(len(people)) > 0.04))


def _some_rulings(former: Former, chance: np.random.Generator) -> pa.Table:
    keys = [f"{row['profile_source']}/{row['profile_id']}" for row in former.likeness.compared.select(["profile_source", "profile_id"]).to_pylist()]
    pairs = [
        ("/".join((match["left_source"], match["left_id"])), "different", "/".join((match["right_source"], match["right_id"])))
        for match in former.likeness.matches.to_pylist()
    ]
    same = [(*chance.choice(keys, 2, replace=False),) for _ in range(2)]
    different = [pairs[n] for n in chance.integers(0, len(pairs), 2)]
    return ruling_table(*((str(one), "same", str(other)) for one, other in same), *different)


def _person(n: int) -> dict[str, object]:
    return {"name": f"Ann{n} Lee", "email": f"p{n}@x.org", "created_at": NOW - timedelta(days=n % 50)}


def _customers(identity: object) -> set[tuple[str, frozenset[str]]]:
    customers: dict[str, set[str]] = {}
    for key, customer in customer_ids(identity).items():
        customers.setdefault(customer, set()).add(key)
    return {(customer, frozenset(group)) for customer, group in customers.items()}
