"""What went wrong, as problem+json with the codes of `errors`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from starlette.responses import Response

from regulars.errors import RegularsError

MEDIA = "application/problem+json"

STATUS = {
    "not-found": 404, "declaration": 422, "lease-held": 409, "guard": 409, "store-unavailable": 503, "error": 422,
    "key-unknown": 401, "scope-missing": 403, "too-many": 429, "request-invalid": 422, "request-repeated": 422,
    "request-meaningless": 422, "request-unfinished": 409, "already-done": 409, "not-ready": 503, "sign-in-needed": 401,
    "method-unknown": 405, "role-missing": 403, "form-refused": 403, "purge-refused": 422, "issuer-unreadable": 502,
}
"""The status of a code; what is not here is our own trouble: 500."""


class KeyUnknown(RegularsError):
    """The request shows no key, or one that opens nothing."""

    code = "key-unknown"


class MethodUnknown(RegularsError):
    """The path is right, and does not take this method: `Allow` says which it takes."""

    code = "method-unknown"


class ScopeMissing(RegularsError):
    """The key may not do this."""

    code = "scope-missing"


class SignInNeeded(RegularsError):
    """Nobody is signed in."""

    code = "sign-in-needed"


class RoleMissing(RegularsError):
    """The person's role may not do this."""

    code = "role-missing"


class FormRefused(RegularsError):
    """A form that cannot be read, or was not made here for the one who sends it."""

    code = "form-refused"


class IssuerUnreadable(RegularsError):
    """The issuer at whom somebody signs in did not answer, or not as it should."""

    code = "issuer-unreadable"
    retryable = True


class RequestInvalid(RegularsError):
    """A parameter or the body is not what the route takes."""

    code = "request-invalid"


class RequestMeaningless(RequestInvalid):
    """A value has the shape that the route takes, and means nothing here: a foreign cursor, an address that is none."""

    code = "request-meaningless"


class RequestRepeated(RegularsError):
    """The Idempotency-Key was used for another request."""

    code = "request-repeated"


class RequestUnfinished(RegularsError):
    """A request with this Idempotency-Key was begun, and how it ended is not known."""

    code = "request-unfinished"


class NotReady(RegularsError):
    """The project cannot be opened now."""

    code = "not-ready"
    retryable = True


class TooMany(RegularsError):
    """The key asks more often than it may."""

    code = "too-many"
    retryable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong (RFC 9457)."""

    type: str                                # urn:regulars:CODE
    title: str
    status: int
    detail: str
    hint: str                                # what to do next
    is_retryable: bool                       # the same request may succeed later
    request_id: str

    UNFORESEEN: ClassVar[str] = "something went wrong here; the log has it under the request's id"


def problem_of(error: Exception, *, request_id: str) -> Problem:
    """Return what to say of an error; of one that nobody foresaw only that it was."""
    if not isinstance(error, RegularsError):
        return Problem(
            type="urn:regulars:unforeseen", title="Unforeseen", status=500, detail=Problem.UNFORESEEN, hint="",
            is_retryable=False, request_id=request_id,
        )
    return Problem(
        type=f"urn:regulars:{error.code}", title=error.code.replace("-", " ").capitalize(),
        status=STATUS.get(error.code, 500), detail=error.message, hint=error.hint, is_retryable=error.retryable,
        request_id=request_id,
    )


def response_of(problem: Problem) -> Response:
    """Return a problem as HTTP."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA, headers=headers)
