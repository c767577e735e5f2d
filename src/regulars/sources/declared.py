"""What every kind of source reads alike in its declaration: mappings, strangers, streams, `${NAME}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from regulars.check import did_you_mean
from regulars.errors import DeclarationError, SourceRefused
from regulars.records.record import Stream, declare_stream
from regulars.sources.reference import replace_references

if TYPE_CHECKING:
    from regulars.sources.source import Surroundings

Path = tuple[str | int, ...]


def as_mapping(value: object, *, path: Path) -> Mapping[str, object]:
    """Return a mapping with text keys. Raises DeclarationError for anything else."""
    if not isinstance(value, Mapping):
        raise DeclarationError(f"expected `name: value` lines, not {value!r}", path=path)
    return {str(name): item for name, item in value.items()}


def no_strangers(data: Mapping[str, object], known: set[str], *, path: Path) -> None:
    """Raise DeclarationError for the first key that means nothing here."""
    for name in data:
        if name not in known:
            raise DeclarationError(f"{name!r} means nothing here", hint=did_you_mean(name, known), path=(*path, name))


def declare_within(source: str, name: str, data: Mapping[str, object]) -> Stream:
    """Return a stream of a source's declaration. Raises DeclarationError with the path from the source's top."""
    try:
        return declare_stream(source, name, data)
    except DeclarationError as error:
        path = ("streams", name, *error.path)
        raise DeclarationError(error.message, hint=error.hint, path=path) from error


def resolve_environment(value: object, at: Surroundings, *, source: str) -> object:
    """Return the value with each `${NAME}` taken from the environment.

    Raises SourceRefused when one is not set: late, so that a project can be checked without its secrets.
    """

    def look_up(name: str) -> str:
        if name not in at.environment:
            raise SourceRefused(f"{source}: ${{{name}}} is not set", hint=f"export {name}=…")
        return at.environment[name]

    return replace_references(value, look_up)
