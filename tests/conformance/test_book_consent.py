"""Consent in the book: nothing is forgotten, nothing is counted twice, tenants stay apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import ibis
import pyarrow as pa
import pytest
import sqlalchemy as sa

from regulars.campaigns.pace import DAY, Cap, Message, Seat, free_again, free_before, seats, within
from regulars.consent.ledger import ANY, ENTRIES, Entry
from regulars.consent.suppression import SUPPRESSIONS, Suppression
from regulars.errors import NotFound
from regulars.storage.book import Book, bulk
from regulars.storage.book.consent import OnRecord, Review

NOW = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


def entry(**changes: Any) -> Entry:
    told: dict[str, Any] = {
        "address_hash": "a", "channel": "sms", "purpose": "marketing", "action": "grant", "method": "web_form", "at": NOW,
        "source": "web:/join", "wording": "Text me offers.", "evidence": "form 17", "customer_id": "c_1",
    }
    return Entry(**told | changes)


STOP = entry(action="revoke", purpose=ANY, method="reply", at=NOW + timedelta(hours=1), wording="STOP", evidence="SM1")
BOUNCED = Suppression(channel="sms", address_hash="a", reason="bounced", source="twilio", since=NOW)
ASKED = Review(
    review_id="r1", channel="sms", address_hash="a", address="+12545550100", customer_id=None, text="no thanks",
    reason="unwilling", asked_at=NOW,
)


def append(book: Book, *entries: Entry, **options: Any) -> int:
    return book.consent.append(entries, addresses={"a": "+12545550100"}, at=NOW, **options)


def test_what_was_said_is_read_back_as_it_was_said(book: Book) -> None:
    added = append(book, entry(), STOP)

    assert added == 2
    assert book.consent.of("a") == OnRecord(entries=(entry(), STOP), suppressions=())
    assert book.consent.of("nobody") == OnRecord(entries=(), suppressions=())


def test_the_same_entry_told_again_is_not_added(book: Book) -> None:
    append(book, entry())

    assert append(book, entry(), STOP, STOP) == 1
    assert book.consent.entries()["seq"].to_pylist() == [1, 2]


def test_the_tables_are_those_of_the_expressions(book: Book) -> None:
    append(book, entry(), STOP)
    book.consent.suppress([BOUNCED])

    assert book.consent.entries().schema == ibis.schema(ENTRIES).to_pyarrow()
    assert book.consent.suppressions().schema == ibis.schema(SUPPRESSIONS).to_pyarrow()
    assert book.consent.suppressions().num_rows == 1


def test_an_auditor_sees_address_and_exact_wording(book: Book) -> None:
    append(book, entry(), STOP)

    found = book.consent.evidence(since=NOW + timedelta(minutes=1))

    assert [(row["address"], row["wording"], row["evidence"], row["at"]) for row in found] == [
        ("+12545550100", "STOP", "SM1", STOP.at)
    ]
    assert len(book.consent.evidence(until=NOW)) == 1


@pytest.mark.parametrize("change", [
    "update consent_entries set entry_id = 'x' where seq = 2", "update consent_entries set action = 'revoke' where seq = 2",
    "update consent_entries set at = '2020-01-01 00:00:00' where seq = 2", "delete from consent_entries where seq = 2",
    "update consent_entries set chain = 'x' where seq = 2",
])
def test_an_entry_that_was_changed_or_taken_out_shows(book: Book, change: str) -> None:
    append(book, *(entry(evidence=str(n)) for n in range(3)))
    assert book.consent.first_broken() is None

    with book.database.writing() as connection:
        connection.execute(sa.text(change))

    assert book.consent.first_broken() == 2


def test_two_writers_make_one_chain(book: Book) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = sum(pool.map(lambda n: append(book, entry(evidence=str(n % 20))), range(40)))

    assert added == 20
    assert book.consent.first_broken() is None


def test_a_suppression_counts_once_and_again_after_it_was_lifted(book: Book) -> None:
    assert [book.consent.suppress([BOUNCED]) for _ in range(2)] == [1, 0]
    assert book.consent.lift("a", channel="sms", reasons=["bounced"], at=NOW, by="ann") == 1
    assert not book.consent.of("a").suppressions[0].is_in_force(NOW)

    again = replace(BOUNCED, since=NOW + timedelta(days=1))
    assert book.consent.suppress([again]) == 1
    assert book.consent.of("a").suppressions == (again,)


def test_an_opt_in_lifts_what_waited_for_it(book: Book) -> None:
    book.consent.ask(ASKED)

    append(book, entry(method="keyword"), lifted=["under review", "erased"])

    assert not book.consent.of("a").suppressions[0].is_in_force(NOW)


def test_who_is_under_review_is_suppressed_until_a_person_decides(book: Book) -> None:
    book.consent.ask(ASKED)
    book.consent.ask(ASKED)
    book.consent.ask(replace(ASKED, review_id="r2", asked_at=NOW + timedelta(hours=1)))
    assert [one.review_id for one in book.consent.reviews()] == ["r1", "r2"]

    book.consent.settle("r1", "keep", at=NOW, by="ann")
    assert book.consent.of("a").suppressions[0].is_in_force(NOW)
    settled = book.consent.settle("r2", "keep", at=NOW, by="ann")

    assert (settled.verdict, settled.settled_by) == ("keep", "ann")
    assert book.consent.reviews() == []
    assert not book.consent.of("a").suppressions[0].is_in_force(NOW)
    with pytest.raises(NotFound, match="r2"):
        book.consent.settle("r2", "opt_out", at=NOW, by="ann")


def test_an_erased_person_leaves_no_address_and_stays_opted_out(book: Book) -> None:
    append(book, entry(), STOP, entry(address_hash="b"))
    book.consent.ask(ASKED)

    book.consent.erase("a")

    left = [row for row in book.consent.evidence() if row["address_hash"] == "a"]
    assert {(row["address"], row["customer_id"], row["evidence"]) for row in left} == {(None, None, "erased")}
    assert [row["wording"] for row in left] == ["Text me offers.", None]
    assert book.consent.reviews()[0].text == "erased"
    assert [e.action for e in book.consent.of("a").entries] == ["grant", "revoke"]
    assert book.consent.first_broken() is None


def test_a_grant_that_nothing_proved_is_proved_by_no_erasure(book: Book) -> None:
    append(book, entry(evidence=""))

    book.consent.erase("a")

    assert [e.has_evidence for e in book.consent.of("a").entries] == [False]


def test_entries_are_told_from_a_number_on_or_of_some_addresses(book: Book) -> None:
    append(book, entry(), STOP, entry(address_hash="b"), entry(address_hash="c"))

    later = book.consent.entries(after=2, columns=("address_hash",))["address_hash"].to_pylist()
    some = book.consent.entries_of(pa.array(["a", "c", "x"]), columns=("address_hash", "action"))

    assert (sorted(later), book.consent.last()) == (["b", "c"], 4)
    assert sorted(some.to_pylist(), key=str) == sorted([
        {"address_hash": "a", "action": "grant"}, {"address_hash": "a", "action": "revoke"},
        {"address_hash": "c", "action": "grant"},
    ], key=str)


def test_tenants_do_not_see_each_other(book: Book, book_url: str, tmp_path: Path) -> None:
    other = Book.open(book_url, home=tmp_path, tenant="other", environment={})
    append(book, entry())
    book.consent.suppress([BOUNCED])
    book.consent.ask(ASKED)
    book.seats.take("m1", [Seat(cap="c", subject="s", limit=1, free_before=NOW)], at=NOW)

    assert other.consent.of("a") == OnRecord(entries=(), suppressions=())
    assert (other.consent.reviews(), other.consent.evidence()) == ([], [])
    assert other.consent.suppressions().num_rows == 0
    assert append(other, entry()) == 1
    assert other.consent.first_broken() is None
    assert other.seats.take("m1", [Seat(cap="c", subject="s", limit=1, free_before=NOW)], at=NOW) is None
    other.close()


def test_the_first_salt_is_kept(book: Book) -> None:
    kept = [book.sealed.seal_once("salt", text, at=NOW) for text in ("one", "two")]

    assert kept == ["one", "one"]


def test_a_large_ledger_is_written_in_batches(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 7)
    many = [entry(evidence=str(n)) for n in range(25)]
    append(book, *many[:10])

    assert append(book, *many) == len(many) - 10


# --- seats ---------------------------------------------------------------------------------------------------------

WEEKLY = Cap(name="twice a week", of="customer", limit=2, window=timedelta(days=7))
DAILY = Cap(name="daily limit", of="sender", limit=3, window=DAY, is_of_all=True)


def offer(customer: str) -> Message:
    return Message(channel="sms", purpose="marketing", subjects={"customer": customer, "sender": "n"})


def take(book: Book, message_id: str, customer: str, at: datetime, *caps: Cap) -> str | None:
    return book.seats.take(message_id, seats(caps, offer(customer), at=at, zone="UTC"), at=at)


def test_of_five_three_go_today_none_in_the_next_run_and_two_tomorrow(book: Book) -> None:
    def run(at: datetime) -> int:
        return sum(take(book, f"m{n}:{at}", f"c{n}", at, DAILY) is None for n in range(5))

    assert [run(NOW), run(NOW + timedelta(hours=2)), run(NOW + timedelta(hours=8))] == [3, 0, 3]


def test_a_message_that_has_its_seat_takes_no_other(book: Book) -> None:
    assert [take(book, "m1", "c", NOW, WEEKLY) for _ in range(5)] == [None] * 5
    assert book.seats.taken("twice a week", "customer:c") == [NOW]


def test_all_seats_or_none(book: Book) -> None:
    tight = Cap(name="zone", of="sender", limit=1, window=DAY)
    take(book, "m1", "c", NOW, tight)

    assert take(book, "m2", "d", NOW, WEEKLY, tight) == "zone"
    assert book.seats.taken("twice a week", "customer:d") == []


def test_a_batch_takes_what_its_messages_would_one_by_one(book: Book) -> None:
    wanted = {f"m{n}": seats([WEEKLY, DAILY], offer(f"c{n % 2}"), at=NOW, zone="UTC") for n in range(5)}

    found = book.seats.take_all(wanted, at=NOW)

    assert sorted(found, key=str) == [f"m{n}" for n in range(5)]
    assert list(found.values()).count(None) == 3
    again = book.seats.take_all(wanted, at=NOW)
    assert [key for key, full in again.items() if full] == [key for key, full in found.items() if full]
    taken = [len(book.seats.taken("twice a week", f"customer:c{n}")) for n in (0, 1)]
    assert (sum(taken), max(taken)) == (3, 2)


def test_a_seat_that_is_given_back_is_free(book: Book) -> None:
    take(book, "m1", "c", NOW, WEEKLY)
    take(book, "m2", "c", NOW, WEEKLY)
    assert take(book, "m3", "c", NOW, WEEKLY) == "twice a week"

    book.seats.give_back("m1")

    assert take(book, "m3", "c", NOW, WEEKLY) is None


def test_a_cap_that_is_lowered_counts_what_was_sent_before(book: Book) -> None:
    for n in range(2):
        take(book, f"m{n}", "c", NOW - timedelta(days=6 * (1 - n)), WEEKLY)

    assert take(book, "m2", "c", NOW + timedelta(days=2), replace(WEEKLY, limit=1)) == "twice a week"


def test_the_book_decides_as_the_rule_says(book: Book) -> None:
    rng, sent = Random(3), []
    for n in range(60):
        at = NOW + timedelta(hours=9 * n + rng.randrange(9))
        expected = within(WEEKLY, sent, at=at, zone="UTC").allowed
        if taken := take(book, f"m{n}", "c", at, WEEKLY) is None:
            sent.append(at)

        assert taken == expected


@pytest.mark.parametrize("few", [0, 100])
def test_batches_of_subjects_with_few_seats_and_with_many_are_decided_as_the_rule_says(
    book: Book, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("regulars.storage.book.seats.FEW", few)
    rng, sent = Random(5), dict[str, list[datetime]]()
    for batch in range(12):
        at = NOW + timedelta(hours=30 * batch)
        # Halfway the limit is lowered: what was sent under the other one counts.
        cap = replace(WEEKLY, limit=3 if batch < 6 else 1)
        wanted = {f"{batch}.{n}": f"c{rng.randrange(4)}" for n in range(6)}

        found = book.seats.take_all(
            {name: seats([cap], offer(who), at=at, zone="UTC") for name, who in wanted.items()}, at=at
        )

        for name, who in wanted.items():
            is_allowed = within(cap, sent.setdefault(who, []), at=at, zone="UTC").allowed
            assert (found[name] is None) == is_allowed
            if is_allowed:
                sent[who].append(at)


def test_the_book_says_since_when_a_cap_is_full_as_the_rule_says(book: Book) -> None:
    rng, sent = Random(4), []
    for n in range(60):
        at = NOW + timedelta(hours=9 * n + rng.randrange(9))
        expected = within(WEEKLY, sent, at=at, zone="UTC")
        since = book.seats.full_since(
            WEEKLY.name, "customer:c", limit=WEEKLY.limit, free_before=free_before(WEEKLY, at=at, zone="UTC")
        )
        if take(book, f"m{n}", "c", at, WEEKLY) is None:
            sent.append(at)

        assert expected.until == (None if since is None else free_again(WEEKLY, since=since, at=at, zone="UTC"))


def test_workers_together_never_exceed_a_cap(book: Book) -> None:
    contacts = [(f"m{n}", f"c{n % 7}", NOW + timedelta(seconds=n)) for n in range(120)]
    wide = Cap(name="week", of="customer", limit=3, window=timedelta(days=7))
    day = Cap(name="day", of="sender", limit=20, window=DAY)

    with ThreadPoolExecutor(4) as pool:
        granted = [one for one in pool.map(lambda c: take(book, *c, wide, day) is None, contacts) if one]

    assert all(len(book.seats.taken("week", f"customer:c{n}")) <= 3 for n in range(7))
    assert len(granted) == len(book.seats.taken("day", "sender:n")) == 20
