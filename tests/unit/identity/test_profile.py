"""Profiles from records of several streams, and the customers made of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.identity.customer import customers
from regulars.identity.identifier import IdentifierRules
from regulars.identity.profile import gathered, normalised, profile_rows, telling
from regulars.identity.resolve import resolve
from regulars.records.record import Stream, declare_stream

MEMBERS = declare_stream("capitan", "customers", {
    "fields": {"id": "id", "email": "text", "phone": "text", "first": "text", "last": "text", "born": "date",
               "made": "timestamp", "vip": "boolean"},
    "key": "id",
    "profile": {"id": "id", "email": "email", "phone": "phone", "first_name": "first", "last_name": "last",
                "birthday": "born", "created_at": "made", "exclusive": True, "traits": {"is_vip": "vip"}},
})
VISITS = declare_stream("capitan", "check_ins", {
    "fields": {"id": "id", "member": "id", "email": "text"}, "key": "id",
    "profile": {"id": "member", "email": "email"},
})
CARDS = declare_stream("stripe", "charges", {
    "fields": {"id": "id", "card": "id", "gym": "id", "name": "text"}, "key": "id",
    "profile": {"id": "card", "name": "name", "same_as": {"capitan": "gym"}},
})
DAY_1, DAY_2 = datetime(2026, 1, 1), datetime(2026, 1, 2)  # noqa: DTZ001 - tables hold UTC without a zone
MEMBER: dict[str, Any] = {
    "record_key": "1", "recorded_at": DAY_1, "seq": 1, "id": "1", "email": "Ann@X.org", "phone": "(254) 867-5309",
    "first": "Ann", "last": "Lee", "born": date(1990, 2, 3), "made": datetime(2024, 1, 1), "vip": True,  # noqa: DTZ001
}


def records(*rows: dict[str, Any]) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist(list(rows)))


def visit(n: int, member: str | None, email: str | None, at: datetime) -> dict[str, Any]:
    return {"record_key": str(n), "recorded_at": at, "seq": n, "id": str(n), "member": member, "email": email}


def card(name: str, gym: str | None) -> dict[str, Any]:
    return {"record_key": "z", "recorded_at": DAY_1, "seq": 1, "id": "z", "card": "c1", "gym": gym, "name": name}


def profiles(*tables: tuple[Stream, ibis.Table]) -> dict[str, dict[str, Any]]:
    streams = telling(stream for stream, _ in tables)
    rows = [profile_rows(table, stream=stream) for stream, (_, table) in zip(streams, tables, strict=True)]
    table = normalised(gathered(rows, traits=["is_vip"]).to_pyarrow(), rules=IdentifierRules())
    return {f"{row['profile_source']}/{row['profile_id']}": row for row in table.to_pylist()}


def test_many_streams_feed_one_profile_and_the_newest_value_wins_field_by_field() -> None:
    found = profiles(
        (MEMBERS, records(MEMBER)),
        (VISITS, records(visit(1, "1", "old@x.org", datetime(2025, 1, 1)), visit(2, "1", "new@x.org", DAY_2))),  # noqa: DTZ001
    )["capitan/1"]

    assert (found["email"], found["phone"], found["name"]) == ("new@x.org", "+12548675309", "ann lee")
    assert (found["raw_name"], found["is_vip"], found["birthday"]) == ("Ann Lee", "true", date(1990, 2, 3))
    assert (found["created_at"], found["recorded_at"]) == (MEMBER["made"], DAY_2)


def test_a_profile_that_only_another_stream_tells_of_is_as_exclusive_as_its_source() -> None:
    found = profiles((MEMBERS, records(MEMBER)), (VISITS, records(visit(1, "7", None, DAY_1))))

    assert found["capitan/7"]["is_exclusive"]


def test_a_record_of_nobody_makes_no_profile() -> None:
    found = profiles((VISITS, records(visit(1, None, "a@x.org", DAY_1), visit(2, " ", "a@x.org", DAY_1), visit(3, "5", None, DAY_1))))

    assert set(found) == {"capitan/5"}


def test_a_full_name_gives_first_and_last_whichever_way_it_is_written() -> None:
    found = profiles((CARDS, records(card("Núñez,  José", "1"))))["stripe/c1"]

    assert (found["first_name"], found["last_name"], found["raw_name"]) == ("josé", "núñez", "José Núñez")
    assert (found["same_as_source"], found["same_as_id"]) == ("capitan", "1")


@pytest.mark.parametrize("born", [date(1900, 1, 1), date(2026, 5, 1)])
def test_a_birthday_that_nobody_has_is_missing(born: date) -> None:
    assert profiles((MEMBERS, records({**MEMBER, "born": born})))["capitan/1"]["birthday"] is None


def test_a_refused_contact_is_kept_raw_with_its_reason() -> None:
    found = profiles((MEMBERS, records({**MEMBER, "email": "none@none.com", "phone": "000"})))["capitan/1"]

    assert (found["email"], found["email_refused"], found["raw_email"]) == (None, "placeholder", "none@none.com")
    assert (found["phone"], found["phone_refused"]) == (None, "not a phone number")


def test_a_profile_formula_that_names_no_field_says_where() -> None:
    stream = declare_stream("x", "y", {"fields": {"id": "id"}, "profile": {"id": "id", "email": "emial"}})

    with pytest.raises(DeclarationError) as error:
        profile_rows(records({"id": "1"}), stream=stream)

    assert error.value.path == ("profile", "email")


def test_a_customer_has_the_best_of_all_profiles_and_knows_what_is_shared() -> None:
    rows = [
        profile_rows(records(MEMBER, {**MEMBER, "id": "2", "record_key": "2", "first": "Bea", "vip": None}), stream=MEMBERS),
        profile_rows(records(card("A. Card", "1")), stream=CARDS),
    ]
    people = normalised(gathered(rows, traits=["is_vip"]).to_pyarrow(), rules=IdentifierRules())
    found = resolve(people, now=datetime(2026, 1, 3, tzinfo=UTC), salt=b"k")
    events = ibis.memtable(pa.table({
        "profile_source": ["capitan", "stripe"], "profile_id": ["1", "c1"],
        "business_day": [date(2025, 5, 5), date(2025, 6, 1)],
    }))

    table = customers(ibis.memtable(people), ibis.memtable(found.identity), events, traits=["is_vip"]).to_pyarrow()

    ann, bea = table.sort_by("first_name").to_pylist()
    assert (ann["name"], ann["email"], ann["profiles"], ann["sources"]) == ("Ann Lee", "ann@x.org", 2, "capitan,stripe")
    assert (ann["first_seen"], ann["last_seen"], ann["is_vip"]) == (date(2025, 5, 5), date(2025, 6, 1), "true")
    assert (ann["is_email_shared"], bea["is_email_shared"]) == (True, True)
    assert (bea["profiles"], bea["first_seen"]) == (1, None)


def test_the_source_that_counts_most_gives_the_name() -> None:
    rows = [profile_rows(records(MEMBER), stream=MEMBERS), profile_rows(records(card("Annie Lee", "1")), stream=CARDS)]
    people = normalised(gathered(rows).to_pyarrow(), rules=IdentifierRules())
    found = resolve(people, now=datetime(2026, 1, 3, tzinfo=UTC), salt=b"k")
    tables = ibis.memtable(people), ibis.memtable(found.identity)

    assert customers(*tables).to_pyarrow()["name"].to_pylist() == ["Ann Lee"]
    assert customers(*tables, source_priority=["stripe"]).to_pyarrow()["name"].to_pylist() == ["Annie Lee"]
