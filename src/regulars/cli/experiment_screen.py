"""What `regulars experiment report` prints: trust, then the verdict, then every answer with its interval drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from rich.markup import escape

from regulars.cli.screen import console, show_mapping, show_table
from regulars.web.answers import Row, Shown, aged, group_rows, lift, rows, week_rows
from regulars.web.experiment import about, axis_words, shares
from regulars.web.experiment_charts import early_days
from regulars.web.experiment_words import (
    CHECKS,
    GUARDED,
    STATES,
    VERDICTS,
    analysis,
    decided,
    hidden,
    must_not,
)
from regulars.web.interval import Axis, axis_of, characters
from regulars.web.number import MISSING, percent

COLOURS: Mapping[str, str] = {
    "passed": "green", "failed": "red", "not_yet": "dim", "not_trusted": "red", "stop": "red", "ship": "green",
    "keep_control": "green", "tripped": "red", "safe": "green",
}
"""Only beside a mark and a word that say the same."""

LATEST_DAYS = 7
WIDTH = 29
DRAWN = (" " * WIDTH, escape("lift [interval]"))
"""Heads of an interval and its words."""


def show_report(shown: Shown) -> None:
    """Print an experiment: nothing that the page would not say."""
    report, out = shown.report, console()
    out.print(f"[bold]{escape(report.title or report.experiment)}[/]", soft_wrap=True)
    out.print(escape(about(shown)) + "\n", soft_wrap=True)
    for check in report.checks:
        mark = _coloured(check.state, STATES[check.state], width=9)
        out.print(f"{mark} {CHECKS.get(check.name, check.name):<16} {escape(check.sentence)}", soft_wrap=True)
    verdict = report.verdict
    mark = _coloured(verdict.decision, VERDICTS[verdict.decision])
    out.print(f"\n{mark}: [bold]{escape(verdict.sentence)}[/]", soft_wrap=True)
    out.print(escape(verdict.advice) + "\n", soft_wrap=True)
    every = rows(shown)
    if why := hidden(report):
        out.print(escape(why) + "\n", soft_wrap=True)
    elif words := axis_words(every):
        out.print(escape(words) + "\n", soft_wrap=True)
    _answers(every)
    _groups(group_rows(shown))
    _days(shown)
    for each in report.aging:
        show_table(
            f"{each.variant} by week since exposure: {aged(each)}", ["week", "difference a unit [interval]"],
            [(week, escape(told)) for week, told in week_rows(each)], right=["week"],
        )
    show_table(
        "Units by variant", ["variant", "units", "share"], [(s.variant, s.units, s.words) for s in shares(shown)],
        right=["units"],
    )
    log = [(f"{d.at:%Y-%m-%d %H:%M}", escape(decided(d)), escape(d.by), escape(d.reason)) for d in shown.decisions]
    show_table("Decisions", ["when (UTC)", "what", "who", "why"], log)
    show_mapping("The question", {"hypothesis": escape(report.hypothesis or MISSING)})
    for sentence in analysis(shown.experiment, report):
        click.echo(f"  {sentence}")


def _answers(every: Sequence[Row]) -> None:
    axes = {
        name: axis_of(row.ends for row in every if row.ends is not None and row.axis == name)
        for name in {row.axis for row in every}
    }
    has_chance = any(row.answer is not None and row.answer.chance_to_win is not None for row in every)
    head = ["metric", "variant", "control", "variant's", *DRAWN]
    numbers = ["control", "variant's", "p", "chance to win"]
    show_table(
        "Metrics, what decides first", [*head, *(["chance to win"] if has_chance else []), "p", ""],
        [
            (*_cells(row, axes[row.axis]), *([_chance(row)] if has_chance else []), row.p,
             "differs" if row.is_significant else "")
            for row in every if row.guardrail is None
        ],
        right=numbers,
    )
    guarded = [
        (*_cells(row, axes[row.axis]), must_not(row.guardrail), _state(row))
        for row in every if row.guardrail is not None
    ]
    if guarded:
        show_table("Guardrails", [*head, "", "state"], guarded, right=numbers)


def _groups(every: Sequence[Row]) -> None:
    if not every:
        return
    axis = axis_of(row.ends for row in every if row.ends is not None)
    show_table(
        "By segment when exposed, corrected for all of them together",
        ["metric", "variant", "control", "variant's", *DRAWN, "p", ""],
        [(*_cells(row, axis), row.p, "differs" if row.is_significant else "") for row in every],
        right=["control", "variant's", "p"],
    )


def _cells(row: Row, axis: Axis) -> tuple[str, ...]:
    picture = "" if row.ends is None else characters(row.ends, axis, width=WIDTH)
    return row.metric, escape(row.variant), row.control_level, row.level, picture, escape(row.effect)


def _chance(row: Row) -> str:
    chance = None if row.answer is None else row.answer.chance_to_win
    return MISSING if chance is None else f"{percent(chance, sign='')} %"


def _state(row: Row) -> str:
    guarded = row.answer.guarded if row.answer else None
    if guarded is None:
        return MISSING
    mark, words = GUARDED[guarded]
    return _coloured(guarded, (mark, words.partition(":")[0]))


def _days(shown: Shown) -> None:
    """Print the latest days of what decides first; the page has all of them."""
    early = early_days(shown.report)
    latest = sorted({day.day for day in shown.report.days})[-LATEST_DAYS:]
    told = [day for day in shown.report.days if day.day in latest]
    ends = {
        (day.day, day.variant): (day.lift_low, day.lift, day.lift_high) for day in told
        if day.day not in early and day.lift is not None and day.lift_low is not None and day.lift_high is not None
    }
    axis = axis_of(ends.values())
    show_days = [
        (
            day.day, escape(day.variant), f"{day.units:,}",
            characters(found, axis, width=WIDTH) if (found := ends.get((day.day, day.variant))) else "",
            escape(lift(*found)) if found else "too early" if day.day in early else MISSING,
        )
        for day in told
    ]
    if show_days:
        metric = shown.experiment.primary[0].metric
        title = f"The latest {len(latest)} days of {metric}, each with everything until then"
        show_table(title, ["day", "variant", "units", *DRAWN], show_days, right=["units"])


def _coloured(state: str, mark: tuple[str, str], *, width: int = 0) -> str:
    told = f"{mark[0]} {mark[1]}".ljust(width)
    return f"[{COLOURS[state]}]{told}[/]" if state in COLOURS else told
