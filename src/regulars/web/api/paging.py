"""Cursors: where a page ended, as a text that clients hand back and do not read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from regulars.web.api.problem import RequestMeaningless
from regulars.web.api.route import Page
from regulars.web.api.sound import is_sound

Row = TypeVar("Row")
Place = TypeVar("Place")


def page_of(
    found: Sequence[Mapping[str, Any]], *, limit: int, row: Callable[[Mapping[str, Any]], Row],
    place: Callable[[Mapping[str, Any]], Any],
) -> Page[Row]:
    """Return a page of what was found, one more than the limit where there are more.

    Args:
        found: At most limit + 1 rows.
        limit: How many a page has.
        row: What is shown of a row.
        place: What tells where a page that ends with a row goes on.

    """
    shown = found[:limit]
    more = len(found) > limit
    return Page(items=[row(each) for each in shown], next=_written(place(shown[-1])) if more else None)


def place_in(cursor: str | None, kind: type[Place]) -> Place | None:
    """Return where a cursor goes on; None for none. Raises RequestMeaningless for a text that is none of this list."""
    if cursor is None:
        return None
    refusal = none_of_this_list()
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor.encode("ascii")), type=kind)
    except (UnicodeEncodeError, UnicodeDecodeError, Error, msgspec.DecodeError, RecursionError) as error:
        raise refusal from error
    if not is_sound(place):
        raise refusal
    return place


def named(place: str, *, of: str) -> str:
    """Return the cursor of a place in a list by whose name no other list takes it: many lists have places alike."""
    return f"{of}.{place}"


def unnamed(cursor: str, *, of: str) -> str:
    """Return the place of a cursor. Raises RequestMeaningless for one of another list."""
    name, _, place = cursor.partition(".")
    if name != of:
        raise none_of_this_list()
    return place


def aware(value: Any) -> Any:
    """Return a value of the lake for an answer: its moments are UTC without saying so."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def none_of_this_list() -> RequestMeaningless:
    """Return the refusal of a cursor that this list, or its order, did not give."""
    return RequestMeaningless("the cursor is none of this list", hint="take `next` of the page before")


def _written(place: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode("ascii")
