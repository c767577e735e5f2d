"""Numverify: whether a telephone number exists, and what kind of line it is.

The key goes in a header, never in a URL, and only over https. Source: https://docs.apilayer.com/numverify/docs and the
marketplace's entry `number_verification`, which is the one of its two addresses that takes the key in a header.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from regulars.campaigns.line import Line
from regulars.clock import Clock
from regulars.errors import SourceChanged, SourceError, SourceRefused
from regulars.sources.rest_auth import Credentials, HeaderAuth
from regulars.sources.source import MemoryTokens

if TYPE_CHECKING:
    from regulars.sources.rest_call import Caller

URL = "https://api.apilayer.com/number_verification"
NAME = "numverify"
MOST = 100
"""Numbers that are asked about together: what is kept at once, and lost at most."""
SIDE_BY_SIDE = 8
"""Requests under way at a time."""

Why = Literal["rate limited", "timeout", "network", "server", "refused", "invalid format"]
_KINDS: Mapping[str, str] = {
    "mobile": "mobile", "wireless": "mobile", "cellular": "mobile", "landline": "landline", "voip": "voip",
    "toll_free": "toll_free", "premium_rate": "premium", "paging": "pager",
}
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Why nobody knows about a number yet."""

    why: Why
    reason: str                              # in words; holds neither key nor number


Answer: TypeAlias = Line | Unanswered


class _Error(msgspec.Struct):
    code: int = 0
    info: str = ""


class _Told(msgspec.Struct):
    valid: bool | None = None
    line_type: str | None = None
    carrier: str | None = None
    country_code: str | None = None
    error: _Error | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numverify:
    """One account at Numverify."""

    key: str = field(repr=False)
    clock: Clock
    url: str = URL
    per_second: float = 10.0                 # requests; the plan of the account says how many
    timeout: timedelta = timedelta(seconds=10)
    retries: int = 3                         # of a number whose answer was lost; waits half a second, doubled each time

    def ask(self, numbers: Collection[str]) -> dict[str, Answer]:
        """Return what is said of each number, at most MOST of them; they are asked about side by side.

        Args:
            numbers: In E.164; of another the answer is `invalid format`, and nobody is asked.

        Once the provider refuses, the numbers whose turn comes later are not asked about.
        Raises SourceRefused, before anything is sent, for an address that would carry the key in the open.

        """
        import httpx  # noqa: PLC0415  help must answer at once

        from regulars.sources.rest_call import Caller, Pace  # noqa: PLC0415  the same

        if len(numbers) > MOST:
            raise ValueError(f"{len(numbers)} numbers at once; at most {MOST}")
        place = urlsplit(self.url)
        if place.scheme != "https" and place.hostname not in _THIS_MACHINE:
            raise SourceRefused(f"{NAME}: the key goes over https only", hint=f'url = "{URL}"')
        auth = HeaderAuth(name="apikey", value=self.key)
        refused: list[Unanswered] = []
        with httpx.Client(timeout=self.timeout.total_seconds()) as client, ThreadPoolExecutor(SIDE_BY_SIDE) as hands:
            caller = Caller(
                source=NAME, client=client, clock=self.clock, retries=self.retries, pace=Pace(self.per_second),
                credentials=Credentials(auth=auth, source=NAME, tokens=MemoryTokens()),
            )
            answers = hands.map(lambda number: self._answer(number, caller, refused), numbers)
            return dict(zip(numbers, answers, strict=True))

    def _answer(self, number: str, caller: Caller, refused: list[Unanswered]) -> Answer:
        from regulars.sources.rest_call import SourceBusy  # noqa: PLC0415  see `ask`

        if not _E164.fullmatch(number):
            return Unanswered(why="invalid format", reason="the number is not written as + and 8 to 15 digits")
        if refused:
            return refused[0]
        try:
            return self._asked(number, caller)
        except SourceBusy as error:
            return Unanswered(why=error.why, reason=error.message)
        except SourceError as error:
            refused.append(Unanswered(why="refused", reason=str(error)))
            return refused[-1]

    def _asked(self, number: str, caller: Caller) -> Line:
        from regulars.sources.rest_call import Call  # noqa: PLC0415  see `ask`

        url = f"{self.url.rstrip('/')}/validate"
        response = caller.call(Call(method="GET", url=url, params={"number": number.removeprefix("+")}))
        if response.status_code == 404:
            raise SourceRefused(f"{NAME}: there is nothing at {url}", hint="check `url` of [numbers] in regulars.toml")
        try:
            told = msgspec.json.decode(response.content, type=_Told)
        except msgspec.DecodeError as error:
            raise SourceChanged(f"{NAME}: the answer is not of this API: {error}") from error
        if told.error is not None:
            raise SourceRefused(f"{NAME}: error {told.error.code}", hint=told.error.info)
        if told.valid is None:
            raise SourceChanged(f"{NAME}: the answer does not say `valid`")
        if not told.valid:
            return Line(is_valid=False)
        return Line(
            is_valid=True, kind=_KINDS.get((told.line_type or "").lower(), "unknown"), carrier=told.carrier or None,
            country=told.country_code or None,
        )
