"""People who log in, in every book: links that work once, sessions that end, attempts that count, tenants apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from regulars.errors import NotFound, RegularsError
from regulars.pipeline.password import hashed
from regulars.pipeline.people import accept, disable, invite, known_invite, reset
from regulars.pipeline.sign_in import (
    IDLE,
    LONGEST,
    NotIn,
    SignedIn,
    begin_session,
    change_password,
    known_session,
    sign_in,
    wait_after,
)
from regulars.storage.book import Book
from regulars.storage.book.people import Person, Role
from regulars.storage.book.tables import invites, people, sessions, sign_in_attempts

NOW = datetime(2026, 1, 5, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASSWORD = "twelve green climbing ropes"
OTHER = "an entirely different sentence"


def _person(book: Book, email: str = "ada@example.com", *, role: Role = "owner", password: str = PASSWORD) -> Person:
    _, shown = invite(book, email, role=role, by="test", at=NOW)
    return accept(book, shown, name="Ada Lane", password=password, at=NOW)


def _try(
    book: Book, *, email: str = "ada@example.com", password: str = PASSWORD, at: datetime = NOW, address: str = "192.0.2.7"
) -> SignedIn | NotIn:
    return sign_in(book, email=email, password=password, address=address, agent="Firefox", at=at)


def _signed_in(book: Book, *, at: datetime = NOW) -> SignedIn:
    found = _try(book, at=at)
    assert isinstance(found, SignedIn)
    return found


# --- links -------------------------------------------------------------------------------------------------------


def test_a_link_works_once(book: Book) -> None:
    _, shown = invite(book, " Ada@Example.com ", role="analyst", by="test", at=NOW)

    person = accept(book, shown, name=" Ada  Lane ", password=PASSWORD, at=NOW)

    assert (person.email, person.name, person.role) == ("ada@example.com", "Ada Lane", "analyst")
    assert known_invite(book, shown, at=NOW) is None
    with pytest.raises(NotFound):
        accept(book, shown, name="Eve", password=PASSWORD, at=NOW)


def test_of_two_who_follow_a_link_at_once_one_is_let_in(book: Book) -> None:
    _, shown = invite(book, "ada@example.com", role="owner", by="test", at=NOW)

    def follow(name: str) -> bool:
        try:
            return bool(accept(book, shown, name=name, password=PASSWORD, at=NOW))
        except NotFound:
            return False

    with ThreadPoolExecutor(4) as threads:
        let_in = list(threads.map(follow, ["Ada", "Eve", "Bob", "Kay"]))

    assert sorted(let_in) == [False, False, False, True]
    assert len(book.people.all()) == 1


@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: f"{text}a", lambda text: text[13:], lambda _: ""])
def test_what_is_nearly_a_link_leads_nowhere(book: Book, change: Callable[[str], str]) -> None:
    _, shown = invite(book, "ada@example.com", role="owner", by="test", at=NOW)

    assert known_invite(book, change(shown), at=NOW) is None


def test_a_link_ends_with_its_time_and_with_the_next_one(book: Book) -> None:
    _, first = invite(book, "ada@example.com", role="owner", by="test", at=NOW)
    _, second = invite(book, "ada@example.com", role="viewer", by="test", at=NOW, lasts=timedelta(days=1))

    known = [known_invite(book, text, at=NOW + timedelta(hours=hours)) is not None for text in (first, second) for hours in (1, 25)]

    assert known == [False, False, True, False]


def test_who_is_known_is_not_invited_again(book: Book) -> None:
    _person(book)

    with pytest.raises(RegularsError, match="already") as refused:
        invite(book, "ADA@example.com", role="owner", by="test", at=NOW)

    assert refused.value.hint == "regulars person reset ada@example.com"


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b@example.com", "a\n@example.com"])
def test_what_is_no_address_is_refused(book: Book, text: str) -> None:
    with pytest.raises(RegularsError, match="no e-mail address"):
        invite(book, text, role="owner", by="test", at=NOW)


@pytest.mark.parametrize(("name", "password"), [("Ada", "short"), ("", PASSWORD), ("Ada", "ada@example.com")])
def test_a_link_outlives_a_form_that_was_not_taken(book: Book, name: str, password: str) -> None:
    _, shown = invite(book, "ada@example.com", role="owner", by="test", at=NOW)

    with pytest.raises(RegularsError):
        accept(book, shown, name=name, password=password, at=NOW)

    assert known_invite(book, shown, at=NOW) is not None


def test_a_reset_ends_the_old_password_and_every_session_at_once(book: Book) -> None:
    person = _person(book)
    before = _signed_in(book)

    _, shown = reset(book, person.email, by="test", at=NOW)

    assert known_session(book, before.shown, at=NOW) is None
    assert _try(book) == NotIn()
    again = accept(book, shown, name="", password=OTHER, at=NOW)
    assert again == person
    assert isinstance(_try(book, password=OTHER), SignedIn)


def test_a_link_that_was_sent_amiss_is_taken_back(book: Book) -> None:
    _, shown = invite(book, "ada@example.com", role="owner", by="test", at=NOW)

    disable(book, "Ada@example.com", by="test", at=NOW)

    assert known_invite(book, shown, at=NOW) is None
    with pytest.raises(NotFound):
        disable(book, "ada@example.com", by="test", at=NOW)


def test_who_is_disabled_gets_no_new_link(book: Book) -> None:
    _person(book, role="viewer")
    disable(book, "ada@example.com", by="test", at=NOW)

    with pytest.raises(RegularsError, match="disabled") as refused:
        reset(book, "ada@example.com", by="test", at=NOW)

    assert refused.value.hint == "regulars person enable ada@example.com"


# --- sessions ----------------------------------------------------------------------------------------------------


def test_a_session_is_known_until_it_was_idle_too_long(book: Book) -> None:
    _person(book)
    found = _signed_in(book)

    assert known_session(book, found.shown, at=NOW + IDLE - MINUTE) is not None
    assert known_session(book, found.shown, at=NOW + 2 * IDLE - 2 * MINUTE) is not None
    assert known_session(book, found.shown, at=NOW + 4 * IDLE) is None


def test_a_session_ends_however_busy_it_is(book: Book) -> None:
    _person(book)
    found = _signed_in(book)
    at, hours = NOW, 0

    while known_session(book, found.shown, at=at) is not None:
        at, hours = at + timedelta(hours=6), hours + 6

    assert timedelta(hours=hours) == LONGEST


@pytest.mark.parametrize("change", [str.swapcase, lambda text: text[:-1], lambda text: f"{text}a", lambda text: text[13:], lambda _: ""])
def test_what_is_nearly_a_session_is_none(book: Book, change: Callable[[str], str]) -> None:
    _person(book)
    found = _signed_in(book)

    assert known_session(book, change(found.shown), at=NOW) is None


def test_a_person_ends_their_own_sessions_and_nobody_elses(book: Book) -> None:
    ada, bob = _person(book), _person(book, "bob@example.com", role="viewer")
    first, second = (begin_session(book, ada, agent="", at=NOW) for _ in range(2))
    his = begin_session(book, bob, agent="", at=NOW)

    book.sessions.end(his.session.session_id, of=ada.person_id, at=NOW)
    ended = book.sessions.end_others(first.session.session_id, of=ada.person_id, at=NOW)

    assert ended == 1
    assert [known_session(book, each.shown, at=NOW) is not None for each in (first, second, his)] == [True, False, True]


def test_a_role_counts_from_the_next_request_on(book: Book) -> None:
    ada, _ = _person(book), _person(book, "bob@example.com")
    found = begin_session(book, ada, agent="", at=NOW)

    book.people.set_role("ada@example.com", "viewer", at=NOW, by="test")

    known = known_session(book, found.shown, at=NOW)
    assert known is not None
    assert known[1] == replace(ada, role="viewer")


def test_who_is_disabled_is_out_at_once_and_in_again_when_enabled(book: Book) -> None:
    ada, _ = _person(book, role="viewer"), _person(book, "bob@example.com")
    found = begin_session(book, ada, agent="", at=NOW)

    book.people.disable("ada@example.com", at=NOW, by="test")
    during = (known_session(book, found.shown, at=NOW), _try(book))
    book.people.enable("ada@example.com", at=NOW, by="test")

    assert during == (None, NotIn())
    assert known_session(book, found.shown, at=NOW) is None
    assert isinstance(_try(book), SignedIn)


def test_the_only_owner_stays_one(book: Book) -> None:
    _person(book)
    _person(book, "bob@example.com")
    book.people.disable("bob@example.com", at=NOW, by="test")

    with pytest.raises(RegularsError, match="only owner"):
        book.people.disable("ada@example.com", at=NOW, by="test")
    with pytest.raises(RegularsError, match="only owner"):
        book.people.set_role("ada@example.com", "viewer", at=NOW, by="test")


def test_a_new_password_ends_what_the_old_one_began(book: Book) -> None:
    ada = _person(book)
    before = _signed_in(book)

    refused = change_password(book, ada, old=OTHER, new="yet another sentence", agent="", at=NOW)
    found = change_password(book, ada, old=PASSWORD, new=OTHER, agent="", at=NOW)

    assert refused == NotIn()
    assert isinstance(found, SignedIn)
    assert known_session(book, before.shown, at=NOW) is None
    assert known_session(book, found.shown, at=NOW) is not None
    assert [type(_try(book, password=each)) for each in (PASSWORD, OTHER)] == [NotIn, SignedIn]


# --- attempts ----------------------------------------------------------------------------------------------------


def test_wrong_unknown_and_disabled_are_answered_alike(book: Book) -> None:
    _person(book, "eve@example.com", role="viewer")
    book.people.disable("eve@example.com", at=NOW, by="test")
    _person(book)

    answers = [_try(book, password="wrong"), _try(book, email="nobody@example.com"), _try(book, email="eve@example.com"),
               _try(book, email="' or 1=1 --"), _try(book, password=""), _try(book, password="x" * 100_000)]

    assert answers == [NotIn()] * 6


def test_an_account_that_there_is_not_costs_as_much_as_a_wrong_password(book: Book) -> None:
    _person(book)
    _try(book, email="first@example.com")    # makes what those who are not there are compared with

    def seconds(email: str) -> float:
        began = time.thread_time()
        _try(book, email=email, password="wrong")
        return time.thread_time() - began

    known, unknown = (min(seconds(email) for _ in range(2)) for email in ("ada@example.com", "nobody@example.com"))

    assert 0.5 < unknown / known < 2         # one hash each: without it, a tenth


def test_after_five_attempts_one_waits_longer_and_longer(book: Book) -> None:
    _person(book)
    at, waits = NOW, []
    for _ in range(5):
        assert _try(book, password="wrong", at=at) == NotIn()

    for _ in range(8):
        found = _try(book, at=at)            # the right password opens nothing either, or one could go on guessing
        assert isinstance(found, NotIn)
        waits.append(found.wait.total_seconds())
        at += found.wait
        assert _try(book, password="wrong", at=at) == NotIn()

    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert isinstance(_try(book, at=at + timedelta(minutes=15)), SignedIn)
    assert isinstance(_try(book, at=at + timedelta(minutes=15)), SignedIn)


def test_accounts_that_do_not_exist_wait_as_well(book: Book) -> None:
    for _ in range(5):
        _try(book, email="nobody@example.com")

    assert _try(book, email="Nobody@Example.com ") == NotIn(wait=timedelta(seconds=15))


def test_many_at_once_are_not_many_guesses(book: Book) -> None:
    _person(book)

    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda n: _try(book, password="wrong", address=f"192.0.2.{n}"), range(12)))

    assert sum(each == NotIn() for each in found) == 5


def test_who_tries_many_accounts_waits_although_they_sign_in_between(book: Book) -> None:
    waits = []

    for n in range(24):
        waits.append(book.attempts.take((f"account:{n}", "address:a"), at=NOW, wait=wait_after))
        book.attempts.take(("account:own", "address:a"), at=NOW, wait=wait_after)
        book.attempts.succeeded("account:own", address="address:a")

    assert waits[0] == timedelta()
    assert waits[-1] > timedelta()
    assert book.attempts.take(("account:own", "address:b"), at=NOW, wait=wait_after) == timedelta()


def test_a_house_with_ipv6_is_one_address(book: Book) -> None:
    for n in range(20):
        _try(book, email=f"p{n}@example.com", address=f"2001:db8:1:2::{n:x}")

    waits = [_try(book, address=address) for address in ("2001:db8:1:2:ffff::1", "2001:db8:1:3::1")]

    assert [isinstance(each, NotIn) and each.wait > timedelta() for each in waits] == [True, False]


def test_attempts_are_forgotten_after_a_day(book: Book) -> None:
    for _ in range(5):
        _try(book, password="wrong")

    assert _try(book, password="wrong", at=NOW + timedelta(days=1)) == NotIn()
    with book.database.reading() as connection:
        assert connection.execute(sa.select(sign_in_attempts.c.attempts)).scalars().all() == [1, 1]


# --- what is kept ------------------------------------------------------------------------------------------------


def test_the_book_does_not_hold_what_opens_anything(book: Book) -> None:
    _, unused = invite(book, "bob@example.com", role="viewer", by="test", at=NOW)
    _person(book)
    found = _signed_in(book)
    _try(book, email="a password in the wrong field", password="wrong")

    with book.database.reading() as connection:
        rows = str([connection.execute(sa.select(table)).all() for table in (people, invites, sessions, sign_in_attempts)])

    for secret in (PASSWORD, unused.partition("_")[2], found.shown.partition("_")[2], "a password in the wrong field"):
        assert secret not in rows
    assert "$argon2id$" in rows


def test_every_change_of_who_may_stands_in_the_audit(book: Book) -> None:
    ada = _person(book)
    _person(book, "bob@example.com")
    book.people.set_role("ada@example.com", "viewer", at=NOW, by="bob")
    for _ in range(2):
        book.people.disable("ada@example.com", at=NOW, by="bob")
    book.people.enable("ada@example.com", at=NOW, by="bob")
    reset(book, "ada@example.com", by="bob", at=NOW)

    lines = [(line.what, line.by, line.before, line.after) for line in book.audit.lines(limit=50) if line.subject == ada.person_id]

    assert lines == [
        ("person.reset", "bob", None, None), ("person.enable", "bob", None, None), ("person.disable", "bob", None, None),
        ("person.role", "bob", "owner", "viewer"), ("person.accept", f"person:{ada.person_id}", None, None),
    ]


def test_people_links_and_sessions_of_another_tenant_are_not_there(book: Book, book_url: str, tmp_path: Path) -> None:
    other = Book.open(book_url, home=tmp_path, tenant="other", environment={})
    _, link = invite(book, "bob@example.com", role="owner", by="test", at=NOW)
    ada = _person(book)
    found = _signed_in(book)

    assert known_session(other, found.shown, at=NOW) is None
    assert known_invite(other, link, at=NOW) is None
    assert (other.people.all(), other.people.has_any(), other.invites.open(at=NOW)) == ([], False, [])
    assert _try(other) == NotIn()
    with pytest.raises(NotFound):
        other.people.disable(ada.email, at=NOW, by="test")
    other.sessions.end(found.session.session_id, of=ada.person_id, at=NOW)
    theirs = _person(other, password=OTHER)
    assert known_session(book, found.shown, at=NOW) is not None
    assert (theirs.person_id == ada.person_id, isinstance(_try(book), SignedIn)) == (False, True)
    other.close()


# --- while something is changed ---------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    lambda book, ada: book.people.set_password(ada.person_id, hashed(OTHER), at=NOW, by="test"),
    lambda book, ada: book.people.disable(ada.email, at=NOW, by="test"),
], ids=["another password", "disabled"])
def test_a_password_that_was_right_a_moment_ago_opens_nothing(
    book: Book, change: Callable[[Book, Person], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _person(book, "owner@example.com")
    ada = _person(book, role="viewer")

    def right_and_then_changed(_password: str, _kept: str | None) -> bool:
        change(book, ada)
        return True

    monkeypatch.setattr("regulars.pipeline.sign_in.is_right", right_and_then_changed)
    monkeypatch.setattr("regulars.pipeline.sign_in.is_outdated", lambda _kept: True)

    assert _try(book) == NotIn()
    assert book.sessions.of(ada.person_id) == []


def test_another_hash_of_the_same_password_does_not_bring_an_old_one_back(book: Book) -> None:
    ada = _person(book)
    before = book.people.password_hash(ada.person_id)
    assert before is not None
    book.people.set_password(ada.person_id, hashed(OTHER), at=NOW, by="test")

    book.people.rehash(ada.person_id, hashed(PASSWORD), instead_of=before)

    assert isinstance(_try(book, password=OTHER), SignedIn)
