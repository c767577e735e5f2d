"""Templates of this package, filled: what is not marked as markup is escaped, what is not there is an error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from regulars.web import number

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDERS = ("templates", "static")
"""Folders of this package with templates; the style sheet is one, for documents that carry it inside."""


def filled(template: str, **values: object) -> str:
    """Return a template with its values in place."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """Return where templates come from, and the words they have for numbers and times."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  only pages need it

    made = Environment(
        loader=ChoiceLoader([PackageLoader("regulars.web", folder) for folder in FOLDERS]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )
    made.filters |= {
        "count": number.count, "money": number.money, "seconds": number.seconds, "measured": number.measured,
        "percent": number.percent, "day": number.day, "moment": number.moment, "plain": number.plain,
    }
    return made
