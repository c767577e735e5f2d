"""What every book promises about people who asked to be forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from regulars.consent.ledger import Entry
from regulars.consent.suppression import Suppression
from regulars.storage.book import Book
from regulars.storage.book.erasures import Erasure
from regulars.storage.book.identity import Conflict, Ruling
from regulars.storage.book.memberships import TRANSITIONS

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
HASHED = "a" * 64


def _erasure(customer: str = "c_ann") -> Erasure:
    return Erasure(
        erasure_id=f"e_{customer}", customer_hash=f"hash of {customer}", customer_ids=(customer,), asked_at=NOW,
        asked_by="desk", proof={},
    )


def _told_of(book: Book, *profiles: tuple[str, str, str]) -> None:
    """Write profiles into the map, each with a segment entered, a ruling, a conflict and a consent."""
    identity = pa.Table.from_pylist([
        {"profile_source": "desk", "profile_id": profile, "customer_id": customer, "evidence": name, "since": NAIVE}
        for profile, customer, name in profiles
    ])
    register = pa.Table.from_pylist([
        {"customer_id": customer, "founder_source": "desk", "founder_id": profile, "minted_at": NAIVE, "merged_into": None}
        for profile, customer, _ in profiles
    ])
    book.identity.write_identity(identity, register)
    book.memberships.append(pa.Table.from_pylist([
        {"segment": "regular", "customer_id": customer, "at": NAIVE, "business_day": date(2026, 1, 5), "change": "entered",
         "reason": f"{name} came"}
        for _, customer, name in profiles
    ], schema=TRANSITIONS))
    for profile, _, name in profiles:
        book.identity.add_ruling(Ruling(
            ruling_id=f"r{profile}", verdict="different", left_source="desk", left_id=profile, right_source="desk",
            right_id="0", reason=f"{name} said so", ruled_by="desk", ruled_at=NOW,
        ))
    book.identity.write_conflicts([
        Conflict(
            conflict_id=f"k{profile}", kind="contact", found_at=NOW,
            detail=f'{{"profile_source": "desk", "profile_id": "{profile}", "message": "{name}"}}',
        )
        for profile, _, name in profiles
    ], at=NOW)


def test_nothing_names_a_forgotten_person_and_others_stay(book: Book) -> None:
    _told_of(book, ("1", "c_ann", "Ann"), ("10", "c_ben", "Ben"))

    book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[])
    book.forgetting.compact()

    texts = [text for several in book.forgetting.texts().values() for text in several]
    assert [text for text in texts if "Ann" in text or "c_ann" in text] == []
    assert sum("Ben" in text for text in texts) == 4


def test_a_forgotten_person_is_still_counted(book: Book) -> None:
    _told_of(book, ("1", "c_ann", "Ann"), ("10", "c_ben", "Ben"))

    book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[])

    ledger = book.memberships.transitions().to_pylist()
    assert [(row["customer_id"], row["reason"]) for row in ledger] == [("c_ben", "Ben came"), ("e_1", None)]


def test_what_is_fresh_of_a_forgotten_person_is_filed_without_their_name(book: Book) -> None:
    _told_of(book, ("1", "c_ann", "Ann"))
    book.memberships.append_fresh(pa.Table.from_pylist([
        {"segment": "regular", "customer_id": "c_ann", "at": NAIVE + timedelta(days=1), "change": "left",
         "business_day": date(2026, 1, 6), "reason": "Ann came no more"}
    ], schema=TRANSITIONS))

    book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[])
    told = book.memberships.transitions()
    book.memberships.file()

    assert [(row["customer_id"], row["reason"]) for row in told.to_pylist()] == [("e_1", None), ("e_1", None)]
    assert (book.memberships.transitions(), book.memberships.counts()) == (told, {})


def test_forgetting_twice_is_forgetting_once(book: Book) -> None:
    _told_of(book, ("1", "c_ann", "Ann"))

    first = book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[])
    again = book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[])

    assert (first["identity_map"], again) == (1, {})


def test_the_chain_of_consent_stays_whole(book: Book) -> None:
    entries = [
        Entry(
            address_hash=one, channel="email", purpose="marketing", action="grant", method="web_form", at=NOW,
            source="form", wording=f"{name}: yes", evidence=name, customer_id=f"c_{name}",
        )
        for name, one in (("zoe", HASHED), ("ben", "b" * 64))
    ]
    book.consent.append(entries, addresses={HASHED: "zoe@lee.example", "b" * 64: "ben@ray.example"}, at=NOW)

    book.forgetting.forget(["c_zoe"], known_as="e_1", addresses=[HASHED])

    told = str(book.consent.evidence())
    assert ("zoe" in told, "ben@ray.example" in told, book.consent.first_broken()) == (False, True, None)


def test_an_erasure_is_open_until_it_is_finished_and_then_names_nobody(book: Book) -> None:
    book.erasures.begin(_erasure(), [("email", HASHED)])
    book.erasures.begin(_erasure(), [("email", HASHED)])
    waiting = book.erasures.open()

    book.erasures.prove("e_c_ann", "landing desk.people", {"rows": 2})
    book.erasures.prove("e_c_ann", "landing desk.people", {"rows": 1})
    book.erasures.finish("e_c_ann", {"book": {"looked": 38, "found": []}}, at=NOW)

    finished = book.erasures.of("hash of c_ann")
    assert (len(waiting), book.erasures.open()) == (1, [])
    assert finished is not None
    assert (finished.customer_ids, finished.proof["landing desk.people"]) == (None, {"rows": 3})


def test_an_address_is_kept_out_until_its_person_asks_to_be_written_to(book: Book) -> None:
    book.erasures.begin(_erasure(), [("email", HASHED), ("profile", "f" * 64)])
    book.consent.suppress([Suppression(channel="email", address_hash=HASHED, reason="erased", source="e", since=NOW)])
    before = book.erasures.keys()

    book.consent.lift(HASHED, channel="email", reasons=["erased"], at=NOW, by="form")

    assert (before, book.erasures.keys()) == ({("email", HASHED), ("profile", "f" * 64)}, {("profile", "f" * 64)})
