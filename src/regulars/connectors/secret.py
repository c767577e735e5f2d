"""A key as it is declared: looked up when it is needed, so that a project can be checked without its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from regulars.sources.declared import resolve_environment
from regulars.sources.source import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What a declaration says of a key: `${SENDGRID_KEY}`."""

    written: str = field(repr=False)
    at: Surroundings = field(repr=False)
    whose: str                               # destination, for the error


def revealed(key: str | Secret) -> str:
    """Return the key itself. Raises SourceRefused, with what to export, when the environment does not have it."""
    if isinstance(key, str):
        return key
    return str(resolve_environment(key.written, key.at, source=key.whose))
