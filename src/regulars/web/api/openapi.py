"""The OpenAPI document of the API, made from its table of routes and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib.metadata import version
from typing import Any, get_type_hints

import msgspec

from regulars.web.api.health import Health
from regulars.web.api.problem import MEDIA, Problem
from regulars.web.api.reading import IDEMPOTENCY_KEY
from regulars.web.api.route import ROOT, ApiRoute
from regulars.web.api.table import ROUTES

REASONS = {
    401: "No key, or one that opens nothing.", 403: "The key's scope is not enough.", 404: "There is no such thing.",
    409: "Another request is in the way or was begun and has no answer, or it was done before.",
    422: "A parameter or the body is not what the route takes.", 429: "The key asks more often than it may.",
    500: "Our own trouble.", 503: "The project or a store does not answer now.",
}
_REF = "#/components/schemas/{name}"
_PROBLEM = {"$ref": _REF.format(name="Problem")}


@cache
def document() -> Mapping[str, Any]:
    """Return the document, OpenAPI 3.1."""
    types = [Problem, Health, *(route.gives for route in ROUTES), *(route.body for route in ROUTES if route.body)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for route in ROUTES:
        if route.body is not None:           # what is not known is refused, so that a slip of the pen is not lost
            components[route.body.__name__]["additionalProperties"] = False
    by_type = dict(zip([str(each) for each in types], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(ROOT + route.path, {})[route.method.lower()] = _operation(route, by_type, is_csv=False)
        if route.is_list:
            paths[f"{ROOT}{route.path}.csv"] = {"get": _operation(route, by_type, is_csv=True)}
    paths[f"{ROOT}/health"] = {"get": {
        "operationId": "getHealth", "summary": "Whether the process answers; no key is needed.", "security": [],
        "responses": {"200": _answer("It does.", "application/json", by_type[str(Health)])},
    }}
    return {
        "openapi": "3.1.0", "info": {"title": "Regulars", "version": version("regulars")}, "paths": paths,
        "security": [{"key": []}],
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def statuses(route: ApiRoute) -> list[int]:
    """Return the statuses with which a route may refuse."""
    own = {422, 500, 503, *route.errors}
    own |= {401, 403, 429} if route.scope is not None else set()
    return sorted(own | ({409} if route.method == "POST" else set()))


def _operation(route: ApiRoute, by_type: Mapping[str, Any], *, is_csv: bool) -> dict[str, Any]:
    good = "201" if route.method == "POST" else "200"
    schema = by_type[str(route.gives)]
    found = _answer("Rows, a header first.", "text/csv", {"type": "string"}) if is_csv else _answer(
        route.sentence, "application/json", schema
    )
    if route.is_list and not is_csv:
        found["content"]["text/csv"] = {"schema": {"type": "string"}}
    said: dict[str, Any] = {
        "operationId": f"{route.name}Csv" if is_csv else route.name, "summary": route.sentence,
        "tags": [route.path.split("/")[1]], "parameters": _parameters(route), "responses": {good: found},
    }
    if route.method == "GET":
        said["responses"]["304"] = {"description": "You have it already (If-None-Match)."}
    for status in statuses(route):
        said["responses"][str(status)] = _answer(REASONS[status], MEDIA, _PROBLEM)
    if route.body is not None:
        body = {"application/json": {"schema": by_type[str(route.body)]}}
        said["requestBody"] = {"required": True, "content": body}
    return said if route.scope is not None else {**said, "security": []}


def _answer(description: str, media: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _parameters(route: ApiRoute) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.parameters
    ]
    hints = get_type_hints(route.query, include_extras=True)
    for each in fields(route.query):
        schema = msgspec.json.schema(hints[each.name])
        default = {} if each.default in {MISSING, None} else {"default": each.default}
        found.append({"name": each.name, "in": "query", "required": False, "schema": {**schema, **default}})
    if route.method == "POST":
        found.append({
            "name": "Idempotency-Key", "in": "header", "required": False,
            "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY, "maxLength": 200},
        })
    return found
