"""A route as a value: what it is called, who may ask, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from regulars.pipeline.workspace import Workspace
from regulars.storage.book.api_keys import ApiKey, Scope

ROOT = "/api/v1"

Row = TypeVar("Row")
Limit = Annotated[int, msgspec.Meta(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str, msgspec.Meta(max_length=500, description="`next` of the page before.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Some of a list, and where to go on."""

    items: list[Row]
    next: str | None = None                  # the `cursor` of the next page; null: there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A route that takes no parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, read and let in."""

    workspace: Workspace
    key: ApiKey
    path: Mapping[str, str]
    query: Any                               # of the route's `query`
    body: Any                                # of the route's `body`


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a request changed, for the audit; `before` and `after` are put there as digests."""

    what: str
    subject: str
    before: object | None
    after: object | None
    answer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
    """One thing that can be asked."""

    name: str                                # stable: the operation in the OpenAPI document
    path: str                                # below ROOT: `/customers/{customer_id}`
    sentence: str
    answer: Callable[[Ask], Any]             # gives `gives`, or of a POST a Change with it
    gives: Any                               # type of the answer; a Page has a CSV twin
    scope: Scope | None = "read"             # None: no key is needed
    method: Literal["GET", "POST"] = "GET"
    query: type = Nothing
    body: type | None = None
    errors: tuple[int, ...] = ()             # statuses of its own, beyond those every route has

    @property
    def is_list(self) -> bool:
        """Return whether it gives rows."""
        return getattr(self.gives, "__origin__", None) is Page

    @property
    def parameters(self) -> list[str]:
        """Return the names in its path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
