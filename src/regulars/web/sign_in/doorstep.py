"""Pages before anybody is signed in: their forms are tied to the browser that asked for them, and sent safely."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from regulars.errors import RegularsError
from regulars.pipeline.sign_in import LONGEST, SignedIn
from regulars.web.api.problem import FormRefused
from regulars.web.frame import frame_of, framed
from regulars.web.sign_in import cookies
from regulars.web.sign_in.forms import form_of, is_ours
from regulars.web.sign_in.refusal import private, refused
from regulars.web.sign_in.where import is_safe

FORM_SECONDS = 6 * 3600
"""How long a form may be left open."""

Answer = Callable[[Request], Awaitable[Response]]


def token_of(request: Request) -> str:
    """Return what the form of a browser says: what it was given before, or something new."""
    return cookies.shown(request, "form") or secrets.token_urlsafe(32)


def formed(request: Request, template: str, page: object, *, token: str, status: int = 200) -> Response:
    """Return a page with a form, and what ties it to the browser; what was typed is kept nowhere."""
    response = private(HTMLResponse(framed(f"sign_in/{template}", frame_of(request), page=page), status_code=status))
    cookies.hand(response, request, "form", token, seconds=FORM_SECONDS)
    return response


async def sent(request: Request) -> Mapping[str, str]:
    """Return what somebody sent with a form. Raises FormRefused when others could read it, or it is not ours."""
    if not is_safe(request):
        raise FormRefused(
            "a password is not taken over a connection that others can read", hint="ask whoever runs this for https"
        )
    form = await form_of(request)
    if not is_ours(request, form, token=cookies.shown(request, "form")):
        raise FormRefused("this form is too old, or was not made here", hint="load the page again")
    return form


def let_in(request: Request, found: SignedIn, *, to: str) -> Response:
    """Return where somebody goes on who is signed in now, with what their browser shows from here on."""
    response = private(RedirectResponse(to, status_code=303))
    cookies.hand(response, request, "session", found.shown, seconds=int(LONGEST.total_seconds()))
    cookies.take_back(response, request, "form")
    return response


def telling(answer: Answer) -> Answer:
    """Return an answer whose refusals are pages, too."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except RegularsError as error:
            return refused(request, error)

    return answered


def agent_of(request: Request) -> str:
    """Return what a browser calls itself, as far as it can be shown."""
    said = request.headers.get("user-agent", "")
    return "".join(letter for letter in said if letter.isprintable())


def address_of(request: Request) -> str:
    """Return the address of the network that a request comes from."""
    return request.client.host if request.client else ""
