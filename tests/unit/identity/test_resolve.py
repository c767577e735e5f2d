"""Who becomes one customer, who does not, and what is queued for a person to decide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from regulars.identity.resolve import Resolution, resolve
from regulars.testing.profiles import (
    IdentityBook,
    customer_ids,
    evidence,
    groups,
    profile,
    profile_table,
    ruling_table,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SALT = b"summit"
HOUSE = "lees@x.org"


def resolved(*profiles: dict[str, object], **given: pa.Table) -> Resolution:
    return resolve(profile_table(*profiles), now=NOW, salt=SALT, **given)


def test_two_siblings_and_a_parent_who_share_an_address_are_three_people() -> None:
    found = resolved(
        profile("capitan/1", "Ann Lee", email=HOUSE),
        profile("capitan/2", "Bea Lee", email=HOUSE, phone="+12548670001"),
        profile("capitan/3", "Cal Lee", email=HOUSE),
    )

    assert len(groups(found.identity)) == 3
    assert len(found.conflicts) == 0


def test_an_email_of_one_and_a_phone_of_another_merge_nobody_and_queue_a_conflict() -> None:
    found = resolved(
        profile("capitan/1", email="ann@x.org"),
        profile("capitan/2", phone="+12548670002"),
        profile("stripe/q", email="ann@x.org", phone="+12548670002"),
    )

    assert groups(found.identity) == {frozenset({"capitan/1"}), frozenset({"capitan/2"}), frozenset({"stripe/q"})}
    assert found.conflicts["message"].to_pylist() == [
        "stripe/q: email equal to capitan/1, but phone equal to capitan/2; merged with neither"
    ]


def test_the_conflict_needs_no_exclusive_ids_when_the_two_are_clearly_different() -> None:
    found = resolved(
        profile("shop/1", "Ann Lee", email="ann@x.org"),
        profile("shop/2", "Tom Ray", phone="+12548670002"),
        profile("stripe/q", email="ann@x.org", phone="+12548670002"),
    )

    assert len(groups(found.identity)) == 3
    assert len(found.conflicts) == 1


def test_a_conflict_keeps_its_id_from_run_to_run() -> None:
    people = [
        profile("capitan/1", email="ann@x.org"),
        profile("capitan/2", phone="+12548670002"),
        profile("stripe/q", email="ann@x.org", phone="+12548670002"),
    ]

    first = resolved(*people).conflicts["conflict_id"].to_pylist()

    assert resolved(profile("capitan/0"), *people).conflicts["conflict_id"].to_pylist() == first


def test_an_equal_email_or_phone_of_one_person_joins_systems_and_says_so() -> None:
    found = resolved(
        profile("capitan/17", "Ann Lee", email="ann@x.org", created_at=NOW - timedelta(days=9)),
        profile("stripe/a", "Ann Lee", email="ann@x.org", phone="+12548670001", created_at=NOW - timedelta(days=5)),
        profile("square/b", phone="+12548670001"),
        profile("square/c"),
    )

    assert groups(found.identity) == {frozenset({"capitan/17", "stripe/a", "square/b"}), frozenset({"square/c"})}
    assert evidence(found.identity) == {
        "capitan/17": "first profile",
        "stripe/a": "email equal to capitan/17",
        "square/b": "phone equal to stripe/a",
        "square/c": "only profile",
    }


def test_a_shared_contact_joins_only_with_an_equal_full_name() -> None:
    found = resolved(
        profile("capitan/1", "Ann Lee", email=HOUSE),
        profile("capitan/2", "Bea Lee", email=HOUSE),
        profile("stripe/a", "LEE, Ánn", email=HOUSE),
        profile("stripe/b", email=HOUSE),
        profile("stripe/c", "Ann", email=HOUSE),
    )

    assert frozenset({"capitan/1", "stripe/a"}) in groups(found.identity)
    assert len(groups(found.identity)) == 4
    assert evidence(found.identity)["stripe/a"] == "email and name equal to capitan/1"


def test_namesakes_who_share_a_contact_are_joined_by_nothing() -> None:
    found = resolved(
        profile("capitan/1", "Jon Lee", email=HOUSE, birthday=date(1970, 1, 1)),
        profile("capitan/2", "Jon Lee", email=HOUSE, birthday=date(2001, 5, 6)),
        profile("stripe/a", "Jon Lee", email=HOUSE),
    )

    assert len(groups(found.identity)) == 3


def test_homonyms_without_a_common_contact_stay_apart() -> None:
    found = resolved(
        profile("capitan/1", "Ann Lee", email="ann1@x.org"),
        profile("stripe/2", "Ann Lee", email="ann2@x.org"),
        profile("stripe/3", "Ann Lee"),
    )

    assert len(groups(found.identity)) == 3


def test_clearly_different_people_without_exclusive_ids_share_a_contact_too() -> None:
    found = resolved(
        profile("shop/1", "Ann Lee", phone="+12548670001"),
        profile("stripe/2", "Tom Lee", phone="+12548670001"),
    )

    assert len(groups(found.identity)) == 2


def test_a_birthday_tells_father_and_son_apart_but_a_slip_in_it_does_not() -> None:
    son = profile("shop/1", "Jon Lee", email=HOUSE, birthday=date(2001, 5, 6))
    father = profile("stripe/2", "Jon Lee", email=HOUSE, birthday=date(1970, 1, 1))
    slip = profile("stripe/2", "Jon Lee", email=HOUSE, birthday=date(2001, 6, 5))

    assert len(groups(resolved(son, father).identity)) == 2
    assert len(groups(resolved(son, slip).identity)) == 1


def test_a_system_that_names_the_others_id_joins_even_without_contacts() -> None:
    found = resolved(
        profile("capitan/1", "Ann Lee"),
        profile("stripe/a", "A Card", same_as_source="capitan", same_as_id="1"),
        profile("shop/s", same_as_source="capitan\nstripe", same_as_id="9\na"),
    )

    assert len(groups(found.identity)) == 1
    assert evidence(found.identity)["stripe/a"] == "same_as capitan/1"


def test_two_profiles_of_an_exclusive_source_never_meet_whoever_names_them() -> None:
    found = resolved(
        profile("capitan/1", same_as_source="stripe", same_as_id="a"),
        profile("capitan/2"),
        profile("stripe/a", same_as_source="capitan", same_as_id="2"),
    )

    assert len(groups(found.identity)) == 3
    assert found.conflicts["kind"].to_pylist() == ["same_as / same_as"]


def test_a_chain_of_contacts_between_two_people_is_cut() -> None:
    chain = [profile("capitan/1", email="e0@x.org"), profile("capitan/2", email="e3@x.org", phone="+12548670003")]
    chain += [
        profile("stripe/a", email="e0@x.org", phone="+12548670001"),
        profile("square/b", phone="+12548670001", email="e2@x.org"),
        profile("shop/c", email="e2@x.org", phone="+12548670003"),
    ]

    found = resolved(*chain)

    assert not any({"capitan/1", "capitan/2"} <= group for group in groups(found.identity))
    assert frozenset({"stripe/a", "square/b", "shop/c"}) in groups(found.identity)
    assert len(found.conflicts) == 1


def test_people_without_any_contact_are_customers_of_their_own() -> None:
    found = resolved(*(profile(f"capitan/{n}") for n in range(50)), profile("square/x", "Ann Lee"))

    assert len(groups(found.identity)) == 51
    assert found.identity["evidence"].unique().to_pylist() == ["only profile"]


def test_a_ruling_that_two_are_the_same_wins_over_exclusive_ids() -> None:
    found = resolved(
        profile("capitan/1", "Ann Lee", email="a@x.org"), profile("capitan/2", "Ann Lee", email="b@x.org"),
        profile("stripe/a", email="a@x.org"), profile("stripe/b", email="b@x.org"),
        rulings=ruling_table(("capitan/1", "same", "capitan/2")),
    )

    assert len(groups(found.identity)) == 1
    assert "ruled the same as capitan/1" in evidence(found.identity).values()


def test_a_ruling_that_two_are_different_wins_over_contacts_and_named_ids() -> None:
    ann, card = profile("capitan/1", "Ann Lee", email="a@x.org"), profile("stripe/a", "Ann Lee", email="a@x.org")
    named = profile("stripe/a", "Ann Lee", same_as_source="capitan", same_as_id="1")
    different = ruling_table(("stripe/a", "different", "capitan/1"))

    assert len(groups(resolved(ann, card, rulings=different).identity)) == 2
    assert len(groups(resolved(ann, named, rulings=different).identity)) == 2


def test_the_newest_ruling_of_a_pair_counts() -> None:
    pair = profile("capitan/1"), profile("stripe/a")
    changed = ruling_table(("capitan/1", "different", "stripe/a"), ("stripe/a", "same", "capitan/1"))

    assert len(groups(resolved(*pair, rulings=changed).identity)) == 1


def test_a_ruling_about_a_profile_that_is_gone_changes_nothing() -> None:
    found = resolved(profile("capitan/1"), rulings=ruling_table(("capitan/1", "same", "stripe/gone")))

    assert len(groups(found.identity)) == 1


def test_nobody_at_all_is_no_error() -> None:
    found = resolved()

    assert found.identity.num_rows == found.minted.num_rows == found.conflicts.num_rows == 0


def test_a_second_run_over_the_same_profiles_changes_nothing() -> None:
    people = [profile(f"capitan/{n}", email=f"p{n % 3}@x.org") for n in range(9)]
    book = IdentityBook()
    book.keep(resolved(*people))

    again = resolved(*people, known=book.known)

    assert again.changes.num_rows == again.minted.num_rows == again.merged.num_rows == 0


def test_who_merges_keeps_the_id_of_most_profiles_and_the_other_points_to_it() -> None:
    ann = [profile("capitan/1", email="a@x.org"), profile("stripe/1", email="a@x.org")]
    card = profile("square/1", phone="+12548670001")
    book = IdentityBook()
    book.keep(resolved(*ann, card))
    before = customer_ids(book.identity)

    found = resolved(
        *ann, {**card, "email": "a@x.org"}, known=book.known
    )

    assert set(customer_ids(found.identity).values()) == {before["capitan/1"]}
    assert found.merged["customer_id"].to_pylist() == [before["square/1"]]
    assert found.merged["merged_into"].to_pylist() == [before["capitan/1"]]
    assert found.changes["former_id"].to_pylist()[-1:] == [before["square/1"]]


def test_a_split_leaves_the_id_with_the_larger_part_and_mints_for_the_smaller() -> None:
    people = [
        profile("shop/1", email="a@x.org"), profile("stripe/1", email="a@x.org"), profile("square/1", email="a@x.org"),
    ]
    book = IdentityBook()
    book.keep(resolved(*people))
    before = customer_ids(book.identity)["shop/1"]

    found = resolved(
        *people, known=book.known,
        rulings=ruling_table(("shop/1", "different", "stripe/1"), ("shop/1", "different", "square/1"),
                        ("stripe/1", "same", "square/1")),
    )

    assert customer_ids(found.identity)["stripe/1"] == customer_ids(found.identity)["square/1"] == before
    assert found.minted["founder_id"].to_pylist() == ["1"]
    assert found.minted["customer_id"].to_pylist() != [before]      # its own hash is taken: made again with a counter
    assert found.merged.num_rows == 0


def test_the_id_stays_with_the_gyms_own_profile_when_its_address_changes() -> None:
    member = profile("capitan/1", email="a@x.org")
    cards = [profile("stripe/1", email="a@x.org"), profile("square/1", email="a@x.org")]
    book = IdentityBook()
    book.keep(resolved(member, *cards))
    before = customer_ids(book.identity)["capitan/1"]

    found = resolved({**member, "email": "new@x.org"}, *cards, known=book.known)

    assert customer_ids(found.identity)["capitan/1"] == before
    assert customer_ids(found.identity)["stripe/1"] != before


def test_a_profile_that_returns_gets_its_customer_back() -> None:
    everyone = [profile("capitan/1"), profile("capitan/2")]
    book = IdentityBook()
    book.keep(resolved(*everyone))
    before = customer_ids(book.identity)
    book.keep(resolved(everyone[0], known=book.known))

    found = resolved(*everyone, known=book.known)

    assert customer_ids(found.identity) == before


def test_a_rebuild_from_nothing_gives_the_same_ids_and_another_salt_gives_others() -> None:
    people = [profile("capitan/1"), profile("stripe/1")]

    first = customer_ids(resolved(*people).identity)

    assert customer_ids(resolved(*reversed(people)).identity) == first
    assert not set(customer_ids(resolve(profile_table(*people), now=NOW, salt=b"other").identity).values()) & set(first.values())


def test_a_profile_that_its_source_no_longer_lists_stays_with_its_customer() -> None:
    book = IdentityBook()
    ann, card = profile("capitan/1", "Ann Lee", email="ann@x.org"), profile("stripe/a", email="ann@x.org")
    book.keep(resolved(ann, card))

    found = resolved(card, known=book.known)

    assert groups(found.identity) == {frozenset({"capitan/1", "stripe/a"})}
    assert "no longer in capitan" in found.identity["evidence"].to_pylist()
