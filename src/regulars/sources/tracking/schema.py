"""A JSON Schema (draft 2020-12): checked when it is written, compiled once, and what breaks it in plain kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.sources.declared import Path

if TYPE_CHECKING:
    import jsonschema_rs

Schema = dict[str, Any] | bool
Kind = Literal["missing", "wrong_type", "unplanned_property", "invalid"]
"""What is wrong with a value: not there, of another type, not in the plan, or otherwise not as it should be."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_ONE = frozenset({
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
})
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})
_PLAIN = frozenset({
    "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "const", "contentEncoding",
    "contentMediaType", "default", "dependentRequired", "deprecated", "description", "enum", "examples",
    "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength", "maxProperties",
    "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern",
    "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
})
KEYWORDS = _ONE | _MANY | _NAMED | _PLAIN
"""Every word of the draft. A word beside them would be passed over in silence, so it is refused; `x-…` is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which a value is not as its schema says."""

    kind: Kind
    path: tuple[str | int, ...]              # keys and list positions, of what is wrong or missing


def read_schema(told: object, *, path: Path) -> Schema:
    """Return the schema of a part of a message, if it is one: an object, whether it says so or not.

    Raises DeclarationError with the path of what is wrong: a word that the draft has not, a value it does not allow,
    a pattern that looks around, a reference to what is not in it.
    """
    if not isinstance(told, dict | bool):
        raise DeclarationError(f"{told!r} is no JSON Schema", hint="{required: [total]}", path=path)
    for place, word in _strangers(told, path):
        raise DeclarationError(f"JSON Schema has no word {word!r}", hint=did_you_mean(word, KEYWORDS), path=place)
    schema = {"type": "object", **told} if isinstance(told, dict) else told
    _compiled(schema, path=path)
    return schema


def compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """Return what validates values by a schema that was read."""
    return _compiled(schema, path=())


def violations(
    value: object, validator: jsonschema_rs.Draft202012Validator, *, part: str
) -> list[Violation]:
    """Return all that is wrong with a value, each with its path behind the part it is of."""
    found: list[Violation] = []
    for error in validator.iter_errors(value):
        path, word, of = (part, *error.instance_path), error.kind.name, error.kind
        if word == "required":
            found.append(Violation(kind="missing", path=(*path, of.as_dict()["property"])))
        elif word in {"additionalProperties", "unevaluatedProperties"}:
            named = of.as_dict()["unexpected"]
            found += [Violation(kind="unplanned_property", path=(*path, name)) for name in named]
        else:
            found.append(Violation(kind="wrong_type" if word == "type" else "invalid", path=path))
    return found


def _compiled(schema: Schema, *, path: Path) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs  # noqa: PLC0415  a tenth of a second, only where there is a plan

    try:
        jsonschema_rs.meta.validate({"$schema": DRAFT, **schema} if isinstance(schema, dict) else schema)
        # What anybody may send is matched in linear time, and no schema is fetched from elsewhere.
        return jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, ignore_unknown_formats=False, offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except jsonschema_rs.ValidationError as error:
        place = (*path, *error.instance_path)
        message, hint = _in_words(error, schema)
        raise DeclarationError(message, hint=hint, path=place) from error
    except (ValueError, TypeError) as error:
        hint = "a date is text: write it in quotes"
        raise DeclarationError(f"this is no JSON Schema: {error}", hint=hint, path=path) from error


def _in_words(error: jsonschema_rs.ValidationError, schema: Schema) -> tuple[str, str]:
    place = list(error.instance_path)
    value: Any = schema
    for key in place:
        value = value[key]
    match place:
        case [*_, "type"]:
            types = "array, boolean, integer, null, number, object, string"
            hint = "write 'null' in quotes" if value is None or value == "" or None in _listed(value) else types
            return f"{value!r} is no type of JSON Schema", hint
        case [*_, "pattern"] | [*_, "patternProperties", _]:
            return f"the pattern {value!r} cannot be used", "a regular expression that does not look around"
        case [*_, "required"]:
            return f"`required` is a list of names, not {value!r}", "required: [total]; it stands beside `properties`"
        case _:
            return error.message, ""


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _strangers(schema: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every word of a schema and of those within it that means nothing."""
    if not isinstance(schema, Mapping):
        return
    for word, value in schema.items():
        place = (*path, word)
        if word in _ONE:
            yield from _strangers(value, place)
        elif word in _MANY and isinstance(value, list):
            for n, one in enumerate(value):
                yield from _strangers(one, (*place, n))
        elif word in _NAMED and isinstance(value, Mapping):
            for name, one in value.items():
                yield from _strangers(one, (*place, name))
        elif word not in KEYWORDS and not str(word).startswith("x-"):
            yield place, str(word)
