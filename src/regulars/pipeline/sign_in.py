"""Signing in: who may try, whether it is they, and the session that a browser shows from then on."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from regulars.errors import RegularsError
from regulars.pipeline.password import complaint, hashed, is_outdated, is_right
from regulars.pipeline.secret import is_kept, minted, public_id
from regulars.storage.book import Book
from regulars.storage.book.people import Person
from regulars.storage.book.sessions import Session

IDLE = timedelta(hours=12)
"""How long a session lasts that nobody uses: a working day."""

LONGEST = timedelta(days=14)
"""How long a session lasts, however busy it is."""

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session was seen last: a page is not a write."""

FREE = {"account": 5, "address": 20}
"""Attempts in a row without waiting; behind one address there may be a whole office."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
"""The wait after the first attempt too many, twice as long with each more, and where that ends."""

SALT = "sign_in.salt"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who is in, and what their browser shows from now on."""

    person: Person
    session: Session
    shown: str                               # kept nowhere else


@dataclass(frozen=True, slots=True, kw_only=True)
class NotIn:
    """Somebody who is not: address or password is wrong, or it is too early to try again."""

    wait: timedelta = timedelta()            # zero: it was looked at, and is wrong


def sign_in(
    book: Book, *, email: str, password: str, address: str, agent: str, at: datetime
) -> SignedIn | NotIn:
    """Sign somebody in with address and password, or not.

    An address that nobody has, a person who was disabled and a wrong password are answered alike and take as long.

    Args:
        book: Whose people.
        email: As it was typed.
        password: As it was typed.
        address: Of the network it comes from.
        agent: What the browser calls itself.
        at: Now.

    """
    account, origin = account_of(book, email, at=at), _subject(book, "address", _network(address), at=at)
    wait = book.attempts.take((account, origin), at=at, wait=wait_after)
    if wait > timedelta():
        return NotIn(wait=wait)
    person, kept = book.people.find(email.strip().lower()) or (None, None)
    if not is_right(password, kept) or person is None or kept is None or person.disabled_at is not None:
        return NotIn()
    book.attempts.succeeded(account, address=origin)
    begun = _begun(book, person, agent=agent, at=at, proved_by=kept)
    if begun is not None and is_outdated(kept):
        book.people.rehash(person.person_id, hashed(password), instead_of=kept)
    return begun or NotIn()


def begin_session(book: Book, person: Person, *, agent: str, at: datetime) -> SignedIn:
    """Begin a session of somebody who has shown who they are; always a new one, whatever the browser had."""
    begun = _begun(book, person, agent=agent, at=at, proved_by=None)
    assert begun is not None
    return begun


def _begun(book: Book, person: Person, *, agent: str, at: datetime, proved_by: str | None) -> SignedIn | None:
    secret = minted()
    session = Session(
        session_id=secret.public_id, person_id=person.person_id, began_at=at, seen_at=at, expires_at=at + LONGEST,
        agent=agent[:200],
    )
    if not book.sessions.begin(session, secret_hash=secret.kept, proved_by=proved_by):
        return None
    return SignedIn(person=person, session=session, shown=secret.shown)


def known_session(book: Book, shown: str, *, at: datetime) -> tuple[Session, Person] | None:
    """Return the session that a text is, and whose; None for one that is unknown, over, or of somebody disabled."""
    session, person, kept = book.sessions.find(public_id(shown)) or (None, None, None)
    if not is_kept(shown, kept) or session is None or person is None or person.disabled_at is not None:
        return None
    if at >= session.expires_at or at >= session.seen_at + IDLE:
        return None
    if at >= session.seen_at + SEEN_EVERY:
        book.sessions.seen(session.session_id, at=at)
    return session, person


def change_password(
    book: Book, person: Person, *, old: str, new: str, agent: str, at: datetime
) -> SignedIn | NotIn:
    """Change somebody's password, end all their sessions and begin a new one; guesses at the old one count as tries.

    Raises RegularsError for a new one that will not do.
    """
    if (trouble := complaint(new, email=person.email, name=person.name)) is not None:
        raise RegularsError(trouble)
    account = account_of(book, person.email, at=at)
    wait = book.attempts.take((account,), at=at, wait=wait_after)
    if wait > timedelta():
        return NotIn(wait=wait)
    if not is_right(old, book.people.password_hash(person.person_id)):
        return NotIn()
    book.attempts.forget(account)
    by = f"person:{person.person_id}"
    book.people.set_password(person.person_id, hashed(new), at=at, by=by)
    return begin_session(book, person, agent=agent, at=at)


def wait_after(subject: str, attempts: int) -> timedelta:
    """Return how long after so many attempts of a subject the next one is taken."""
    beyond = attempts - FREE[subject.partition(":")[0]]
    if beyond < 0:
        return timedelta()
    doubled: int = 2 ** min(beyond, 20)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def account_of(book: Book, email: str, *, at: datetime) -> str:
    """Return the name under which attempts for an address are counted, whether anybody has it or not."""
    return _subject(book, "account", email.strip().lower(), at=at)


def _subject(book: Book, kind: str, text: str, *, at: datetime) -> str:
    # Salted: what people type into the wrong field is not to be found out by trying.
    salt = book.sealed.seal_once(SALT, secrets.token_hex(16), at=at)
    return f"{kind}:{hmac.new(bytes.fromhex(salt), text.encode(), sha256).hexdigest()}"


def _network(address: str) -> str:
    """Return an address, of IPv6 only the part that a provider gives to one house."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
