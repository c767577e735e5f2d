"""Carries requests out: so many at once, so many a second, and says of each whether anybody can have received it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from yarl import URL

from regulars.destinations.sender import Answer, Deferred, Limits, Request, Unknown
from regulars.later import meanwhile

if TYPE_CHECKING:
    import aiohttp  # a tenth of a second: who sends nothing need not wait for it

KEPT_SECONDS = 4.0
"""How long an idle connection is used again: a server that closes it meanwhile makes a request unknown."""

Carried = Answer | Deferred | Unknown
"""What came back; Deferred: nobody has received it, Unknown: somebody may have."""


LATE = Deferred(reason="its turn did not come in time")


def load_meanwhile() -> None:
    """Begin to load what carries requests: most of it are the world's certificates, outside of Python's lock."""
    meanwhile("aiohttp")


@dataclass(slots=True)
class Carrier:
    """An event loop of its own with connections to providers; use it in a `with` block."""

    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _session: aiohttp.ClientSession | None = None
    _free_at: float = 0.0                    # when the next request may begin, by the loop's clock

    def __enter__(self) -> Self:
        self._session = self._runner.run(_session())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._runner.run(self._session.close())
        self._runner.close()

    def carry(
        self, requests: Sequence[Request], limits: Limits, *, share: float = 1.0, begins_within: timedelta | None = None
    ) -> list[Carried]:
        """Carry requests out and return what came back, in order.

        Args:
            requests: What is asked.
            limits: How the provider wants to be spoken to.
            share: Which part of its rate is ours: others may send by the same account.
            begins_within: A request whose turn comes later than that is not begun, and Deferred; None: all are.

        """
        # By the clock on the wall: a machine that slept has been away all the same.
        latest = time.time() + begins_within.total_seconds() if begins_within is not None else math.inf
        return self._runner.run(self._all(requests, limits, limits.per_second * share, latest))

    async def _all(
        self, requests: Sequence[Request], limits: Limits, per_second: float, latest: float
    ) -> list[Carried]:
        found: list[Carried | None] = [None] * len(requests)
        waiting = iter(enumerate(requests))

        # A few workers over one queue: a task a request costs more than the request.
        async def work() -> None:
            for n, request in waiting:
                await self._turn(per_second)
                is_late = time.time() > latest
                found[n] = LATE if is_late else await self._one(request, limits.timeout.total_seconds())

        await asyncio.gather(*(work() for _ in range(min(limits.at_once, len(requests)))))
        return [one for one in found if one is not None]

    async def _turn(self, per_second: float) -> None:
        """Wait until the rate lets another request begin."""
        now = asyncio.get_running_loop().time()
        begins = max(now, self._free_at)
        self._free_at = begins + 1 / per_second
        if begins > now:
            await asyncio.sleep(begins - now)

    async def _one(self, request: Request, seconds: float) -> Carried:
        import aiohttp  # noqa: PLC0415  see above

        assert self._session is not None
        try:
            async with asyncio.timeout(seconds), self._session.request(
                request.method, URL(request.url, encoded=True), headers=request.headers, data=request.body or None,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return Answer(
                    status=answer.status, headers={name.lower(): value for name, value in answer.headers.items()},
                    body=body,
                )
        except aiohttp.ClientConnectorError as error:
            return Deferred(reason=f"no connection to {error.host}")
        except (aiohttp.ClientError, OSError) as error:
            return Unknown(reason=f"the connection broke off: {type(error).__name__}")
        except TimeoutError:
            return Unknown(reason=f"no answer within {seconds:g} s")


async def _session() -> aiohttp.ClientSession:
    import aiohttp  # noqa: PLC0415  see above

    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS, ttl_dns_cache=60)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True,
        headers={"User-Agent": "regulars"}, timeout=aiohttp.ClientTimeout(total=None),
    )
