"""Likely one person: weighed from all fields, merged from one threshold on, asked from another, always explained."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from regulars.identity.identifier import IdentifierRules
from regulars.identity.matching import Thresholds
from regulars.identity.model import Model
from regulars.identity.resolve import Former, Resolution, resolve
from regulars.identity.role import REASON, without_roles
from regulars.testing.customers import noisy_customers
from regulars.testing.gym.vocabulary import FIRST_NAMES
from regulars.testing.profiles import customer_ids, evidence, profile, profile_table, ruling_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRANGERS = noisy_customers(1_500, seed=5).profiles


def resolved(*people: dict[str, object], **given: object) -> Resolution:
    """Resolve some people among enough strangers to learn from."""
    return resolve(pa.concat_tables([STRANGERS, profile_table(*people)], promote_options="default"), now=NOW, salt=b"test", **given)


def born(year: int, month: int, day: int) -> date:
    return date(year, month, day)


ROBERT = profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14), address="12 elm st", postcode="76001", email="rq@a.example")
BOB = profile("forms/1", "Bob Quillfeather", birthday=born(1980, 3, 14), address="12 elm st", postcode="76001", email="bob@b.example")
SLIPPED = profile("forms/2", "Robert Quilfeather", birthday=born(1980, 3, 14), address="12 elm st", postcode="76001")
SWAPPED = profile("forms/3", "Quillfeather Robert", birthday=born(1980, 3, 14), postcode="76001", address="12 elm st")
DAYS_SWAPPED = profile("forms/4", "Robert Quillfeather", birthday=born(1980, 7, 4), address="12 elm st", postcode="76001")
TWIN = profile("forms/5", "Paula Quillfeather", birthday=born(1980, 3, 14), address="12 elm st", postcode="76001", email="rq@a.example")


@pytest.mark.parametrize("other", [BOB, SLIPPED, SWAPPED], ids=["short form, other email", "slip", "names swapped"])
def test_a_person_written_otherwise_is_recognised(other: dict[str, object]) -> None:
    customer = customer_ids(resolved(ROBERT, other).identity)

    assert customer["crm/1"] == customer[f"{other['profile_source']}/{other['profile_id']}"]


def test_a_birthday_with_month_and_day_swapped_is_a_slip() -> None:
    found = resolved({**ROBERT, "birthday": born(1980, 4, 7)}, DAYS_SWAPPED)

    customer = customer_ids(found.identity)
    assert customer["crm/1"] == customer["forms/4"]


def test_a_twin_on_the_same_address_is_another_person() -> None:
    customer = customer_ids(resolved(ROBERT, TWIN).identity)

    assert customer["crm/1"] != customer["forms/5"]


@pytest.mark.parametrize("other", ["robertquillfeather86@post.example", "robert.quillfeather@post.example", "robertquillfeather@club.example"])
def test_namesakes_choose_the_same_letters_so_that_another_figure_mark_or_provider_is_no_slip(other: str) -> None:
    one, namesake = profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14)), profile("forms/1", "Robert Quillfeather")

    found = resolved({**one, "email": "robertquillfeather@post.example"}, {**namesake, "email": other})

    customer = customer_ids(found.identity)
    assert customer["crm/1"] != customer["forms/1"]


def test_a_slip_in_the_letters_of_an_address_is_one() -> None:
    found = resolved(
        profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14), email="robertquillfeather@post.example"),
        profile("forms/1", "Robert Quillfeather", email="robertquilfeather@post.example"),
    )

    customer = customer_ids(found.identity)
    assert customer["crm/1"] == customer["forms/1"]


@pytest.mark.parametrize(("one", "other", "is_one"), [
    ("Xiao Ming", "Xiaoming", True), ("María José", "María", True), ("Xia Kai", "Xia Ting", False), ("María José", "María Elena", False),
    ("Mary-Kate Marie", "Mary-Kate", True), ("Mray-Kate Marie", "Mary-Kate", True), ("Mary-Kate Marie", "Mary-Ann", False),
])
def test_several_given_names_are_read_as_a_whole(one: str, other: str, *, is_one: bool) -> None:
    home = {"phone": "+12543350177", "address": "9 pine st", "postcode": "76009", "birthday": born(1980, 3, 14)}
    first = {**profile("crm/1", f"{one} Quillfeather", **home), "first_name": one.lower(), "last_name": "quillfeather"}
    second = {**profile("forms/1", f"{other} Quillfeather", **home), "first_name": other.lower(), "last_name": "quillfeather"}

    customer = customer_ids(resolved(first, second).identity)

    assert (customer["crm/1"] == customer["forms/1"]) is is_one


@pytest.mark.parametrize(("other", "is_one"), [("Maria", False), ("M", False), ("Maria Elena", True)])
def test_one_of_several_given_names_or_an_initial_on_the_contact_of_a_house_can_be_anybodys(other: str, *, is_one: bool) -> None:
    home = {"phone": "+12543350177", "address": "9 pine st", "postcode": "76009", "last_name": "quillfeather"}
    first = {**profile("crm/1", "Maria Elena Quillfeather", **home), "first_name": "maria elena"}
    second = {**profile("forms/1", f"{other} Quillfeather", **home), "first_name": other.lower()}

    customer = customer_ids(resolved(first, second).identity)

    assert (customer["crm/1"] == customer["forms/1"]) is is_one


@pytest.mark.parametrize(("other", "is_one"), [("Rboert", True), ("Robret", True), ("R", False), ("Frances", False)])
def test_a_name_with_two_letters_crossed_is_its_own_on_its_own_address_and_an_initial_is_not(other: str, *, is_one: bool) -> None:
    found = resolved(
        profile("crm/1", "Robert Quillfeather", email="rq@a.example"), profile("web/1", f"{other} Quillfeather", email="rq@a.example"),
    )

    customer = customer_ids(found.identity)
    assert (customer["crm/1"] == customer["web/1"]) is is_one


def test_an_equal_full_name_on_one_address_is_one_person_wherever_it_was_cut() -> None:
    found = resolved(
        profile("crm/1", "Emery Emeie Quillfeather", email="eq@a.example", first_name="emery emeie", last_name="quillfeather"),
        profile("web/1", "Emery Emeie Quillfeather", email="eq@a.example", first_name="emery", last_name="quillfeather"),
    )

    customer = customer_ids(found.identity)
    assert customer["crm/1"] == customer["web/1"]


@pytest.mark.parametrize(("one", "other"), [
    (("rosa perez", "garcia"), ("rosa", "perez garcia")), (("ana maria elena", "perez"), ("ana", "maria elena perez")),
])
def test_two_surnames_are_one_name_wherever_given_names_were_cut_off(one: tuple[str, str], other: tuple[str, str]) -> None:
    home = {"address": "9 pine st", "postcode": "76009"}
    first, second = (
        profile(key, f"{given} {family}", **home, first_name=given, last_name=family)
        for key, (given, family) in (("crm/1", one), ("web/1", other))
    )

    customer = customer_ids(resolved(first, second).identity)

    assert customer["crm/1"] == customer["web/1"]


@pytest.mark.parametrize(("other", "is_one"), [("Laura", True), ("Lauren", False), ("Lauar", True)])
def test_swapped_names_are_one_persons_only_where_each_could_be_written_by_one(other: str, *, is_one: bool) -> None:
    home = {"phone": "+12543350177", "address": "9 pine st", "postcode": "76009"}

    found = resolved(profile("crm/1", "Quillfeather Laura", **home), profile("web/1", f"{other} Quillfeather", **home))

    customer = customer_ids(found.identity)
    assert (customer["crm/1"] == customer["web/1"]) is is_one


@pytest.mark.parametrize(("birthday", "is_one"), [(born(2011, 10, 9), True), (born(2011, 10, 8), True), (born(2011, 10, 23), False)])
def test_an_initial_with_a_birthday_that_is_only_like_it_can_be_a_brothers(birthday: date, *, is_one: bool) -> None:
    home = {"phone": "+12543350177", "address": "9 pine st", "postcode": "76009"}
    found = resolved(
        profile("crm/1", "Robert Quillfeather", birthday=born(2011, 10, 9), **home),
        profile("web/1", "R Quillfeather", birthday=birthday, **home),
    )

    customer = customer_ids(found.identity)
    assert (customer["crm/1"] == customer["web/1"]) is is_one


@pytest.mark.parametrize(("one", "other", "is_one"), [("Maria", "Mariaelena", False), ("Ben", "Benjamin", True), ("Robert", "Robertt", True)])
def test_a_name_that_begins_anothers_is_anothers_on_one_address_unless_it_is_its_short_form(one: str, other: str, *, is_one: bool) -> None:
    found = resolved(
        profile("crm/1", f"{one} Quillfeather", email="q@a.example"), profile("web/1", f"{other} Quillfeather", email="q@a.example"),
    )

    customer = customer_ids(found.identity)
    assert (customer["crm/1"] == customer["web/1"]) is is_one


def test_of_pairs_that_exact_evidence_could_not_judge_more_are_one_person_than_of_those_it_left_open() -> None:
    model = resolved().likeness.model

    assert model.persons[0] > model.persons[1]


def test_a_junior_is_not_the_father_without_a_birthday_of_both_and_an_initial_in_the_middle_is_no_other_name() -> None:
    home = {"phone": "+12543350177", "address": "9 pine st", "postcode": "76009"}
    found = resolved(
        profile("crm/1", "Robert Quillfeather", **home), profile("forms/1", "Robert Quillfeather, Jr.", **home),
        profile("mail/1", "Robert A. Quillfeather", **home),
    )

    customer = customer_ids(found.identity)
    assert customer["crm/1"] == customer["mail/1"] != customer["forms/1"]


def test_an_equal_name_alone_merges_nobody() -> None:
    found = resolved(profile("crm/1", "Robert Usher"), profile("forms/1", "Robert Usher"))

    customer = customer_ids(found.identity)
    assert customer["crm/1"] != customer["forms/1"]


def test_a_rare_name_by_which_nobody_else_is_known_is_one_person_though_no_fact_is_known_of_both() -> None:
    found = resolved(
        profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14)), profile("forms/1", "Robert Quillfeather", email="rq@a.example"),
    )

    customer = customer_ids(found.identity)
    assert customer["crm/1"] == customer["forms/1"]
    assert [row["tier"] for row in found.likeness.matches.to_pylist() if row["left_source"] == "crm"] == ["name"]


def test_of_two_who_share_a_name_a_third_profile_of_that_name_is_neither() -> None:
    found = resolved(
        profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14)), profile("crm/2", "Robert Quillfeather", birthday=born(2011, 9, 30)),
        profile("forms/1", "Robert Quillfeather", email="rq@a.example"),
    )

    customer = customer_ids(found.identity)
    assert len({customer["crm/1"], customer["crm/2"], customer["forms/1"]}) == 3


def test_father_and_son_of_one_name_stay_two_and_a_profile_between_them_joins_neither() -> None:
    home = {"address": "12 elm st", "postcode": "76001"}
    found = resolved(
        profile("crm/1", "Robert Quillfeather", birthday=born(1960, 3, 14), **home), profile("crm/2", "Robert Quillfeather", birthday=born(2001, 9, 30), **home),
        profile("forms/1", "Robert Quillfeather", **home),
    )

    customer = customer_ids(found.identity)
    assert len({customer["crm/1"], customer["crm/2"], customer["forms/1"]}) == 3


def test_a_day_joins_by_a_name_and_parts_again_as_everybody_at_once_would() -> None:
    known = profile("crm/1", "Robert Quillfeather", birthday=born(1980, 3, 14))
    bare, namesake = profile("forms/1", "Robert Quillfeather", email="rq@a.example"), profile("crm/2", "Robert Quillfeather", birthday=born(2011, 9, 30))
    before = resolved(known, bare)

    after = resolved(known, bare, namesake, former=Former.of(before))

    joined, parted = customer_ids(before.identity), customer_ids(after.identity)
    assert joined["crm/1"] == joined["forms/1"]
    assert len({parted["crm/1"], parted["crm/2"], parted["forms/1"]}) == 3


def test_a_likely_link_says_so_with_its_probability() -> None:
    told = evidence(resolved(ROBERT, BOB).identity)

    assert told["forms/1"].startswith("likely the same as crm/1 (p 0.9")


def test_the_evidence_of_a_match_adds_up_to_its_weight() -> None:
    found = resolved(ROBERT, BOB).likeness.matches.to_pylist()

    match = next(row for row in found if row["left_source"] == "crm")
    parts = json.loads(match["evidence"])
    assert (match["left_id"], match["right_source"], match["right_id"], match["tier"]) == ("1", "forms", "1", "medium")
    assert {"field": "birthday", "outcome": "equal"}.items() <= next(p for p in parts if p["field"] == "birthday").items()
    assert "short form" in [part["outcome"] for part in parts]
    assert sum(part["bits"] for part in parts) == pytest.approx(float(match["weight"]), abs=1.1)


def test_between_the_thresholds_a_person_is_asked_and_nobody_merged() -> None:
    found = resolved(ROBERT, BOB, thresholds=Thresholds(merge=1.0, review=0.5))

    customer = customer_ids(found.identity)
    assert customer["crm/1"] != customer["forms/1"]
    assert {row["tier"] for row in found.likeness.matches.to_pylist()} == {"low"}


def test_a_ruling_outweighs_any_likeness() -> None:
    found = resolved(ROBERT, BOB, rulings=ruling_table(("crm/1", "different", "forms/1")))

    customer = customer_ids(found.identity)
    assert customer["crm/1"] != customer["forms/1"]
    assert not [row for row in found.likeness.matches.to_pylist() if row["left_source"] == "crm"]


def test_two_of_an_exclusive_source_never_match() -> None:
    found = resolved({**ROBERT, "is_exclusive": True}, {**BOB, "profile_source": "crm", "profile_id": "2", "is_exclusive": True})

    customer = customer_ids(found.identity)
    assert customer["crm/1"] != customer["crm/2"]


def test_who_is_pulled_to_two_of_an_exclusive_source_joins_neither() -> None:
    one = {**ROBERT, "profile_source": "crm", "profile_id": "1", "is_exclusive": True, "email": None}
    other = {**one, "profile_id": "2"}
    between = {**BOB, "email": None}

    found = resolved(one, other, between)

    customer = customer_ids(found.identity)
    assert len({customer["crm/1"], customer["crm/2"], customer["forms/1"]}) == 3
    assert [row["kind"] for row in found.conflicts.to_pylist() if row["profile_id"] == "1" and row["profile_source"] == "forms"] in (
        ["likely / likely"], [],
    )


def test_a_contact_of_many_different_people_is_nobodys() -> None:
    guests = [profile(f"desk/{n}", f"{name} {name}son", phone="+12543350100") for n, name in enumerate(
        ["Ann", "Ben", "Cara", "Dan", "Ella", "Finn", "Grace", "Hugo", "Iris", "Jack"]
    )]
    family = [profile(f"home/{n}", f"{name} Lee", phone="+12543350101") for n, name in enumerate(
        ["Ann", "Ben", "Cara", "Dan", "Ella", "Finn", "Grace", "Hugo", "Iris", "Jack"]
    )]

    seen = without_roles(profile_table(*guests, *family), rules=IdentifierRules()).to_pylist()

    assert {(row["phone"], row["phone_refused"]) for row in seen if row["profile_source"] == "desk"} == {(None, REASON)}
    assert {(row["phone"], row["phone_refused"]) for row in seen if row["profile_source"] == "home"} == {("+12543350101", None)}


def test_how_many_make_a_contact_a_desks_is_for_the_business_to_say() -> None:
    guests = [profile(f"desk/{n}", f"{name} {name}son", phone="+12543350100") for n, name in enumerate(["Ann", "Ben", "Cara"])]

    def taken(desk_from: int) -> list[str | None]:
        return without_roles(profile_table(*guests), rules=IdentifierRules(desk_from=desk_from))["phone_refused"].to_pylist()

    assert taken(3) == [REASON] * 3
    assert taken(4) == [None] * 3


def test_a_day_weighs_only_what_changed() -> None:
    first = resolved(ROBERT)

    second = resolved(ROBERT, BOB, former=Former.of(first))

    assert 0 < second.likeness.weighed < first.likeness.weighed / 10
    assert customer_ids(second.identity)["crm/1"] == customer_ids(second.identity)["forms/1"]


def test_a_day_without_changes_weighs_nothing_and_keeps_every_word() -> None:
    first = resolved(ROBERT, BOB)

    second = resolved(ROBERT, BOB, former=Former.of(first))

    assert second.likeness.weighed == 0
    assert second.likeness.matches.equals(first.likeness.matches)
    assert second.identity.equals(first.identity)


def test_another_threshold_of_merging_gives_every_pair_its_tier_again() -> None:
    first = resolved(ROBERT, BOB)

    careful = resolved(ROBERT, BOB, former=Former.of(first), thresholds=Thresholds(merge=1.0))

    assert {row["tier"] for row in careful.likeness.matches.to_pylist()} == {"low"}
    assert careful.likeness.model == first.likeness.model
    customer = customer_ids(careful.identity)
    assert customer["crm/1"] != customer["forms/1"]


def test_a_ruling_taken_back_is_weighed_again() -> None:
    ruled = resolved(ROBERT, BOB, rulings=ruling_table(("crm/1", "different", "forms/1")))

    found = resolved(ROBERT, BOB, former=Former.of(ruled))

    assert customer_ids(found.identity)["crm/1"] == customer_ids(found.identity)["forms/1"]


def test_a_model_is_kept_as_text_and_learned_anew_when_another_release_compares_otherwise() -> None:
    model = resolved(ROBERT).likeness.model

    assert Model.from_json(model.to_json()) == model
    assert Model.from_json(replace(model, outcomes="older").to_json()) is None


def test_a_model_tells_no_names_and_no_addresses() -> None:
    text = resolved(ROBERT).likeness.model.to_json()

    known = {value for name in ("email", "phone", "last_name") for value in STRANGERS[name].to_pylist() if value and len(value) > 5}
    assert [value for value in known if value in text] == []


def test_the_noisy_world_is_the_same_for_the_same_seed_and_about_its_size() -> None:
    one, again, other = noisy_customers(1_000, seed=1), noisy_customers(1_000, seed=1), noisy_customers(1_000, seed=2)

    assert one.profiles.equals(again.profiles)
    assert not one.profiles.equals(other.profiles)
    assert len(one.person) == len(one.household) == len(one.profiles)
    assert 700 < len(one.profiles) < 1_300
    assert len(np.unique(one.person)) > len(np.unique(one.household))


ROBERTS_MAIL = profile("mail/1", "Robert Quillfeather", email="rq@a.example")
BOBS_MAIL = profile("mail/2", "Bob Quillfeather", email="bob@b.example")


def pairs(found: Resolution) -> set[tuple[str, str]]:
    """The pairs that were found alike, of the Quillfeathers alone."""
    own = {"crm", "forms", "mail", "club"}
    return {
        (f"{row['left_source']}/{row['left_id']}", f"{row['right_source']}/{row['right_id']}")
        for row in found.likeness.matches.to_pylist() if row["left_source"] in own and row["right_source"] in own
    }


def told(*keys: str) -> pa.Table:
    return pa.table([[key.split("/")[n] for key in keys] for n in (0, 1)], ["profile_source", "profile_id"])


def test_a_pair_that_stands_falls_when_others_of_the_two_people_are_ruled_apart_and_stands_again_when_that_is_taken_back() -> None:
    people = (ROBERT, BOB, ROBERTS_MAIL, BOBS_MAIL)
    first = resolved(*people)
    ruling, about = ruling_table(("mail/1", "different", "mail/2")), told("mail/1", "mail/2")

    ruled = resolved(*people, former=Former.of(first), told=about, rulings=ruling)
    again = resolved(*people, former=Former.of(ruled), told=about)

    assert ("crm/1", "forms/1") in pairs(first)
    assert pairs(ruled) == set()
    assert pairs(again) == pairs(first)


def test_a_pair_that_stands_falls_when_both_people_get_an_id_of_one_exclusive_source() -> None:
    first = resolved(ROBERT, BOB)
    members = ({**ROBERTS_MAIL, "profile_source": "club", "is_exclusive": True}, {**BOBS_MAIL, "profile_source": "club", "is_exclusive": True})

    second = resolved(ROBERT, BOB, *members, former=Former.of(first), told=told("club/1", "club/2"))

    assert ("crm/1", "forms/1") in pairs(first)
    assert pairs(second) == set()


@pytest.mark.parametrize("surname", ["{}son", "Lee"], ids=["of all names", "of one surname"])
def test_an_address_shared_by_forty_people_makes_nobody_one_and_asks_nobody_forty_times(surname: str) -> None:
    names = sorted(set(FIRST_NAMES))[:40]
    people = [profile(f"club/{n}", f"{name} {surname.format(name)}", email="all@club.example") for n, name in enumerate(names)]

    found = resolve(without_roles(profile_table(*people), rules=IdentifierRules()), now=NOW, salt=b"test")

    assert len(set(customer_ids(found.identity).values())) == 40
    assert len(found.conflicts) == 0
