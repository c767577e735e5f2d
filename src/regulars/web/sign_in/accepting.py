"""Following a link: somebody new chooses name and password, somebody known a new password; then they are in."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from regulars.errors import NotFound, RegularsError
from regulars.pipeline.password import SHORTEST
from regulars.pipeline.people import NAME_RULE, accept, known_invite
from regulars.pipeline.sign_in import SignedIn, begin_session
from regulars.storage.book.invites import Invite
from regulars.web.api.reading import path_of
from regulars.web.sign_in.doorstep import agent_of, formed, let_in, sent, token_of
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.where import START

log = structlog.get_logger()

UNEQUAL = "The two passwords are not the same."


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptView:
    """The form behind a link."""

    csrf_token: str
    email: str
    role: str
    is_new: bool                             # asks for a name too
    shortest: int = SHORTEST                 # characters
    name: str = ""                           # as it was typed
    trouble: str = ""                        # why the last one was not taken
    at: str = ""                             # the field that is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptPages:
    """Who was invited, or forgot a password."""

    entrance: Entrance

    async def form(self, request: Request) -> Response:
        """Show the form; looking at it uses nothing up."""
        found = await run_in_threadpool(self._invite, request)
        return self._form(request, found)

    async def sent(self, request: Request) -> Response:
        """Let somebody in with the password they chose."""
        said = await sent(request)
        found = await run_in_threadpool(self._invite, request)
        name, password = said.get("name", ""), said.get("password", "")
        if password != said.get("again"):
            return self._form(request, found, name=name, trouble=UNEQUAL, at="again")
        try:
            signed_in = await self.entrance.with_passwords(lambda: self._accepted(request, name, password))
        except NotFound:
            raise
        except RegularsError as error:
            at = "name" if error.message == NAME_RULE else "password"
            return self._form(request, found, name=name, trouble=error.message, at=at)
        await run_in_threadpool(self.entrance.end, request)      # whoever used this browser before is not who does now
        log.info("person let in", person=signed_in.person.person_id, role=signed_in.person.role)
        return let_in(request, signed_in, to=START)

    def _accepted(self, request: Request, name: str, password: str) -> SignedIn:
        book, now = self.entrance.opened(), self.entrance.clock.now()
        person = accept(book, request.path_params["shown"], name=name, password=password, at=now)
        return begin_session(book, person, agent=agent_of(request), at=now)

    def _invite(self, request: Request) -> Invite:
        shown = path_of(request.path_params)["shown"]
        found = known_invite(self.entrance.opened(), shown, at=self.entrance.clock.now())
        if found is None:
            raise NotFound("this link leads nowhere any more", hint="ask for another one: it works once, for a week")
        return found

    def _form(
        self, request: Request, found: Invite, *, name: str = "", trouble: str = "", at: str = ""
    ) -> Response:
        token = token_of(request)
        view = AcceptView(
            csrf_token=token, email=found.email, role=found.role, is_new=found.person_id is None, name=name,
            trouble=trouble, at=at,
        )
        return formed(request, "accept.html", view, token=token, status=422 if trouble else 200)
