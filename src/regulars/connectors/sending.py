"""What connectors that send read alike: the options of a declaration, and answers in JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from regulars.destinations.sender import Answer, Deferred
from regulars.errors import DeclarationError
from regulars.sources.declared import no_strangers
from regulars.sources.reference import references
from regulars.sources.rest_call import retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One word of a sender's declaration."""

    example: str                             # what to write, said when it is missing or wrong
    is_required: bool = False
    default: str | None = None
    shape: str = ""                          # a pattern of what it may be; empty: anything


def read_options(data: Mapping[str, object], known: Mapping[str, Option]) -> dict[str, str | None]:
    """Return each option's value as it is declared: a `${NAME}` is put in when it is needed.

    Raises DeclarationError for one that is missing, that has another shape, or that means nothing here.
    """
    no_strangers(data, {"kind", *known}, path=())
    values: dict[str, str | None] = {}
    for key, option in known.items():
        value = option.default if data.get(key) is None else str(data[key])
        if value is None and option.is_required:
            hint = f"add `{key}: {option.example}`"
            raise DeclarationError(f"the option {key!r} is missing", hint=hint, path=(key,))
        if value is not None and not references(value) and not re.fullmatch(option.shape or ".*", value):
            raise DeclarationError(f"{value!r} is no {key!r}", hint=f"`{key}: {option.example}`", path=(key,))
        values[key] = value
    return values


def json_of(answer: Answer) -> Mapping[str, object]:
    """Return an answer's JSON object; empty where it is none."""
    try:
        read = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return read if isinstance(read, dict) else {}


def objects(value: object) -> list[Mapping[str, object]]:
    """Return the objects of a list out of JSON; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: object) -> datetime | None:
    """Return the moment that an ISO 8601 or an RFC 2822 text means, aware in UTC; None for none."""
    if not isinstance(value, str):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(value)
            return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def not_now(answer: Answer, reason: str) -> Deferred:
    """Return that a vendor did not take it now, with what it asked us to wait."""
    return Deferred(reason=reason, after=wait(answer))


def wait(answer: Answer) -> timedelta | None:
    """Return what an answer asks us to wait, by its own clock; None when it says nothing."""
    value = answer.headers.get("retry-after")
    at = moment(answer.headers.get("date"))
    if value is not None and not value.strip().isdigit() and at is None:
        return None
    return retry_after(value, now=at or datetime.min.replace(tzinfo=UTC))
