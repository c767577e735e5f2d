"""What a form says, read with a limit; the fields are in `request.state.form` once a request was let in."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from regulars.web.api.problem import FormRefused
from regulars.web.api.sound import is_sound
from regulars.web.body import LARGEST_BODY
from regulars.web.sign_in.where import is_from_here

TOKEN = "csrf_token"  # noqa: S105  the name of a field
HEADER = "x-csrf-token"
"""Where scripts of our pages say the token."""

MOST_FIELDS = 1_000


async def form_of(request: Request) -> Mapping[str, str]:
    """Return the fields of a form, of those that stand there twice the last. Raises FormRefused."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdigit() or int(length) > LARGEST_BODY:
        raise FormRefused(f"the form is longer than {LARGEST_BODY:,} bytes, or does not say how long it is")
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    try:
        said = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise FormRefused("the form cannot be read") from error
    if not is_sound(said):
        raise FormRefused("a field of the form has a character that nothing keeps", hint="type it again")
    return said


def is_ours(request: Request, form: Mapping[str, str], *, token: str) -> bool:
    """Return whether a form was made here, for the one who sends it; an empty token is nobody's."""
    said = form.get(TOKEN) or request.headers.get(HEADER, "")
    return bool(token) and hmac.compare_digest(said.encode(), token.encode()) and is_from_here(request)
