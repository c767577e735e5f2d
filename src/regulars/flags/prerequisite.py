"""Whether flags that ask about each other can be answered: each is there, and none asks for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.flags.declare import Flag


def prerequisite_errors(flags: Iterable[Flag], *, declared: frozenset[str]) -> Iterator[tuple[Flag, DeclarationError]]:
    """Yield the flags that ask about one that is not there, or about themselves on some way, each with its error.

    `declared` are the names of all flags, of those with a problem too.
    """
    flags = list(flags)
    asks = {flag.name: flag.requires for flag in flags}
    for flag in flags:
        for n, rule in enumerate(flag.feature.rules or ()):
            for parent in rule.parent_conditions or ():
                path = ("rules", n, "requires", parent.id)
                if parent.id not in declared:
                    hint = did_you_mean(parent.id, declared)
                    yield flag, DeclarationError(f"there is no flag {parent.id!r}", hint=hint, path=path)
                elif flag.name in _reached(parent.id, asks):
                    hint = "one of them has to decide without `requires:`"
                    other = "itself" if parent.id == flag.name else f"{parent.id}, and that about it"
                    message = f"{flag.name} asks about {other}"
                    yield flag, DeclarationError(message, hint=hint, path=path)


def _reached(name: str, asks: dict[str, tuple[str, ...]]) -> set[str]:
    """Return a flag and all that are asked about on the way to its answer."""
    reached, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += asks.get(current, ())
    return reached
