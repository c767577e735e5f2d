"""Signing in with an account elsewhere: off to the issuer, and back as somebody who was let in here before."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from regulars.pipeline.sign_in import SignedIn, begin_session
from regulars.web.api.problem import FormRefused, SignInNeeded
from regulars.web.sign_in import cookies
from regulars.web.sign_in.doorstep import agent_of, let_in
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.issuer import Asked, Issuer, asked, claims_of, endpoints_of, leaving, verified_email
from regulars.web.sign_in.refusal import private
from regulars.web.sign_in.where import is_safe, next_of

log = structlog.get_logger()

PATH, BACK = "/sign-in/elsewhere", "/sign-in/back"
AWAY_SECONDS = 600
"""How long one may take at the issuer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElsewherePages:
    """Who is known by another's word. Nobody new is let in: an owner invites."""

    entrance: Entrance
    issuer: Issuer

    async def off(self, request: Request) -> Response:
        """Send somebody to the issuer."""
        if not is_safe(request):
            raise FormRefused("nobody signs in where others can read it", hint="ask whoever runs this for https")
        one = asked(next_of(request.query_params.get("next")))
        endpoints = await run_in_threadpool(endpoints_of, self.issuer)
        goal = leaving(endpoints, self.issuer, one, back=_back(request))
        response = private(RedirectResponse(goal, status_code=303))
        cookies.hand(response, request, "issuer", _written(one), seconds=AWAY_SECONDS)
        return response

    async def back(self, request: Request) -> Response:
        """Let somebody in whom the issuer knows, and we too."""
        one = _read(cookies.shown(request, "issuer"))
        said = request.query_params
        is_answer = one is not None and secrets.compare_digest(said.get("state", "").encode(), one.state.encode())
        if one is None or not is_answer or not is_safe(request):
            raise FormRefused("this answer is to nothing that was asked from here", hint="sign in again")
        if "code" not in said:
            raise SignInNeeded("you were not signed in there", hint="try again, or use your password")
        found = await run_in_threadpool(self._known, request, one, said["code"])
        if found is None:
            log.info("sign-in refused", waits=False)
            raise SignInNeeded(
                "nobody with a verified address of that account may sign in here", hint="an owner can invite you"
            )
        log.info("person signed in", person=found.person.person_id)
        await run_in_threadpool(self.entrance.end, request)
        response = let_in(request, found, to=next_of(one.next))      # cookies, too, may come from anybody
        cookies.take_back(response, request, "issuer")
        return response

    def _known(self, request: Request, one: Asked, code: str) -> SignedIn | None:
        endpoints, now = endpoints_of(self.issuer), self.entrance.clock.now()
        claims = claims_of(endpoints, self.issuer, one, code=code, back=_back(request))
        email = verified_email(claims, endpoints, self.issuer, one, at=now)
        book = self.entrance.opened()
        person, _ = (book.people.find(email) if email else None) or (None, None)
        if person is None or person.disabled_at is not None:
            return None
        return begin_session(book, person, agent=agent_of(request), at=now)


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}{BACK}"


def _written(one: Asked) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(one)).decode()


def _read(shown: str) -> Asked | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(shown.encode()), type=Asked)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return None
