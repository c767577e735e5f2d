"""What every book promises about the identity map, rulings, conflicts and memberships."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
import sqlalchemy as sa

from regulars.errors import NotFound
from regulars.storage.book import Book
from regulars.storage.book.households import HOMES, HOUSEHOLDS
from regulars.storage.book.identity import CUSTOMERS, IDENTITY, Conflict, Ruling
from regulars.storage.book.memberships import MEMBERSHIPS, TRANSITIONS

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
DAY = timedelta(days=1)


def _identity(*rows: tuple[str, str]) -> pa.Table:
    return pa.Table.from_pylist([
        {"profile_source": "stripe", "profile_id": profile, "customer_id": customer, "evidence": "email", "since": NAIVE}
        for profile, customer in rows
    ], schema=IDENTITY)


def _customers(*rows: tuple[str, str | None]) -> pa.Table:
    return pa.Table.from_pylist([
        {"customer_id": name, "founder_source": "stripe", "founder_id": f"f-{name}", "minted_at": NAIVE, "merged_into": into}
        for name, into in rows
    ], schema=CUSTOMERS)


def _changes(*rows: tuple[str, str, datetime]) -> pa.Table:
    return pa.Table.from_pylist([
        {"segment": "lapsed", "customer_id": customer, "at": at, "business_day": date(2026, 1, 5), "change": change,
         "reason": "no visit for 30 days"}
        for customer, change, at in rows
    ], schema=TRANSITIONS)


def test_an_empty_map_has_all_its_columns(book: Book) -> None:
    assert book.identity.identity_map().schema == IDENTITY
    assert book.identity.customers().schema == CUSTOMERS
    assert book.memberships.memberships().schema == MEMBERSHIPS
    assert book.memberships.transitions().schema == TRANSITIONS


def test_a_household_keeps_its_founder_and_a_customer_lives_where_it_moved_last(book: Book) -> None:
    def homes(*rows: tuple[str, str]) -> pa.Table:
        return pa.Table.from_pylist([{"customer_id": c, "household_id": h} for c, h in rows], schema=HOMES)

    def register(*rows: tuple[str, str, str | None]) -> pa.Table:
        return pa.Table.from_pylist([
            {"household_id": h, "founder_customer_id": founder, "minted_at": NAIVE, "merged_into": into} for h, founder, into in rows
        ], schema=HOUSEHOLDS)

    assert (book.households.homes().schema, book.households.register().schema) == (HOMES, HOUSEHOLDS)

    book.households.write(homes(("c2", "h2"), ("c1", "h1")), register(("h1", "c1", None), ("h2", "c2", None)), at=NOW)
    book.households.write(homes(("c2", "h1")), register(("h2", "another", "h1")), at=NOW)

    assert book.households.homes() == homes(("c1", "h1"), ("c2", "h1"))
    assert book.households.register() == register(("h1", "c1", None), ("h2", "c2", "h1"))


def test_who_everybody_was_is_read_of_some_alone(book: Book) -> None:
    book.identity.write_identity(_identity(("p1", "c1"), ("p2", "c1"), ("p3", "c2")), _customers(("c1", None), ("c2", None), ("c3", "c1")))

    of_profiles = book.identity.map_of_profiles(pa.table({"profile_source": ["stripe", "square"], "profile_id": ["p1", "p3"]}))
    assert of_profiles == _identity(("p1", "c1"))
    assert book.identity.map_of_customers(pa.array(["c1"])).sort_by("profile_id") == _identity(("p1", "c1"), ("p2", "c1"))
    assert book.identity.customers_of(pa.array(["c3", "c9"])) == _customers(("c3", "c1"))
    founders = pa.table({"profile_source": ["stripe", "square"], "profile_id": ["f-c2", "f-c1"]})
    assert book.identity.founded_by(founders) == _customers(("c2", None))
    assert book.identity.map_of_customers(pa.array([], pa.string())) == IDENTITY.empty_table()


def test_a_customers_profiles_are_found_without_reading_through_all_there_are(book: Book) -> None:
    asked: dict[str, object] = {}
    sa.event.listen(book.database.engine, "before_cursor_execute", lambda _, __, text, values, *___: asked.update({text: values}))

    book.identity.map_of_customers(pa.array(["c1", "c2"]))

    with book.database.reading() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("SQLite alone plans without knowing how many rows there are")
        plans = [str(row[3]) for text, values in list(asked.items()) if "identity_map" in text
                 for row in connection.exec_driver_sql(f"explain query plan {text}", values)]  # type: ignore[arg-type]  # its own
    assert any("identity_map_by_customer (tenant=? AND customer_id=?)" in plan for plan in plans)
    assert not any(plan.endswith("USING PRIMARY KEY (tenant=?)") for plan in plans)


def test_a_household_is_found_by_its_people_its_id_and_its_founder(book: Book) -> None:
    homes = pa.table({"customer_id": ["c1", "c2", "c3"], "household_id": ["h1", "h1", "h3"]}, schema=HOMES)
    register = pa.Table.from_pylist([
        {"household_id": h, "founder_customer_id": c, "minted_at": NAIVE, "merged_into": into}
        for h, c, into in (("h1", "c1", None), ("h2", "c2", "h1"), ("h3", "c3", None))
    ], schema=HOUSEHOLDS)
    book.households.write(homes, register, at=NOW)

    assert book.households.homes_of(pa.array(["c3", "c9"])) == homes.slice(2)
    assert book.households.register_of(pa.array(["h1"]), founders=pa.array(["c1", "c2"])) == register.slice(0, 2)


def test_a_profile_points_at_the_customer_it_was_pointed_at_last(book: Book) -> None:
    book.identity.write_identity(_identity(("p2", "c1"), ("p1", "c1")), _customers(("c1", None)))
    book.identity.write_identity(_identity(("p2", "c2")), _customers(("c2", None)))

    assert book.identity.identity_map() == _identity(("p1", "c1"), ("p2", "c2"))
    assert book.identity.customers() == _customers(("c1", None), ("c2", None))


def test_a_merge_changes_what_a_customer_merged_into_and_nothing_else(book: Book) -> None:
    book.identity.write_identity(_identity(), _customers(("c1", None), ("c2", None)))
    later = _customers(("c2", "c1")).set_column(2, "founder_id", pa.array(["another"]))

    book.identity.write_identity(_identity(), later)

    assert book.identity.customers() == _customers(("c1", None), ("c2", "c1"))


def test_odd_ids_and_missing_evidence_survive(book: Book) -> None:
    odd = _identity(("Zoë|'%s\\ \t\"", "c1")).set_column(3, "evidence", pa.array([None], pa.string()))

    book.identity.write_identity(odd, _customers(("c1", None)))

    assert book.identity.identity_map() == odd


def test_ids_are_sorted_alike_by_every_book(book: Book) -> None:
    names = ["a", "B", "é", "_", "10", "9", "A b", "a-b"]

    book.identity.write_identity(_identity(*((name, "c") for name in names)), _customers())

    assert book.identity.identity_map()["profile_id"].to_pylist() == sorted(names, key=str.encode)


def test_a_hundred_thousand_rows_are_written_in_seconds(book: Book) -> None:
    rows = 100_000
    ids = pa.array([f"{n:07d}" for n in range(rows)])
    table = pa.table({
        "profile_source": pa.array(["stripe"] * rows), "profile_id": ids, "customer_id": ids,
        "evidence": pa.array(["email"] * rows), "since": pa.array([NAIVE] * rows, pa.timestamp("us")),
    })
    began = time.perf_counter()

    book.identity.write_identity(table, _customers())

    assert time.perf_counter() - began < 15
    assert book.identity.identity_map() == table


def test_rulings_are_kept_until_revoked(book: Book) -> None:
    ruling = Ruling(
        ruling_id="r1", verdict="different", left_source="stripe", left_id="p1", right_source="capitan", right_id="9",
        reason="father and son", ruled_by="owner", ruled_at=NOW,
    )
    book.identity.add_ruling(ruling)
    book.identity.add_ruling(ruling)
    assert book.identity.rulings() == [ruling]

    book.identity.revoke_ruling("r1", at=NOW + DAY)

    assert book.identity.rulings() == []
    with pytest.raises(NotFound):
        book.identity.revoke_ruling("r2", at=NOW)


def test_a_conflict_keeps_its_date_while_it_is_open_and_is_settled_when_it_is_no_longer_found(book: Book) -> None:
    first = Conflict(conflict_id="k1", kind="shared-email", detail="{}", found_at=NOW)
    second = Conflict(conflict_id="k2", kind="shared-phone", detail="{}", found_at=NOW)
    book.identity.write_conflicts([first, second], at=NOW)

    again = Conflict(conflict_id="k1", kind="shared-email", detail='{"n": 3}', found_at=NOW + DAY)
    book.identity.write_conflicts([again], at=NOW + DAY)

    assert book.identity.conflicts() == [
        Conflict(conflict_id="k1", kind="shared-email", detail='{"n": 3}', found_at=NOW)
    ]


def test_memberships_are_what_the_transitions_add_up_to(book: Book) -> None:
    book.memberships.append(_changes(("a", "entered", NAIVE), ("b", "entered", NAIVE)))
    book.memberships.append(_changes(("a", "left", NAIVE + DAY)))
    book.memberships.append(_changes(("a", "entered", NAIVE + 3 * DAY), ("b", "left", NAIVE + 3 * DAY)))

    assert book.memberships.memberships().to_pylist() == [
        {"segment": "lapsed", "customer_id": "a", "entered_at": NAIVE + 3 * DAY, "left_at": NAIVE + DAY,
         "first_entered_at": NAIVE, "last_entered_at": NAIVE + 3 * DAY, "entries": 2},
        {"segment": "lapsed", "customer_id": "b", "entered_at": None, "left_at": NAIVE + 3 * DAY,
         "first_entered_at": NAIVE, "last_entered_at": NAIVE, "entries": 1},
    ]


def test_a_change_appended_twice_is_one_change(book: Book) -> None:
    changes = _changes(("a", "entered", NAIVE))

    assert book.memberships.append(changes) == 1
    before = book.memberships.memberships()
    assert book.memberships.append(changes) == 0

    assert book.memberships.memberships() == before
    assert book.memberships.transitions() == changes


def test_the_order_in_which_changes_are_told_does_not_matter(book: Book) -> None:
    book.memberships.append(_changes(("a", "left", NAIVE + DAY)))
    book.memberships.append(_changes(("a", "entered", NAIVE)))

    (row,) = book.memberships.memberships().to_pylist()
    assert (row["entered_at"], row["left_at"]) == (None, NAIVE + DAY)


def test_entering_and_leaving_at_the_same_moment_ends_outside(book: Book) -> None:
    book.memberships.append(_changes(("a", "entered", NAIVE), ("a", "left", NAIVE)))

    (row,) = book.memberships.memberships().to_pylist()
    assert row["entered_at"] is None


def test_who_is_in_a_segment_now_is_told_a_page_at_a_time_the_newest_first(book: Book) -> None:
    book.memberships.append(_changes(
        ("a", "entered", NAIVE), ("b", "entered", NAIVE + DAY), ("c", "entered", NAIVE), ("d", "entered", NAIVE),
    ))
    book.memberships.append(_changes(("d", "left", NAIVE + DAY)))

    first = book.memberships.newest("lapsed", limit=2)
    rest = book.memberships.newest("lapsed", limit=2, after=(first[-1].entered_at, first[-1].customer_id))

    assert [stay.customer_id for stay in (*first, *rest)] == ["b", "a", "c"]
    assert book.memberships.counts() == {"lapsed": 3}


def test_a_customer_is_in_those_of_the_segments_asked_for_that_were_not_left(book: Book) -> None:
    book.memberships.append(_changes(("a", "entered", NAIVE), ("b", "entered", NAIVE), ("b", "left", NAIVE + DAY)))

    assert [stay.entered_day for stay in book.memberships.stays_of("a", segments=["lapsed"])] == [date(2026, 1, 5)]
    assert book.memberships.stays_of("a", segments=["another"]) == []
    assert book.memberships.stays_of("b", segments=["lapsed"]) == []


def test_the_ledger_of_some_customers_is_that_part_of_the_whole(book: Book) -> None:
    book.memberships.append(_changes(("a", "entered", NAIVE), ("b", "entered", NAIVE), ("a", "left", NAIVE + DAY)))

    some = book.memberships.transitions_of(["a", "nobody"], segments=["lapsed"])

    assert some == _changes(("a", "entered", NAIVE), ("a", "left", NAIVE + DAY))
    assert book.memberships.transitions_of([], segments=["lapsed"]) == _changes()
