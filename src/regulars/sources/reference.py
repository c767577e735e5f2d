"""`${NAME}` inside declarations: options of a connector and the environment, put in late and told by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def replace_references(value: object, look_up: Callable[[str], object]) -> object:
    """Return the value with every `${name}` in it replaced.

    A text that is nothing but one reference becomes the value itself (a list stays a list); inside a longer text the
    value is written out. `look_up` may raise, or return None to leave a reference as it stands.
    """
    match value:
        case str():
            whole = _REFERENCE.fullmatch(value)
            if whole:
                found = look_up(whole[1])
                return value if found is None else found
            return _REFERENCE.sub(lambda m: m[0] if (found := look_up(m[1])) is None else str(found), value)
        case Mapping():
            return {name: replace_references(item, look_up) for name, item in value.items()}
        case list():
            return [replace_references(item, look_up) for item in value]
        case _:
            return value


def references(value: object) -> frozenset[str]:
    """Return the names that a declaration refers to, wherever they stand in it."""
    names: set[str] = set()

    def note(name: str) -> None:
        names.add(name)

    replace_references(value, note)
    return frozenset(names)
