"""People who log in: invited by a link, let in when they choose a password, sent a new link when they forgot it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from regulars.errors import NotFound, RegularsError
from regulars.pipeline.password import complaint, hashed
from regulars.pipeline.secret import is_kept, minted, public_id
from regulars.pipeline.sign_in import account_of
from regulars.storage.book import Book
from regulars.storage.book.invites import Invite
from regulars.storage.book.people import Person, Role

WEEK = timedelta(days=7)

NAME_RULE = "A name has 1 to 100 characters."


def invite(
    book: Book, email: str, *, role: Role, by: str, at: datetime, lasts: timedelta = WEEK
) -> tuple[Invite, str]:
    """Invite somebody new and return the invite with the text that its link carries; that text is kept nowhere.

    Raises RegularsError for what is no address, and for one that is known already.
    """
    return _added(book, Invite(
        invite_id="", email=normal_email(email), role=role, made_at=at, made_by=by, expires_at=at + lasts
    ))


def reset(book: Book, email: str, *, by: str, at: datetime, lasts: timedelta = WEEK) -> tuple[Invite, str]:
    """Let somebody choose a new password: the old one and every session end now.

    Raises NotFound, and RegularsError for somebody who was disabled.
    """
    person = book.people.named(normal_email(email))
    if person.disabled_at is not None:
        raise RegularsError(f"{person.name} was disabled", hint=f"regulars person enable {person.email}")
    book.attempts.forget(account_of(book, person.email, at=at))
    return _added(book, Invite(
        invite_id="", email=person.email, role=person.role, made_at=at, made_by=by, expires_at=at + lasts,
        person_id=person.person_id,
    ))


def disable(book: Book, email: str, *, by: str, at: datetime) -> str:
    """End the right of an address to log in, its sessions and its links; return the address.

    Raises NotFound when it has none of them, RegularsError for the only owner.
    """
    normal = normal_email(email)
    was_invited = book.invites.withdraw(normal, at=at, by=by)
    if book.people.find(normal) is not None or not was_invited:
        book.people.disable(normal, at=at, by=by)
    return normal


def known_invite(book: Book, shown: str, *, at: datetime) -> Invite | None:
    """Return the invite that a text is; None for one that is unknown, expired or used."""
    found, kept = book.invites.find(public_id(shown)) or (None, None)
    is_right = is_kept(shown, kept)
    return found if found is not None and is_right and found.is_valid(at) else None


def accept(book: Book, shown: str, *, name: str, password: str, at: datetime) -> Person:
    """Let in who has a link, with the password they chose; a known person keeps name and role.

    Raises NotFound for a link that leads nowhere, RegularsError for a password that will not do.
    """
    found = known_invite(book, shown, at=at)
    if found is None:
        raise NotFound("this link leads nowhere any more", hint="ask for another one")
    said = " ".join(name.split())
    if found.person_id is None and not 1 <= len(said) <= 100:
        raise RegularsError(NAME_RULE)
    if (trouble := complaint(password, email=found.email, name=said)) is not None:
        raise RegularsError(trouble)
    person_id = found.person_id or f"p_{secrets.token_hex(6)}"
    book.invites.accept(found, person_id=person_id, name=said, password_hash=hashed(password), at=at)
    return book.people.named(found.email)


def normal_email(text: str) -> str:
    """Return an address as it is kept: lower case, nothing around it. Raises RegularsError for what is none."""
    email = text.strip().lower()
    name, at, domain = email.partition("@")
    is_one = at and name and "." in domain.strip(".") and len(email) <= 254 and "@" not in domain
    if not is_one or not email.isprintable() or " " in email:
        raise RegularsError("this is no e-mail address", hint="ada@example.com")
    return email


def _added(book: Book, wanted: Invite) -> tuple[Invite, str]:
    secret = minted()
    made = replace(wanted, invite_id=secret.public_id)
    book.invites.add(made, secret_hash=secret.kept)
    return made, secret.shown
