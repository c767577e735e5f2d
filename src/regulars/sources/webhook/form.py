"""Form bodies: their fields in order, their fields as an object, and the text that url signatures are made over."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1000
_DEEPEST = 6

Fields = list[tuple[str, str]]


def fields_of(text: bytes | str) -> Fields | None:
    """Return the fields of a form or a query in their order, empty ones too; None for what is none."""
    try:
        plain = text if isinstance(text, str) else text.decode()
        return parse_qsl(plain, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return None


def as_object(fields: Fields) -> dict[str, Any]:
    """Return fields as an object: `data[merges][FNAME]` lies in three; of a name that comes twice the first counts."""
    found: dict[str, Any] = {}
    for name, value in fields:
        first, *rest = re.findall(r"[^\[\]]+", name) or [name]
        path, inner = [first, *rest[:_DEEPEST]], found
        for part in path[:-1]:
            step = inner.setdefault(part, {})
            if not isinstance(step, dict):   # a plain field has the name already: it stays
                break
            inner = step
        else:
            inner.setdefault(path[-1], value)
    return found


def signed_form(url: str, fields: Fields, *, keys: Sequence[bytes], hashed: str) -> list[str]:
    """Return, of each key, the signature of a url with form fields behind it, in base 64.

    Behind the url stands each name with its value, sorted, the same pair once.
    """
    text = (url + "".join(name + value for name, value in sorted(set(fields)))).encode(errors="replace")
    return [b64encode(hmac.digest(key, text, hashed)).decode() for key in keys]


def is_form(headers: Mapping[str, str]) -> bool:
    """Return whether a body says it is a form."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
