"""The cookies: which session a browser has, and what ties to it the form it asked for or the issuer it left for."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

Kind = Literal["session", "form", "issuer"]


def shown(request: Request, kind: Kind) -> str:
    """Return what a browser shows; "" for nothing."""
    return request.cookies.get(_name(request, kind), "")


def hand(response: Response, request: Request, kind: Kind, value: str, *, seconds: int) -> None:
    """Give a browser something to show: to this place alone, to no script, and not when others link here to change."""
    response.set_cookie(
        _name(request, kind), value, max_age=seconds, path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )


def take_back(response: Response, request: Request, kind: Kind) -> None:
    """Have a browser forget what it shows."""
    response.delete_cookie(
        _name(request, kind), path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request, kind: Kind) -> str:
    # No other host can set a cookie of this prefix. Without https, which it needs, there is this machine alone, whose
    # projects on different ports would else show each other's.
    return f"__Host-regulars_{kind}" if _is_https(request) else f"regulars_{kind}_{request.url.port or 80}"
