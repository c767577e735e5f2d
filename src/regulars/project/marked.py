"""YAML that remembers on which line everything stands, and takes words for words.

Unlike YAML 1.1, `yes`, `no`, `on` and `off` are text, and `10:30` is not a number of seconds: declarations are read by
people. A key that comes twice is an error, not the last one wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from regulars.errors import DeclarationError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a YAML file says, and on which line it says each part."""

    data: Mapping[str, object]
    lines: Mapping[Path, int]                # from 1; a mapping's entry is on the line of its key

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part above it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_marked(text: str) -> Marked:
    """Read a YAML mapping.

    Raises MarkedError with the line of what is no YAML, of a key that comes twice, and when there is no mapping.
    """
    try:
        node = yaml.compose(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 1
        raise MarkedError(f"this is no YAML: {message}", line=line, hint="check the indentation and quotes") from error
    except yaml.YAMLError as error:
        raise MarkedError(f"this is no YAML: {error}", line=1, hint="write it as UTF-8 text") from error
    if node is None:
        return Marked(data={}, lines={})
    if not isinstance(node, yaml.MappingNode):
        raise MarkedError("this is no list of `name: value` lines", line=1, hint="begin with a key and a colon")
    lines: dict[Path, int] = {}
    data = _Reader(lines=lines).value(node, ())
    assert isinstance(data, dict)
    return Marked(data=data, lines=lines)


def as_yaml(data: Mapping[str, object]) -> str:
    """Return a mapping as YAML that `read_marked` reads back as it was, keys in their order."""
    return str(yaml.dump(
        data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    ))


class MarkedError(DeclarationError):
    """A YAML file cannot be read; says on which line."""

    def __init__(self, message: str, *, line: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # ten times as fast where built
    """Numbers, dates, true, false and null as in YAML 1.2; everything else is text."""


class _PlainDumper(yaml.SafeDumper):
    """Quotes what the loader would take for anything but text, and repeats what came twice."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the parent's signature
        return True


_PlainLoader.yaml_implicit_resolvers = {}
_PlainDumper.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
):
    for _either in (_PlainLoader, _PlainDumper):
        _either.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True)
class _Reader:
    lines: dict[Path, int]

    def value(self, node: yaml.Node, path: Path) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
            case _:
                return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            key, line = str(_scalar(key_node)), key_node.start_mark.line + 1
            if key in data:
                first = self.lines[*path, key]
                raise MarkedError(f"{key!r} stands here twice", line=line, hint=f"the other one is on line {first}")
            self.lines[*path, key] = line
            data[key] = self.value(value_node, (*path, key))
        return data


def _scalar(node: yaml.Node) -> object:
    if not isinstance(node, yaml.ScalarNode):
        raise MarkedError("a key is one word", line=node.start_mark.line + 1, hint="write `name: value`")
    # "0123" keeps its zero: whoever writes one means a code, not a number of base eight.
    if node.tag.endswith(":int") and re.match(r"^[-+]?0[0-9]", node.value):
        return node.value
    reader: Any = _PlainLoader("")
    try:
        return reader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        hint = "write it in quotes"
        raise MarkedError(f"{node.value!r} cannot be read", line=node.start_mark.line + 1, hint=hint) from error
