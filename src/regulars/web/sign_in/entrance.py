"""The one place where pages are opened: who a request is of, whether they may, and whether a form is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.clock import Clock
from regulars.errors import RegularsError
from regulars.pipeline.sign_in import known_session
from regulars.storage.book import Book
from regulars.web.api.problem import FormRefused, RoleMissing, SignInNeeded
from regulars.web.rights import Right
from regulars.web.sign_in import cookies
from regulars.web.sign_in.forms import form_of, is_ours
from regulars.web.sign_in.refusal import TWINS, private, refused
from regulars.web.sign_in.visitor import Visitor, this_machine, visitor_of
from regulars.web.sign_in.where import is_of_this_machine

Found = TypeVar("Found")

AT_ONCE = 2
"""Passwords looked at together: each takes 19 MiB, and everybody else wants the processors too."""

READING = frozenset({"GET", "HEAD"})


class PageRoute(Route):
    """A route that asks for a right."""

    may: Right


@dataclass(slots=True, kw_only=True)
class Entrance:
    """Lets people in.

    Args:
        opened: Gives the book with its people.
        clock: By which sessions end.
        is_open: The project may be looked at without signing in, on its own machine, while it has no people.
        business: Whose pages these are.

    """

    opened: Callable[[], Book]
    clock: Clock
    is_open: bool = False
    business: str = "Regulars"
    _has_people: bool = field(init=False, default=False)
    _passwords: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def guarded(self, routes: Iterable[Route], *, may: Right) -> list[PageRoute]:
        """Return routes that are answered only to people with a right.

        What they answer finds a Visitor in `request.state.visitor`, and of a form that was sent its fields in
        `request.state.form`: it came from a page of theirs.
        """
        return [self._guarded(route, may) for route in routes]

    def _guarded(self, route: Route, may: Right) -> PageRoute:
        answer: Callable[[Request], Any] = route.endpoint

        async def entered(request: Request) -> Response:
            try:
                visitor = await run_in_threadpool(self.visitor, request)
                if visitor is None or (may == "account" and not visitor.session_id):
                    return to_sign_in(request)
                request.state.visitor = visitor
                await _checked(request, visitor, may)
                is_async = iscoroutinefunction(answer)
                return private(await (answer(request) if is_async else run_in_threadpool(answer, request)))
            except RegularsError as error:
                return refused(request, error)

        made = PageRoute(route.path, entered, methods=sorted(route.methods or {"GET"}), name=route.name)
        made.may = may
        return made

    def visitor(self, request: Request) -> Visitor | None:
        """Return who a request is of; None for nobody we know. Raises StoreUnavailable."""
        book, shown = self.opened(), cookies.shown(request, "session")
        found = known_session(book, shown, at=self.clock.now()) if shown else None
        if found is not None:
            return visitor_of(*found, shown=shown, tenant=book.tenant)
        if self.is_open and is_of_this_machine(request) and not self.has_people():
            return this_machine(book.tenant)
        return None

    def end(self, request: Request) -> None:
        """End the session that a browser shows, if it shows one."""
        book, now = self.opened(), self.clock.now()
        known = known_session(book, cookies.shown(request, "session"), at=now)
        if known is not None:
            session, person = known
            book.sessions.end(session.session_id, of=person.person_id, at=now)

    async def with_passwords(self, work: Callable[[], Found]) -> Found:
        """Do something that looks at a password, AT_ONCE at a time and away from the loop."""
        async with self._passwords:
            return await run_in_threadpool(work)

    def has_people(self) -> bool:
        """Return whether anybody can sign in here."""
        # Asked until it is so: people are never removed.
        self._has_people = self._has_people or self.opened().people.has_any()
        return self._has_people


def to_sign_in(request: Request) -> Response:
    """Return where somebody unknown is sent: people to the form, programs nowhere."""
    if request.url.path.endswith(TWINS):
        return refused(request, SignInNeeded("nobody is signed in", hint="/sign-in"))
    if request.headers.get("hx-request"):
        # A redirect would put the form where a piece of the page belongs.
        return private(Response(status_code=401, headers={"HX-Redirect": "/sign-in"}))
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = f"/sign-in?next={quote(wanted, safe='/')}" if request.method in READING else "/sign-in"
    return private(RedirectResponse(target, status_code=303))


async def _checked(request: Request, visitor: Visitor, right: Right) -> None:
    """Raise RoleMissing for what a visitor may not, FormRefused for a form that is not theirs."""
    if not visitor.may(right):
        raise RoleMissing(f"this is not open to the role {visitor.role}", hint="an owner can change your role")
    if request.method not in READING:
        request.state.form = await form_of(request)
        if not is_ours(request, request.state.form, token=visitor.csrf):
            raise FormRefused("this form was not made here for you", hint="load the page again and send it once more")
