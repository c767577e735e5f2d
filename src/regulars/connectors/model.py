"""A language model over HTTP: one question, one answer of a given shape, and how many tokens it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from regulars.clock import Clock
from regulars.errors import SourceChanged, SourceRefused
from regulars.sources.rest_auth import Credentials, HeaderAuth
from regulars.sources.source import MemoryTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked."""

    instruction: str                         # the same for all texts
    text: str
    name: str                                # of the answer's shape: letters and underscores
    schema: Mapping[str, Any]                # JSON Schema that the answer follows
    most_tokens: int                         # of the answer, with what the model thinks before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model said."""

    text: str | None                         # None: it refused, or was cut short
    tokens: int | None                       # in and out; None: its server does not count


class Dialect(Protocol):
    """How a kind of server is spoken to."""

    @property
    def url(self) -> str:
        """Return where the vendor's own API is."""
        ...

    @property
    def path(self) -> str:
        """Return the path that takes questions, below the URL."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Return what every request carries."""
        ...

    def auth(self, key: str) -> HeaderAuth:
        """Return how a key is shown."""
        ...

    def body(self, question: Question, *, model: str) -> Mapping[str, object]:
        """Return the request's body."""
        ...

    def said(self, answer: bytes) -> Said:
        """Return what an answer says. Raises msgspec.DecodeError for another shape."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one server."""

    dialect: Dialect
    name: str
    clock: Clock
    url: str | None = None                   # None: the vendor's own
    key: str | None = field(default=None, repr=False)
    timeout: timedelta = timedelta(minutes=1)
    retries: int = 2                         # of an answer that was lost; each may cost as much again

    def ask(self, question: Question) -> Said:
        """Return what the model says.

        Raises SourceUnavailable when it does not answer, SourceRefused for a no, SourceChanged for an answer that is
        not of its API.
        """
        import httpx  # noqa: PLC0415  help must answer at once

        from regulars.sources.rest_call import Call, Caller  # noqa: PLC0415  the same

        url = (self.url or self.dialect.url).rstrip("/") + self.dialect.path
        auth = None if self.key is None else self.dialect.auth(self.key)
        with httpx.Client(timeout=self.timeout.total_seconds(), headers=dict(self.dialect.headers)) as client:
            credentials = Credentials(auth=auth, source=self.name, tokens=MemoryTokens())
            caller = Caller(
                source=self.name, client=client, credentials=credentials, clock=self.clock, retries=self.retries
            )
            body = self.dialect.body(question, model=self.name)
            answer = caller.call(Call(method="POST", url=url, body=body))
        if answer.status_code == 404:
            hint = "check `url` and `model` of [llm] in regulars.toml"
            raise SourceRefused(f"{self.name}: there is no such model, or nothing at {url}", hint=hint)
        try:
            return self.dialect.said(answer.content)
        except msgspec.DecodeError as error:
            said = f"{self.name}: the answer is not of this API: {error}"
            raise SourceChanged(said, hint="check `dialect` of [llm]") from error
