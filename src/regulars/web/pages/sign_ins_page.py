"""Who may sign in, as what: invited, given another role, sent a new link, shut out; every change is in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from regulars.errors import RegularsError
from regulars.pipeline import people
from regulars.storage.book.people import Person, Role
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, PageForm, Told, Visit
from regulars.web.rights import ROLES

PATH = "/settings/people"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """Somebody who was let in once."""

    person_id: str
    name: str
    email: str
    role: Role
    made_at: datetime
    sessions: int                            # browsers that are signed in
    seen_at: datetime | None                 # when one of them was last; None: none is
    disabled_at: datetime | None             # None: may sign in
    is_you: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLine:
    """A link that was not used yet."""

    email: str
    role: Role
    is_new: bool                             # for somebody new; else for a new password
    made_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInsView:
    """Everybody, and every link."""

    title: str
    sentence: str
    rows: tuple[PersonLine, ...]
    links: tuple[LinkLine, ...]
    roles: tuple[Role, ...]


def sign_ins_page(visit: Visit) -> SignInsView:
    """Return who may sign in, and who is invited."""
    book = visit.workspace.book
    rows = tuple(_line(visit, each) for each in book.people.all())
    links = tuple(
        LinkLine(
            email=each.email, role=each.role, is_new=each.person_id is None, made_by=each.made_by,
            expires_at=each.expires_at,
        )
        for each in book.invites.open(at=visit.workspace.clock.now())
    )
    return SignInsView(title="People", sentence=_sentence(rows, links), rows=rows, links=links, roles=ROLES)


def _line(visit: Visit, person: Person) -> PersonLine:
    sessions = visit.workspace.book.sessions.of(person.person_id)
    return PersonLine(
        person_id=person.person_id, name=person.name, email=person.email, role=person.role, made_at=person.made_at,
        sessions=len(sessions), seen_at=max((each.seen_at for each in sessions), default=None),
        disabled_at=person.disabled_at, is_you=person.person_id == visit.visitor.person_id,
    )


def _sentence(rows: tuple[PersonLine, ...], links: tuple[LinkLine, ...]) -> str:
    able = sum(each.disabled_at is None for each in rows)
    who = f"{able} {'person' if able == 1 else 'people'} may sign in"
    waiting = f"{len(links)} links wait to be used" if len(links) > 1 else "one link waits to be used"
    return f"{who}; {waiting if links else 'no link waits to be used'}."


def _invited(visit: Visit, said: Mapping[str, str]) -> Told:
    book, now = visit.workspace.book, visit.workspace.clock.now()
    try:
        _, shown = people.invite(book, said.get("email", ""), role=_role(said), by=visit.visitor.name, at=now)
    except RegularsError as error:
        return Told(trouble=f"{error.message[:1].upper()}{error.message[1:]}.", at="email", said=said)
    return Told(link=f"{visit.origin}/invite/{shown}")


def _reset(visit: Visit, said: Mapping[str, str]) -> Told:  # noqa: ARG001  as all forms
    book, now = visit.workspace.book, visit.workspace.clock.now()
    _, shown = people.reset(book, _person(visit).email, by=visit.visitor.name, at=now)
    return Told(link=f"{visit.origin}/invite/{shown}")


def _given_role(visit: Visit, said: Mapping[str, str]) -> str:
    now = visit.workspace.clock.now()
    visit.workspace.book.people.set_role(_person(visit).email, _role(said), at=now, by=visit.visitor.name)
    return PATH


def _disabled(visit: Visit, said: Mapping[str, str]) -> str:  # noqa: ARG001
    people.disable(visit.workspace.book, _person(visit).email, at=visit.workspace.clock.now(), by=visit.visitor.name)
    return PATH


def _enabled(visit: Visit, said: Mapping[str, str]) -> str:  # noqa: ARG001
    now = visit.workspace.clock.now()
    visit.workspace.book.people.enable(_person(visit).email, at=now, by=visit.visitor.name)
    return PATH


def _withdrawn(visit: Visit, said: Mapping[str, str]) -> str:
    book, now = visit.workspace.book, visit.workspace.clock.now()
    book.invites.withdraw(people.normal_email(said.get("email", "")), at=now, by=visit.visitor.name)
    return PATH


def _person(visit: Visit) -> Person:
    return visit.workspace.book.people.known(visit.path["person_id"])


def _role(said: Mapping[str, str]) -> Role:
    found = next((role for role in ROLES if role == said.get("role")), None)
    if found is None:
        raise RegularsError("a person is one of " + ", ".join(ROLES))
    return found


PAGE = DashboardPage(
    name="sign_ins", path=PATH, section="settings", template="sign_ins.html", view=sign_ins_page, may="manage",
    needs_run=False, csv=lambda view: csv_of(view.rows, Page[PersonLine]),
)

FORMS = tuple(
    PageForm(name=f"sign_ins.{name}", path=PATH + path, page=PAGE, may="manage", act=act)
    for name, path, act in (
        ("invite", "/invite", _invited), ("withdraw", "/withdraw", _withdrawn),
        ("role", "/{person_id}/role", _given_role), ("reset", "/{person_id}/reset", _reset),
        ("disable", "/{person_id}/disable", _disabled), ("enable", "/{person_id}/enable", _enabled),
    )
)
