"""Who is one household, who is whose guardian, how each is reached, and what is refused.

All families of these tests live in one town, so that it is decided once; a key's first part is its family.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from regulars.identity.age import next_change_of_age
from regulars.identity.household import settle
from regulars.identity.reach import Channel, recipients
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.families import Decided, HouseholdBook, customer_register, decide

ON = date(2026, 1, 5)
MOTHER = {"name": "Ann Lee", "birthday": date(1980, 5, 1)}
FATHER = {"name": "Cal Ray", "birthday": date(1979, 5, 1)}
CHILD = {"name": "Ben Lee", "birthday": date(2014, 5, 1)}
SISTER = {"name": "Bea Lee", "birthday": date(2012, 5, 1)}
GROWN = {"name": "Eve Lee", "birthday": date(2006, 1, 1)}

PERSONS: dict[str, dict[str, object]] = {
    # a parent and two children with one address; one child has a phone
    "one.ann": {**MOTHER, "email": "one@x.org"}, "one.ben": {**CHILD, "email": "one@x.org"},
    "one.bea": {**SISTER, "email": "one@x.org", "phone": "+12548670001"},
    "down.ann": MOTHER, "down.ben": CHILD, "up.ann": MOTHER, "up.ben": CHILD,
    "sure.ann": {**MOTHER, "email": "sure@x.org"}, "sure.ben": {**CHILD, "email": "sure@x.org"},
    "contract.ann": MOTHER, "contract.cal": FATHER, "contract.ben": CHILD,
    "elder.eve": GROWN, "elder.ben": CHILD,
    **{f"team.{n}": CHILD for n in range(9)},
    "owner.cal": {**FATHER, "email": "owner@x.org"}, "owner.ben": CHILD, "owner.ann": MOTHER,
    "other.cal": {**FATHER, "email": "other@x.org"}, "other.ben": {**CHILD, "email": "other@x.org"},
    "self.ann": MOTHER, "turned.ann": MOTHER, "turned.ben": CHILD, "younger.ann": MOTHER, "younger.cal": FATHER,
    "both.x": {}, "both.y": {}, "fixed.ann": MOTHER, "fixed.ben": CHILD, "stranger.ann": MOTHER,
    "blank.ann": MOTHER, "blank.ben": {"name": "Ben Lee"}, "blank.bea": {**SISTER, "birthday": date(2027, 1, 1)}, "blank.cal": {},
    "alone.ben": {**CHILD, "email": "ben@x.org"},
    "two.ann": {**MOTHER, "email": "two@x.org"}, "two.ben": {**CHILD, "email": "two@x.org"},
    "two.cal": {**FATHER, "email": "cal@x.org", "phone": "+12548670009"},
    "grown.ann": {**MOTHER, "email": "grown@x.org"}, "grown.eve": GROWN,
    "pair.ann": {**MOTHER, "email": "pair@x.org"}, "pair.cal": {**FATHER, "email": "pair@x.org"}, "pair.ben": CHILD,
    "home.ann": {**MOTHER, "address": "12 North Elm Street, Apt. 4", "postcode": "76001-1234"},
    "home.ben": {**CHILD, "address": "12 N Elm St #4", "postcode": "76001"},
    "home.cal": {**FATHER, "address": "12 N Elm St #4", "postcode": "76001"},
    "home.eve": {**GROWN, "address": "12 N Elm St #5", "postcode": "76001"},
    "plain.ann": {**MOTHER, "address": "12 Oak Rd"}, "plain.ben": {**CHILD, "address": "12 Oak Rd"},
    "rural.ann": {**MOTHER, "address": "Main Street", "city": "Waco"}, "rural.ben": {**CHILD, "address": "Main Street", "city": "Waco"},
    "town.ann": {**MOTHER, "address": "7 Main Street", "city": "WACO"}, "town.ben": {**CHILD, "address": "7 main st.", "city": "Waco"},
    **{f"block.{n}": {**CHILD, "address": "1 College Ave", "city": "Waco"} for n in range(9)},
    # each shares a phone with the one before and an address with the one after: a street, not a home
    **{f"street.{n:02}": {"name": "Kim Lee", "email": f"{n // 2}@y.org", "phone": f"+1254869{(n + 1) // 2:04}"} for n in range(14)},
}
RELATIONS = [
    ("down.ann", "child", "down.ben"), ("up.ben", "parent", "up.ann"), ("sure.ann", "child", "sure.ben"),
    ("self.ann", "child", "self.ann"), ("turned.ann", "parent", "turned.ben"), ("younger.cal", "parent", "younger.ann"),
    ("both.x", "child", "both.y"), ("both.y", "child", "both.x"), ("fixed.ann", "child", "fixed.ben"),
    ("fixed.ben", "child", "fixed.ann"), ("stranger.ann", "child", "nobody"), ("blank.ann", "child", "blank.ben"),
    ("blank.ann", "child", "blank.bea"), ("two.ann", "child", "two.ben"), ("two.cal", "child", "two.ben"),
    ("grown.ann", "child", "grown.eve"), ("pair.cal", "child", "pair.ben"), ("street.00", "partner", "street.01"),
]
ADDRESSES = [("owner.ben", "owner@x.org"), ("owner.ann", "owner@x.org"), ("owner.cal", "owner@x.org")]
ROSTERS = [
    ("1", "sure.ann", True), ("1", "sure.ben", False), ("2", "contract.cal", False), ("2", "contract.ben", False),
    ("2", "contract.ann", True), ("3", "elder.eve", True), ("3", "elder.ben", False),
    *(("4", f"team.{n}", False) for n in range(9)),
]


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    return DuckDBEngine.open({"threads": "1"})


@pytest.fixture(scope="module")
def town(engine: DuckDBEngine) -> Decided:
    return decide(engine, PERSONS, relations=RELATIONS, addresses=ADDRESSES, rosters=ROSTERS, on=ON)


@pytest.fixture(scope="module")
def sent(engine: DuckDBEngine, town: Decided) -> Callable[..., tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]]:
    def send(*who: str, channel: Channel = "email") -> tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]:
        asked = engine.arrow(pa.table({"customer_id": pa.array([f"c_{key}" for key in who], pa.string())}))
        told = recipients(engine.arrow(town.tables["contacts"]), asked, channel=channel)
        about = {row["about_customer_id"]: (row["recipient_customer_id"], row["reason"]) for row in engine.fetch(told.about).to_pylist()}
        return engine.fetch(told.messages).to_pylist(), about

    return send


def links(town: Decided, family: str) -> list[tuple[str, ...]]:
    names = ("guardian_customer_id", "child_customer_id", "relationship", "confidence")
    rows = [tuple(str(row[name]).removeprefix(f"c_{family}.") for name in names) for row in town.rows("family_links")
            if str(row["child_customer_id"]).startswith(f"c_{family}.")]
    return sorted(rows)


def homes(town: Decided, family: str) -> set[str]:
    return {" ".join(sorted(key.partition(".")[2] for key in home)) for home in town.homes() if any(k.startswith(f"{family}.") for k in home)}


def one(town: Decided, table: str, key: str) -> dict[str, Any]:
    return next(row for row in town.rows(table) if row["customer_id"] == f"c_{key}")


def refused(town: Decided, family: str) -> list[tuple[str, str]]:
    return [(str(row["record_key"]), str(row["reason"])) for row in town.rows("refused") if str(row["record_key"]).startswith(family)]


def test_two_siblings_and_a_parent_with_one_address_are_three_people_one_household_and_one_recipient(
    town: Decided, sent: Callable
) -> None:
    home = one(town, "household_members", "one.ann")["household_id"]

    messages, _ = sent("one.ben", "one.bea", "one.ann", "one.ben")

    assert homes(town, "one") == {"ann bea ben"}
    assert [(h["name"], h["people"], h["adults"], h["minors"]) for h in town.rows("households") if h["household_id"] == home] == [("Lee", 3, 1, 2)]
    assert messages == [{
        "address": "one@x.org", "recipient_customer_id": "c_one.ann", "household_id": home, "people": 3,
        "about": "c_one.ann,c_one.bea,c_one.ben",
    }]


def test_a_declared_child_has_its_parent_whichever_way_the_source_tells_it(town: Decided) -> None:
    assert links(town, "down") == links(town, "up") == [("ann", "ben", "parent", "high")]


def test_the_surest_of_several_links_is_kept(town: Decided) -> None:
    assert links(town, "sure") == [("ann", "ben", "parent", "high")]


def test_who_pays_for_a_contract_is_the_guardian_of_its_minors(town: Decided) -> None:
    assert links(town, "contract") == [("ann", "ben", "guardian", "medium")]
    assert homes(town, "contract") == {"ann ben cal"}


def test_an_elder_sibling_on_the_contract_is_no_guardian(town: Decided) -> None:
    assert links(town, "elder") == []
    assert homes(town, "elder") == {"ben eve"}


def test_a_contract_of_a_whole_team_makes_no_home(town: Decided) -> None:
    assert len(homes(town, "team")) == 9


def test_the_address_on_a_minors_contract_names_the_guardian_and_an_adults_names_nobody(town: Decided) -> None:
    assert links(town, "owner") == [("cal", "ben", "guardian", "medium")]


def test_a_shared_address_without_the_surname_makes_no_home(town: Decided) -> None:
    assert homes(town, "other") == {"cal", "ben"}


def test_one_postal_address_however_it_is_written_and_one_surname_make_a_home(town: Decided) -> None:
    assert homes(town, "home") == {"ann ben", "cal", "eve"}
    assert one(town, "household_members", "home.ben")["evidence"] == "same postal address and surname, with c_home.ann"
    assert homes(town, "town") == {"ann ben"}


def test_a_postal_address_names_no_guardian(town: Decided) -> None:
    assert links(town, "home") == []


@pytest.mark.parametrize("family", ["plain", "rural"], ids=["without a place", "without a number"])
def test_half_a_postal_address_makes_no_home(town: Decided, family: str) -> None:
    assert homes(town, family) == {"ann", "ben"}


def test_a_postal_address_of_many_makes_no_home(town: Decided) -> None:
    assert homes(town, "block") == {str(n) for n in range(9)}


@pytest.mark.parametrize(("family", "expected"), [
    ("self", [("self.ann|self.ann|child", "self_relation")]),
    ("turned", [("turned.ann|turned.ben|parent", "minor_guardian")]),
    ("younger", [("younger.cal|younger.ann|parent", "younger_guardian")]),
    ("both", [("both.x|both.y|child", "contradictory"), ("both.y|both.x|child", "contradictory")]),
    ("stranger", []),
])
def test_a_relation_that_cannot_be_meant_is_refused_with_its_reason_and_counts_for_nothing(
    town: Decided, family: str, expected: list[tuple[str, str]]
) -> None:
    assert refused(town, family) == expected
    assert links(town, family) == []
    assert all(" " not in home for home in homes(town, family))


def test_of_two_opposite_relations_the_one_that_can_be_stands(town: Decided) -> None:
    assert refused(town, "fixed") == [("fixed.ben|fixed.ann|child", "minor_guardian")]
    assert links(town, "fixed") == [("ann", "ben", "parent", "high")]


def test_a_child_without_a_birthday_or_with_one_to_come_is_a_minor_when_a_parent_is_on_file(town: Decided) -> None:
    roles = {key: one(town, "household_members", f"blank.{key}")["role"] for key in ("ann", "ben", "bea", "cal")}

    assert roles == {"ann": "adult", "ben": "minor", "bea": "minor", "cal": "adult"}


@pytest.mark.parametrize(("on", "role"), [(date(2032, 4, 30), "minor"), (date(2032, 5, 1), "adult")])
def test_who_is_a_minor_is_asked_of_a_day(engine: DuckDBEngine, on: date, role: str) -> None:
    later = decide(engine, {"down.ann": MOTHER, "down.ben": CHILD}, relations=RELATIONS[:1], on=on)

    assert one(later, "household_members", "down.ben")["role"] == role
    assert one(later, "household_members", "down.ann")["is_guardian"] is (role == "minor")
    assert len(later.rows("family_links")) == 1


@pytest.mark.parametrize(("born", "on", "expected"), [
    (date(2008, 2, 29), date(2026, 2, 28), date(2026, 3, 1)), (date(2008, 3, 1), date(2026, 3, 1), None),
    (date(2030, 1, 1), date(2026, 3, 1), date(2030, 1, 1)),
])
def test_the_next_day_on_which_a_role_changes_is_known(born: date, on: date, expected: date | None) -> None:
    assert next_change_of_age(pa.array([born, None, date(1970, 1, 1)], pa.date32()), on) == expected


def test_a_minors_own_address_is_never_used(town: Decided) -> None:
    ben = one(town, "contacts", "alone.ben")

    assert (ben["email"], ben["email_customer_id"], ben["email_reason"]) == (None, None, "minor without guardian")


def test_a_minor_is_reached_through_the_other_guardian_where_the_primary_has_no_contact(town: Decided) -> None:
    ben = one(town, "contacts", "two.ben")

    assert (ben["email"], ben["email_customer_id"], ben["email_reason"]) == ("two@x.org", "c_two.ann", "primary guardian")
    assert (ben["phone"], ben["phone_customer_id"], ben["phone_reason"]) == ("+12548670009", "c_two.cal", "other guardian")


def test_a_grown_child_inherits_nothing_and_stays_in_the_household(town: Decided) -> None:
    assert one(town, "contacts", "grown.eve")["email_reason"] == "none on file"
    assert homes(town, "grown") == {"ann eve"}


def test_whoever_cannot_be_reached_is_told_with_the_reason(sent: Callable) -> None:
    messages, about = sent("down.ann", "down.ben", "ghost", channel="phone")

    assert messages == []
    assert about == {
        "c_down.ann": (None, "none on file"), "c_down.ben": (None, "no guardian has one"), "c_ghost": (None, "no such customer"),
    }


def test_of_two_who_share_an_address_one_gets_the_message_about_all(sent: Callable) -> None:
    messages, about = sent("pair.ann", "pair.ben")

    assert [(m["recipient_customer_id"], m["about"]) for m in messages] == [("c_pair.ann", "c_pair.ann,c_pair.ben")]
    assert about["c_pair.ben"] == ("c_pair.ann", "primary guardian")


def test_a_home_of_too_many_is_held_together_by_its_surer_links_alone(town: Decided) -> None:
    assert sorted(map(len, (home.split() for home in homes(town, "street")))) == [1] * 12 + [2]


def test_a_merged_customer_lives_with_its_heir_and_its_household_leads_to_the_one_that_goes_on() -> None:
    book, now = HouseholdBook(), datetime(2026, 1, 1, tzinfo=UTC)
    nothing = pa.table({name: pa.array([], pa.string()) for name in ("left", "right", "confidence")})
    first = settle(customer_register("ab"), nothing, now=now, salt=b"s")
    book.keep(first)

    later = settle(customer_register("ab", {"b": "a"}), nothing, now=now, salt=b"s", homes=book.homes, register=book.register)

    ann, ben = first.homes["household_id"].to_pylist()
    assert later.homes["household_id"].to_pylist() == [ann, ann]
    assert later.merged.select(["household_id", "merged_into"]).to_pylist() == [{"household_id": ben, "merged_into": ann}]
