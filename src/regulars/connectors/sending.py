"""What connectors that send read alike: the options of a declaration, and answers in JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from regulars.check import did_you_mean
from regulars.destinations.sender import Answer, Deferred, Limits
from regulars.errors import DeclarationError, SourceRefused
from regulars.sources.reference import references, replace_references
from regulars.sources.rest import rate
from regulars.sources.rest_call import retry_after
from regulars.sources.rest_request import seconds
from regulars.sources.source import Surroundings

NUMBER = re.compile(r"\+[1-9]\d{6,14}")
"""E.164."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One word of a sender's declaration."""

    example: str                             # what to write, said when it is missing
    is_required: bool = False
    default: object = None


def read_options(
    data: Mapping[str, object], known: Mapping[str, Option], *, at: Surroundings
) -> dict[str, object]:
    """Return each option's value, with what the environment has of its `${NAME}`.

    Raises DeclarationError for one that is missing or that means nothing here.
    """
    allowed = {"kind", "url", "rate", "timeout", *known}
    for key in data:
        if key not in allowed:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, allowed), path=(key,))
    for key, option in known.items():
        if option.is_required and data.get(key) is None:
            hint = f"add `{key}: {option.example}`"
            raise DeclarationError(f"the option {key!r} is missing", hint=hint, path=(key,))
    values = {key: option.default if data.get(key) is None else data[key] for key, option in known.items()}
    filled = replace_references(values | {"url": data.get("url")}, at.environment.get)
    assert isinstance(filled, dict)
    return filled


def read_limits(data: Mapping[str, object], *, per_second: float, at_once: int = 10) -> Limits:
    """Return how a vendor wants to be spoken to: a declaration's `rate` and `timeout`, or what is usual.

    Raises DeclarationError.
    """
    wished = rate(data["rate"], path=("rate",)) if "rate" in data else per_second
    timeout = seconds(data.get("timeout", "30 seconds"), path=("timeout",))
    return Limits(per_second=wished or math.inf, at_once=at_once, batch=1, timeout=timeout)


def secret(value: str, *, sender: str) -> str:
    """Return a key. Raises SourceRefused when it stands in a variable that is not set.

    Late, so that a project can be checked without its secrets.
    """
    for name in sorted(references(value)):
        raise SourceRefused(f"{sender}: ${{{name}}} is not set", hint=f"export {name}=…")
    return value


def as_number(value: object, *, path: tuple[str | int, ...]) -> str:
    """Return a telephone number in E.164. Raises DeclarationError."""
    text = str(value)
    if not NUMBER.fullmatch(text):
        raise DeclarationError(
            f"{text!r} is not a number with its country code", hint='write it in quotes: "+12545550100"', path=path
        )
    return text


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
