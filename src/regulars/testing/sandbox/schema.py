"""Values checked against JSON schemas, and requests against a vendor's own OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from regulars.connectors.sandbox import Call

FORM = "application/x-www-form-urlencoded"
_DEEP = re.compile(r"^(\w+)\[(\w*)\]$")
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)
}


def openapi_faults(call: Call, spec: Mapping[str, object]) -> Iterator[str]:
    """Yield what the vendor's own OpenAPI document forbids in a request; nothing for a path that it does not have."""
    operation = operation_of(spec, call.method, call.path)
    if operation is None:
        return
    parameters = [_whole(parameter, spec) for parameter in _mappings(operation.get("parameters"))]
    known = {str(p["name"]): p for p in parameters if p.get("in") == "query"}
    for name, values in call.params.items():
        deep = None if name in known else _DEEP.match(name)
        parameter = known.get(name) or known.get(deep[1] if deep else "")
        if parameter is None:
            yield f"{call.path} knows no parameter {name!r}"
            continue
        for value in values:
            is_list = _mapping(parameter.get("schema")).get("type") == "array" and deep is None
            readings = [[text] if is_list else _told(deep, text) for text in _readings(value)]
            wrong = [list(schema_faults(told, parameter.get("schema"), root=spec, where=name)) for told in readings]
            yield from wrong[0] if all(wrong) else []
    body = operation.get("requestBody")
    if call.body is not None and isinstance(body, Mapping):
        contents = _whole(body, spec)["content"]
        assert isinstance(contents, Mapping)
        schema = next((content.get("schema") for kind, content in contents.items() if kind.endswith("json")), None)
        yield from schema_faults(call.body, schema, root=spec)
        if FORM in contents:
            yield from schema_faults(as_form(call.body, contents[FORM]["schema"]), contents[FORM]["schema"], root=spec)


def operation_of(spec: Mapping[str, object], method: str, path: str) -> Mapping[str, object] | None:
    """Return the operation of an OpenAPI document for a method and a path; None when it has none."""
    paths = spec["paths"]
    assert isinstance(paths, Mapping)
    for template, methods in paths.items():
        if method.lower() in methods and route_pattern(f"{method} {template}").fullmatch(f"{method} {path}"):
            found = methods[method.lower()]
            return found if isinstance(found, Mapping) else None
    return None


def schema_faults(value: object, schema: object, *, root: Mapping[str, object], where: str = "body") -> Iterator[str]:
    """Yield where a value is not what a JSON schema says: type, required, properties, items, enum, anyOf, $ref."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        schema = _referred(str(schema["$ref"]), root)
    if "anyOf" in schema:
        options = [list(schema_faults(value, option, root=root, where=where)) for option in schema["anyOf"]]
        yield from options[0][:1] if all(options) else []
        return
    if not _is_of_type(value, schema.get("type")):
        yield f"{where} is {value!r}, not of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum']}"
    yield from _bounds_broken(value, schema, where=where)
    match value:
        case dict():
            yield from _member_faults(value, schema, root=root, where=where)
        case list():
            for inner in value:
                yield from schema_faults(inner, schema.get("items"), root=root, where=f"{where}[]")


def _bounds_broken(value: object, schema: dict[str, Any], *, where: str) -> Iterator[str]:
    """Yield how a text or a list is too long or too short, and where a text has the wrong shape."""
    if not isinstance(value, str | list):
        return
    least, most = ("minItems", "maxItems") if isinstance(value, list) else ("minLength", "maxLength")
    if not schema.get(least, 0) <= len(value) <= schema.get(most, len(value)):
        yield f"{where} is {len(value)} long, not {schema.get(least, 0)} to {schema.get(most, 'any length')}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{where} is {value[:40]!r}, not like {schema['pattern']}"


def _is_of_type(value: object, kind: object) -> bool:
    if not isinstance(kind, str) or kind not in _JSON_TYPES:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _JSON_TYPES[kind])


def _member_faults(
    value: dict[str, object], schema: dict[str, Any], *, root: Mapping[str, object], where: str
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where} lacks {name!r}"
    for name, inner in value.items():
        if name in properties:
            yield from schema_faults(inner, properties[name], root=root, where=f"{where}.{name}")
        elif properties:
            yield f"{where} knows no {name!r}"


def _referred(reference: str, root: Mapping[str, object]) -> dict[str, Any]:
    found: object = root
    for part in reference.removeprefix("#/").split("/"):
        assert isinstance(found, Mapping)
        found = found[part]
    assert isinstance(found, dict)
    return found


def route_pattern(route: str) -> re.Pattern[str]:
    """Return a pattern for `GET /customers/{id}/`."""
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in _parts(route)))


def _parts(route: str) -> list[str]:
    return re.split(r"(\{\w+\})", route)


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []



def _whole(value: Mapping[str, object], root: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a reference stands for, or the value itself."""
    return _referred(str(value["$ref"]), root) if "$ref" in value else value


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def as_form(body: object, schema: Mapping[str, Any]) -> object:
    """Return a form's members as what they are by the schema: a text that writes a number, a list of one."""
    if not isinstance(body, dict):
        return body
    kinds = {name: inner.get("type") for name, inner in schema.get("properties", {}).items()}
    return {name: _of_kind(str(value), kinds.get(name)) for name, value in body.items()}


def _of_kind(text: str, kind: object) -> object:
    match kind:
        case "integer":
            return _readings(text)[-1]
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "array":
            return [text]
        case _:
            return text


def _told(deep: re.Match[str] | None, value: object) -> object:
    """Return what a parameter's brackets mean: `expand[]` a list, `created[gte]` a member of an object."""
    if deep is None:
        return value
    return {deep[2]: value} if deep[2] else [value]


def _readings(value: str) -> list[object]:
    """Return what a query's text may be: the text, the truth, and the number that it writes."""
    truth = {"true": True, "false": False}
    whole = [int(value)] if re.fullmatch(r"-?\d+", value) else []
    return [value, *([truth[value]] if value in truth else []), *whole]
