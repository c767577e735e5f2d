"""The report as a value and as one page: a sentence first, then numbers, pictures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regulars.web.chart import Chart
from regulars.web.templated import filled

STATES = {"ok": "✓", "warning": "◆", "failed": "▲", "skipped": "○"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number with its name and what it rests on."""

    label: str
    value: str  # with unit; "—" when missing
    note: str = ""  # sample, age, or why it is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under named columns; says what will appear when there are none."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    numeric: frozenset[int] = frozenset()  # positions of columns set to the right
    empty: str = "Nothing yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One question the report answers."""

    title: str
    sentence: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the page shows; the template adds nothing."""

    business: str
    timezone: str
    as_of: str
    headline: str
    numbers: tuple[Number, ...]
    sections: tuple[Section, ...]
    version: str


def render(report: Report) -> str:
    """Return the report as one self-contained page: no script, no font, no picture from elsewhere."""
    return filled("report.html", report=report, states=STATES)


def write(report: Report, to: Path) -> Path:
    """Write the page of a report; see `put`."""
    return put(render(report), to)


def put(page: str, to: Path) -> Path:
    """Write a page beside the old one, then in its place, so that nobody sees half a page."""
    to.parent.mkdir(parents=True, exist_ok=True)
    half = to.with_suffix(".half")
    half.write_text(page, encoding="utf-8")
    return half.replace(to)
