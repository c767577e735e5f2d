"""One call to a REST source: paced, tried again by class of error, and told in a sentence when it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

import msgspec

from regulars.clock import Clock
from regulars.errors import SourceError, SourceRefused, SourceUnavailable
from regulars.later import httpx, stamina
from regulars.sources.rest_auth import Credentials

LONGEST_WAIT = timedelta(minutes=5)
"""A source that asks for more than this is left alone: the next run comes back."""

Busy = Literal["rate limited", "timeout", "network", "server"]
"""Why a source did not answer."""

_REDIRECTS = 3
_HEAD = 1_000                                # bytes of an answer in which it says that it is an error


class SourceBusy(SourceUnavailable):
    """The source asked to come back later, or did not answer.

    Args:
        message: What happened.
        hint: What to do.
        wait: How long it asked for; None when it did not say.
        why: What kind of trouble it is.

    """

    def __init__(
        self, message: str, *, hint: str = "", wait: timedelta | None = None, why: Busy = "server"
    ) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait
        self.why: Busy = why


@dataclass(slots=True)
class Pace:
    """Keeps calls apart, those of several threads too, so that a vendor's limit is not met in the first place."""

    per_second: float | None                 # None: as fast as it goes
    next_at: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Return when the next call may go."""
        if self.per_second is None:
            return
        with self._lock:
            now = self.monotonic()
            mine = max(now, self.next_at)
            self.next_at = mine + 1 / self.per_second
        if now < mine:
            self.sleep(mine - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, before authentication."""

    method: str
    url: str
    params: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None                  # sent as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: timedelta | None = None                          # None: the client's


@dataclass(slots=True, kw_only=True)
class Caller:
    """Speaks HTTP with one source."""

    source: str
    client: httpx.Client
    credentials: Credentials
    clock: Clock
    pace: Pace = field(default_factory=lambda: Pace(None))
    retries: int = 5

    def call(self, call: Call) -> httpx.Response:
        """Return a whole answer that is JSON, or a 404 for the caller to judge.

        Raises SourceUnavailable after the last try, SourceRefused at once.
        """

        def prepared() -> httpx.Request:
            request = self.client.build_request(
                call.method,
                call.url,
                params={name: str(value) for name, value in call.params.items()} or None,
                json=call.body,
                headers=dict(call.headers),
                timeout=httpx.USE_CLIENT_DEFAULT if call.timeout is None else call.timeout.total_seconds(),
            )
            self.credentials.put_on(request, self.client)
            return request

        # Vendors' hiccups last seconds: half a second, doubled up to 30, gives them two minutes with five retries.
        tries = stamina.retry_context(
            on=wait_before_retry, attempts=self.retries + 1, timeout=None, wait_initial=0.5, wait_max=30.0
        )
        for attempt in tries.with_name(f"{self.source} {call.method}", (), {}):
            with attempt:
                response = self._once(prepared)
                check_answer(response, source=self.source, now=self.clock.now())
        return response

    def _once(self, prepared: Callable[[], httpx.Request]) -> httpx.Response:
        response = self._send(prepared())
        if response.status_code == 401 and self.credentials.can_refresh:
            self.credentials.refresh(self.client)
            response = self._send(prepared())
        return response

    def _send(self, request: httpx.Request) -> httpx.Response:
        for _ in range(_REDIRECTS):
            self.pace.wait()
            try:
                response = self.client.send(request)
            except httpx.TimeoutException as error:
                raise SourceBusy(f"{self.source}: {_named(request)} did not answer in time", why="timeout") from error
            except httpx.LocalProtocolError:
                # The error's own words hold the header's value: the key.
                hint = "the key has blanks or line breaks at its end, or is empty"
                raise SourceRefused(f"{self.source}: a header cannot be sent", hint=hint) from None
            except httpx.TransportError as error:
                raise SourceBusy(
                    f"{self.source}: the connection to {request.url.host} broke: {error}", hint="is the url right?",
                    why="network",
                ) from error
            if not response.has_redirect_location:
                return response
            request = self._redirected(request, response)
        raise SourceRefused(f"{self.source}: {_named(request)} redirects without end", hint="check `url:`")

    def _redirected(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        target = urljoin(str(request.url), response.headers["location"])
        if not is_same_host(target, str(request.url)):
            # The key would go along.
            raise SourceRefused(
                f"{self.source}: {_named(request)} redirects to {urlsplit(target).netloc}, which was not followed",
                hint="if that is the vendor's new address, change `url:`",
            )
        return self.client.build_request(request.method, target, content=request.content, headers=request.headers)


def check_answer(response: httpx.Response, *, source: str, now: datetime) -> None:
    """Raise what an answer means: SourceBusy for one worth another try, SourceRefused for a no; 404 is let through."""
    status, where = response.status_code, f"{source}: {_named(response.request)}"
    if status in {408, 425, 429} or status >= 500:
        wait = retry_after(response.headers.get("retry-after"), now=now)
        why: Busy = "rate limited" if status == 429 else "server"
        raise SourceBusy(f"{where} answered {status}", hint="the vendor is busy; run again later", wait=wait, why=why)
    if status == 403 and not response.content.lstrip().startswith(b"{"):
        # Mailchimp says "too many at once" like this; a wrong key comes with a reason.
        hint = "too many at once, or a firewall; try later"
        raise SourceBusy(f"{where} answered 403 without a reason", hint=hint, why="rate limited")
    if status in {401, 403}:
        hint = "check the key in the environment" if status == 401 else "the key lacks a permission for this"
        raise SourceRefused(f"{where} answered {status}{_reason(response)}", hint=hint)
    if status != 404 and not 200 <= status < 300:
        raise SourceRefused(f"{where} answered {status}{_reason(response)}", hint="check the request's parameters")
    if status == 404:
        return
    start = response.content[:200].lstrip().lower()
    if start.startswith(b"<"):
        raise SourceBusy(
            f"{where} answered {status} with a web page instead of JSON",
            hint="a maintenance or login page; if it stays, check `url:`",
        )
    if b'"THROTTLED"' in response.content[:_HEAD]:
        # Of GraphQL: said with 200.
        raise SourceBusy(f"{where} has too much to do", hint="the vendor is busy; run again later", why="rate limited")
    try:
        msgspec.json.decode(response.content, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        raise SourceBusy(f"{where} answered {status} with broken JSON: {error}") from error


def wait_before_retry(error: Exception) -> bool | timedelta:
    """Return whether to try again after an error, or how long the source asked to wait."""
    if not isinstance(error, SourceError) or not error.retryable:
        return False
    if isinstance(error, SourceBusy) and error.wait is not None:
        return error.wait if error.wait <= LONGEST_WAIT else False
    return True


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Return how long a Retry-After header asks to wait: seconds or a date; None when it says neither."""
    if value is None:
        return None
    try:
        if value.strip().isdigit():
            return timedelta(seconds=int(value))
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(timedelta(0), at.replace(tzinfo=at.tzinfo or UTC) - now)


def is_same_host(one: str, other: str) -> bool:
    """Return whether two URLs have scheme, host and port in common; https for http is the same too."""
    a, b = httpx.URL(one), httpx.URL(other)
    if a.host != b.host:
        return False
    is_upgrade = (a.scheme, b.scheme) == ("https", "http") and a.port is None and b.port is None
    return is_upgrade or (a.scheme, a.port) == (b.scheme, b.port)


def _named(request: httpx.Request) -> str:
    """Return method, host and path: never the query, which may hold a key or an address."""
    return f"{request.method} {request.url.host}{request.url.path}"


def _reason(response: httpx.Response) -> str:
    """Return what a refusal says of itself, in short, when it is JSON of a usual shape."""
    try:
        said = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return ""
    for _ in range(3):
        if isinstance(said, list) and said:
            said = said[0]
        if isinstance(said, dict):
            said = next((said[k] for k in ("message", "detail", "error", "errors", "title") if k in said), None)
    return f": {said[:160]}" if isinstance(said, str) else ""
