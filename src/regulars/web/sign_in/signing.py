"""Signing in and out: the form, what it is answered, and where one goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from regulars.pipeline.sign_in import NotIn, sign_in
from regulars.web.sign_in import cookies
from regulars.web.sign_in.doorstep import address_of, agent_of, formed, let_in, sent, token_of
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.refusal import private
from regulars.web.sign_in.where import next_of

log = structlog.get_logger()

WRONG = "Address or password is not right."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInView:
    """The form."""

    csrf_token: str
    next: str
    email: str = ""                          # as it was typed
    trouble: str = ""                        # why the last one was not taken
    has_issuer: bool = False                 # one can sign in elsewhere
    has_people: bool = True                  # False: nobody can sign in yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPages:
    """Who comes in, and who leaves."""

    entrance: Entrance
    has_issuer: bool = False

    async def form(self, request: Request) -> Response:
        """Show the form; who is signed in goes on."""
        goal = next_of(request.query_params.get("next"))
        visitor = await run_in_threadpool(self.entrance.visitor, request)
        if visitor is not None and visitor.session_id:
            return private(RedirectResponse(goal, status_code=303))
        token = token_of(request)
        has_people = await run_in_threadpool(self.entrance.has_people)
        view = SignInView(csrf_token=token, next=goal, has_people=has_people, has_issuer=self.has_issuer)
        return formed(request, "sign_in.html", view, token=token)

    async def sent(self, request: Request) -> Response:
        """Sign somebody in, or say that it is not right."""
        said = await sent(request)
        email, goal = said.get("email", ""), next_of(said.get("next"))
        found = await self.entrance.with_passwords(lambda: sign_in(
            self.entrance.opened(), email=email, password=said.get("password", ""), address=address_of(request),
            agent=agent_of(request), at=self.entrance.clock.now(),
        ))
        if isinstance(found, NotIn):
            log.info("sign-in refused", waits=found.wait.total_seconds() > 0)
            return self._again(request, found, email=email, goal=goal)
        log.info("person signed in", person=found.person.person_id)
        await run_in_threadpool(self.entrance.end, request)
        return let_in(request, found, to=goal)

    async def out(self, request: Request) -> Response:
        """Sign somebody out."""
        await run_in_threadpool(self.entrance.end, request)
        response = RedirectResponse("/sign-in", status_code=303)
        cookies.take_back(response, request, "session")
        return response

    def _again(self, request: Request, found: NotIn, *, email: str, goal: str) -> Response:
        token, seconds = token_of(request), math.ceil(found.wait.total_seconds())
        trouble = f"Too many attempts. Try again in {waited(seconds)}." if seconds else WRONG
        view = SignInView(
            csrf_token=token, next=goal, email=email, trouble=trouble, has_issuer=self.has_issuer
        )
        response = formed(request, "sign_in.html", view, token=token, status=429 if seconds else 422)
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response


def waited(seconds: int) -> str:
    """Return how long to wait, in words: `40 seconds`, `2 minutes`."""
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"
