"""What a request says, read as what its route takes: unknown names and wrong types are refused, not guessed at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from uuid import uuid4

import msgspec
from starlette.datastructures import QueryParams

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.web.api.problem import RequestInvalid, RequestMeaningless
from regulars.web.api.sound import is_sound
from regulars.web.body import UnreadableBody, json_of

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")

IDEMPOTENCY_KEY = r"^[\x21-\x7e]{1,200}$"
"""What an Idempotency-Key looks like."""


def path_of(said: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a path names. Raises NotFound for names that nothing has."""
    if not is_sound(said):
        raise NotFound("nothing has such a name")
    return said


def query_of(said: QueryParams, kind: type) -> object:
    """Return the parameters of a request as a route's type. Raises RequestInvalid."""
    twice = sorted({name for name, _ in said.multi_items() if len(said.getlist(name)) > 1})
    if twice:
        raise RequestInvalid(f"{twice[0]!r} stands there twice")
    return _as(dict(said), kind, strict=False)


def body_of(raw: bytes, kind: type | None) -> object:
    """Return the body of a request as a route's type; None where it takes none. Raises RequestInvalid."""
    if kind is None:
        return None
    try:
        said = json_of(raw)
    except UnreadableBody as error:
        raise RequestInvalid(str(error)) from error
    return _as(said, kind, strict=True)


def request_id_of(said: str | None) -> str:
    """Return the id a client gave its request, or one of our own; it stands in logs, so it may say nothing else."""
    return said if said and _REQUEST_ID.fullmatch(said) else uuid4().hex


def idempotency_key_of(said: str | None) -> str | None:
    """Return the Idempotency-Key; None for none. Raises RequestInvalid for what is none."""
    if said is not None and not re.fullmatch(IDEMPOTENCY_KEY, said):
        raise RequestInvalid("an Idempotency-Key has 1 to 200 printable characters and no spaces")
    return said


def _as(said: object, kind: type, *, strict: bool) -> object:
    if isinstance(said, Mapping):
        known = [each.name for each in fields(kind)]
        for name in said:
            if name not in known:
                raise RequestInvalid(f"there is no {name!r} here", hint=did_you_mean(str(name), known) if known else "")
    try:
        found: object = msgspec.convert(said, type=kind, strict=strict)
    except msgspec.ValidationError as error:
        raise RequestInvalid(str(error)) from error
    if not is_sound(found):
        raise RequestMeaningless("no store keeps such a text, number or day")
    return found
