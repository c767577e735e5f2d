"""One's own account: another password, where one is signed in, and an end to that."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from regulars.errors import RegularsError
from regulars.pipeline.password import SHORTEST
from regulars.pipeline.sign_in import NotIn, SignedIn, change_password
from regulars.storage.book.people import Person
from regulars.web.api.reading import path_of
from regulars.web.frame import frame_of, framed
from regulars.web.rights import MAY
from regulars.web.sign_in.accepting import UNEQUAL
from regulars.web.sign_in.doorstep import agent_of, let_in
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.signing import waited
from regulars.web.sign_in.visitor import Visitor

log = structlog.get_logger()

PATH = "/account"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """A browser that is signed in."""

    session_id: str
    agent: str
    began: str                               # UTC
    seen: str
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Who one is, and where one is signed in."""

    email: str
    rights: tuple[str, ...]
    sessions: tuple[SessionLine, ...]
    shortest: int = SHORTEST                 # characters
    trouble: str = ""                        # why the new password was not taken
    at: str = ""                             # the field that is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPages:
    """What people do with their own account; the guard stands in front."""

    entrance: Entrance

    async def page(self, request: Request) -> Response:
        """Show who one is and where one is signed in."""
        return await run_in_threadpool(self._page, request)

    async def password(self, request: Request) -> Response:
        """Change the password: every other session ends, and this one gets another name."""
        said, visitor = request.state.form, request.state.visitor
        if said.get("password", "") != said.get("again"):
            return await run_in_threadpool(self._page, request, UNEQUAL, "again")
        try:
            found = await self.entrance.with_passwords(lambda: self._changed(request))
        except RegularsError as error:
            return await run_in_threadpool(self._page, request, error.message, "password")
        if isinstance(found, NotIn):
            seconds = math.ceil(found.wait.total_seconds())
            trouble = f"Try again in {waited(seconds)}." if seconds else "That is not the password you have now."
            return await run_in_threadpool(self._page, request, trouble, "old")
        log.info("password changed", person=visitor.person_id)
        return let_in(request, found, to=PATH)

    async def end(self, request: Request) -> Response:
        """End one session of one's own, this one too."""
        visitor, session_id = request.state.visitor, path_of(request.path_params)["session_id"]
        book, now = self.entrance.opened(), self.entrance.clock.now()
        await run_in_threadpool(lambda: book.sessions.end(session_id, of=visitor.person_id, at=now))
        return RedirectResponse(PATH, status_code=303)

    async def end_others(self, request: Request) -> Response:
        """End every session of one's own but this one."""
        visitor, book, now = request.state.visitor, self.entrance.opened(), self.entrance.clock.now()
        await run_in_threadpool(
            lambda: book.sessions.end_others(visitor.session_id, of=visitor.person_id, at=now)
        )
        return RedirectResponse(PATH, status_code=303)

    def _changed(self, request: Request) -> SignedIn | NotIn:
        said, book = request.state.form, self.entrance.opened()
        return change_password(
            book, self._person(request), old=said.get("old", ""), new=said.get("password", ""),
            agent=agent_of(request), at=self.entrance.clock.now(),
        )

    def _person(self, request: Request) -> Person:
        visitor: Visitor = request.state.visitor
        return self.entrance.opened().people.known(visitor.person_id)

    def _page(self, request: Request, trouble: str = "", at: str = "") -> Response:
        visitor: Visitor = request.state.visitor
        person, sessions = self._person(request), self.entrance.opened().sessions.of(visitor.person_id)
        view = AccountView(
            email=person.email, rights=tuple(sorted(MAY[visitor.role])), trouble=trouble, at=at, sessions=tuple(
                SessionLine(
                    session_id=each.session_id, agent=each.agent or "unknown", began=_moment(each.began_at),
                    seen=_moment(each.seen_at), is_this=each.session_id == visitor.session_id,
                ) for each in sessions
            ),
        )
        frame = replace(frame_of(request, path=PATH), business=self.entrance.business)
        text = framed("sign_in/account.html", frame, page=view)
        return HTMLResponse(text, status_code=422 if trouble else 200)


def _moment(at: datetime) -> str:
    return f"{at:%a %-d %b %Y, %H:%M}"
