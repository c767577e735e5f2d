"""What a vendor accepts: the routes, parameters, bodies and headers in a connector's `contract.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from importlib.resources import files
from urllib.parse import parse_qsl

import msgspec
import yaml

from regulars.connectors.sandbox import Call
from regulars.testing.sandbox.schema import FORM, as_form, route_pattern, schema_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something in a request that the vendor would not take."""

    status: int                              # what the vendor answers
    message: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The routes of one vendor, their parameters and bodies, and the headers each request needs."""

    root: str
    routes: Mapping[str, Mapping[str, object]]         # `GET /v1/refunds` -> parameter: kind; and `body`: schema
    auth: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    @cache
    def of(connector: str) -> Contract:
        """Return the contract in a connector's folder."""
        text = (files(f"regulars.connectors.{connector}") / "contract.yaml").read_text(encoding="utf-8")
        data = yaml.safe_load(text)
        return Contract(root=data["root"], routes=data["routes"], auth=data["auth"], headers=data.get("headers", {}))

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Mapping[str, object]]]:
        return [(route_pattern(route), words or {}) for route, words in self.routes.items()]

    def violations(self, call: Call, headers: Mapping[str, str]) -> Iterator[Violation]:
        """Yield what is wrong with a request; header names are lower-case."""
        yield from self._headers_wrong(headers)
        words = next((words for route, words in self._patterns if route.fullmatch(f"{call.method} {call.path}")), None)
        if words is None:
            yield Violation(status=404, message=f"no route {call.method} {call.path}")
            return
        for name, values in call.params.items():
            if name not in words:
                yield Violation(status=400, message=f"{call.path} knows no parameter {name!r}")
            elif not all(_is(str(words[name]), value) for value in values):
                yield Violation(status=400, message=f"{name}={values[-1]!r} is not of kind {words[name]}")
        if call.body is not None and not {"body", "form"} & set(words):
            yield Violation(status=400, message=f"{call.path} takes no body")
        schema = words.get("body", words.get("form"))
        body = as_form(call.body, schema) if isinstance(schema, dict) and "form" in words else call.body
        for message in schema_faults(body, schema, root={}):
            yield Violation(status=400, message=message)

    def _headers_wrong(self, headers: Mapping[str, str]) -> Iterator[Violation]:
        given = headers.get(self.auth["header"].lower(), "")
        if not re.fullmatch(self.auth["like"], given):
            yield Violation(status=401, message=f"{self.auth['header']} is not like {self.auth['like']!r}")
        for name, like in self.headers.items():
            if not re.fullmatch(like, headers.get(name.lower(), "")):
                yield Violation(status=400, message=f"header {name} is not like {like!r}")


def _is(kind: str, value: str) -> bool:
    match kind:
        case "integer":
            return re.fullmatch(r"-?\d+", value) is not None
        case "time":
            try:
                datetime.fromisoformat(value)
            except ValueError:
                return False
            return True
        case _:
            return value != ""


def decoded(body: bytes, kind: str = "application/json") -> object:
    """Return a request's body, of a form its members as text; None for none.

    Raises msgspec.DecodeError for what is not JSON.
    """
    if kind.startswith(FORM):
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    return msgspec.json.decode(body) if body else None
