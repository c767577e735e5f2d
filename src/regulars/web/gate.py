"""Who may ask over HTTP, and how often: API keys and a rate for each of them."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from regulars.web.rate import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not answered."""

    status: Literal[401, 429]
    message: str
    wait_seconds: int | None = None          # until a request is taken again

    def response(self) -> Response:
        """Return the refusal as HTTP."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {"Retry-After": str(self.wait_seconds)}
        return JSONResponse({"errorDetails": self.message}, status_code=self.status, headers=headers)


@dataclass(slots=True, kw_only=True)
class Gate:
    """Lets requests with a known key through, as many a second as each key may.

    Args:
        keys: Those that are let in; without any everybody is, as one.
        rate: Requests a second that a key may make, and as many at once; None: as many as come.
        clock: Seconds that only go forward.

    """

    keys: tuple[str, ...]
    clock: Callable[[], float]
    rate: float | None = None
    _rates: Rates | None = field(init=False)

    def __post_init__(self) -> None:
        self._rates = None if self.rate is None else Rates(rate=self.rate, clock=self.clock)

    def refusal(self, key: str) -> Refusal | None:
        """Return why a request with this key is not answered now; None when it is, and counts."""
        if self.keys and not self._is_known(key):
            return Refusal(status=401, message="this key is not known: Authorization: Bearer KEY, or X-API-Key: KEY")
        if self._rates is None:
            return None
        wait = self._rates.take(key if self.keys else "").wait_seconds
        if wait == 0:
            return None
        return Refusal(status=429, message=f"more than {self.rate:g} requests a second", wait_seconds=math.ceil(wait))

    def _is_known(self, key: str) -> bool:
        # Every known key is compared whole, so that the time it takes tells nothing of any.
        return sum(hmac.compare_digest(key.encode(), known.encode()) for known in self.keys) > 0


def key_of(request: Request) -> str:
    """Return the API key that a request shows; "" for none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
