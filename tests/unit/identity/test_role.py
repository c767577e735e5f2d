"""A contact that many people use is a desk's: judged day by day as it would be of everybody at once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from regulars.identity.identifier import IdentifierRules
from regulars.identity.role import ASKED, CONTACTS, REASON, REFUSED, judged, with_roles, without_roles
from regulars.testing.profiles import profile, profile_table

RULES = IdentifierRules(desk_from=3)
NAMES = ["ann lee", "bea ray", "cal poe", "dee fox", None]
EMAILS = ["a@x.example", "b@x.example", "c@x.example", None]
PHONES = ["+12548670001", "+12548670002", None]
PERSON = st.tuples(st.sampled_from(NAMES), st.sampled_from(EMAILS), st.sampled_from(PHONES))
TOWN = st.dictionaries(st.integers(0, 15), PERSON, max_size=16)


@given(yesterday=TOWN, told=st.dictionaries(st.integers(0, 15), st.none() | PERSON, min_size=1, max_size=4))
def test_a_day_judges_contacts_as_judging_everybody_anew_does(
    yesterday: dict[int, tuple[str | None, ...]], told: dict[int, tuple[str | None, ...] | None]
) -> None:
    before = without_roles(_profiles(yesterday), rules=RULES)
    today = {**yesterday, **told}
    everybody = without_roles(_profiles({n: each for n, each in today.items() if each is not None}), rules=RULES)

    found = _profiles({n: each for n, each in told.items() if each is not None})
    is_told = pc.is_in(before["profile_id"], value_set=pa.array([f"{n}" for n in told]))
    were, others = with_roles(before.filter(is_told), rules=RULES), before.filter(pc.invert(is_told))
    now, changed = judged(found, _near(others, were, found), rules=RULES)

    unchanged = others.filter(pc.invert(pc.is_in(others["profile_id"], value_set=changed["profile_id"].combine_chunks())))
    assert _said(everybody) == {**_said(unchanged), **_said(now)}


def _profiles(town: dict[int, tuple[str | None, ...]]) -> pa.Table:
    rows = [
        profile(f"gym/{n}", name, email=email, phone=phone, raw_email=email, raw_phone=phone)
        for n, (name, email, phone) in town.items()
    ]
    return profile_table(*rows).select(ASKED)


def _near(others: pa.Table, were: pa.Table, found: pa.Table) -> pa.Table:
    is_near = pa.repeat(pa.scalar(False), len(others))
    for contact, refused in zip(CONTACTS, REFUSED, strict=True):
        used = pa.concat_tables([were.select([contact]), found.select([contact])])[contact].combine_chunks().drop_null()
        is_near = pc.or_(is_near, pc.is_in(others[contact], value_set=used))
        is_near = pc.or_(is_near, pc.equal(others[refused], REASON).fill_null(False))
    return others.filter(is_near)


def _said(profiles: pa.Table) -> dict[str, tuple[object, ...]]:
    return {row["profile_id"]: tuple(row[name] for name in (*CONTACTS, *REFUSED)) for row in profiles.to_pylist()}
