"""Flags: which there are, and which experiments decide them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regulars.flags.declare import Flag
from regulars.web.api.route import ApiRoute, Ask, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagLine:
    """A declared flag; which value somebody gets is asked of `/ofrep/v1`."""

    flag: str
    title: str
    description: str
    type: str                                # boolean, string, integer, number or object
    default: Any                             # for whom no rule applies; null: the code's own
    rules: int
    experiments: list[str]                   # in the order of the rules
    requires: list[str]                      # flags that its rules ask about


def flags(ask: Ask) -> Page[FlagLine]:
    """Return every declared flag."""
    return Page(items=[_line(each) for each in sorted(ask.workspace.project.flags, key=lambda flag: flag.name)])


def _line(flag: Flag) -> FlagLine:
    rules = flag.feature.rules or []
    return FlagLine(
        flag=flag.name, title=flag.title, description=flag.description, type=flag.type,
        default=flag.feature.default_value, rules=len(rules), requires=list(flag.requires),
        experiments=[rule.key or flag.name for rule in rules if rule.variations],
    )


ROUTES = (
    ApiRoute(
        name="listFlags", path="/flags", answer=flags, gives=Page[FlagLine],
        sentence="Every declared flag, and which experiments decide it.",
    ),
)
