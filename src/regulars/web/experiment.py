"""The page of an experiment: can it be trusted, what does it say and what is to be done, then every number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

from regulars.pipeline.experiment import decisions, experiment_named, experiment_report
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.web.answers import Row, Shown, aged, group_rows, rows, week_rows
from regulars.web.chart import Chart
from regulars.web.experiment_charts import course, no_course
from regulars.web.experiment_words import (
    CHECKS,
    GUARDED,
    ROLES,
    STATES,
    VERDICTS,
    analysis,
    decided,
    hidden,
    must_not,
)
from regulars.web.interval import axis_of, svg
from regulars.web.number import THIN, percent
from regulars.web.templated import filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a table with its picture; `picture` is markup made here, empty where there is nothing to draw."""

    row: Row
    role: str
    picture: str
    claim: str = ""                          # of a guardrail
    state: tuple[str, str] | None = None     # mark and words


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many units a variant has, beside what its weight asks for; shares in percent of all units."""

    variant: str
    is_control: bool
    units: str
    share: float
    weight: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPage:
    """Everything the page shows; the template adds nothing."""

    name: str
    title: str
    about: str
    hypothesis: str
    checks: tuple[tuple[str, str, str, str, str], ...]       # state, mark, its word, name, sentence
    hidden: str | None
    decision: str
    verdict: tuple[str, str]
    sentence: str
    advice: str
    axis: str
    lines: tuple[Line, ...]
    guardrails: tuple[Line, ...]
    groups: tuple[Line, ...]
    aging: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]  # variant, what becomes of it, (week, difference)
    has_chance: bool
    course: tuple[Chart, ...]
    no_course: str
    shares: tuple[Share, ...]
    log: tuple[tuple[str, str, str, str], ...]
    analysis: tuple[str, ...]
    business: str
    as_of: str
    timezone: str
    program: str                             # version of Regulars


def gather(workspace: Workspace, name: str) -> Shown:
    """Return what an experiment says as of now, with its log. Raises NotFound while nobody is in it."""
    return Shown(
        report=experiment_report(workspace, name), experiment=experiment_named(workspace, name),
        decisions=tuple(decisions(workspace, name)),
        units={metric.name: metric.unit for metric in workspace.project.metrics},
        currency=workspace.project.config.business.currency,
    )


def page_of(workspace: Workspace, shown: Shown) -> ExperimentPage:
    """Return the page of an experiment of a project, as of now."""
    business = workspace.project.config.business
    as_of = f"{as_of_now(workspace).at.astimezone(business.zone):%a %-d %b %Y, %H:%M}"
    return experiment_page(
        shown, business=business.name, as_of=as_of, timezone=business.timezone, program=version("regulars")
    )


def experiment_page(shown: Shown, *, business: str, as_of: str, timezone: str, program: str) -> ExperimentPage:
    """Return the page of an experiment, as of the moment its report was made."""
    report, declared = shown.report, shown.experiment
    every = rows(shown)
    charts = tuple(course(shown).values())
    return ExperimentPage(
        name=report.experiment, title=report.title or report.experiment, about=about(shown),
        hypothesis=report.hypothesis,
        checks=tuple(
            (each.state, *STATES[each.state], CHECKS.get(each.name, each.name), each.sentence) for each in report.checks
        ),
        hidden=hidden(report), decision=report.verdict.decision, verdict=VERDICTS[report.verdict.decision],
        sentence=report.verdict.sentence, advice=report.verdict.advice, axis=axis_words(every),
        lines=tuple(line for line in _lines(every) if line.row.guardrail is None),
        guardrails=tuple(line for line in _lines(every) if line.row.guardrail is not None),
        groups=tuple(_lines(group_rows(shown))),
        aging=tuple((each.variant, aged(each), tuple(week_rows(each))) for each in report.aging),
        has_chance=any(row.answer is not None and row.answer.chance_to_win is not None for row in every),
        course=charts, no_course="" if charts else no_course(shown), shares=shares(shown),
        log=tuple((f"{d.at:%Y-%m-%d %H:%M}", decided(d), d.by, d.reason) for d in shown.decisions),
        analysis=analysis(declared, report), business=business, as_of=as_of, timezone=timezone, program=program,
    )


def render(page: ExperimentPage) -> str:
    """Return the page as one self-contained document: no script, no font, no picture from elsewhere."""
    return filled("experiment.html", page=page)


def about(shown: Shown) -> str:
    """Return what is compared, who is in it and for how long, in one line."""
    report = shown.report
    days = (report.last_day - report.first_day).days + 1
    others = ", ".join(name for name in report.variants if name != report.control)
    units = sum(report.units.values())
    who = f" of {shown.experiment.audience}" if shown.experiment.audience else ""
    state = "over" if report.is_over else f"day {days:,}"
    return (
        f"{others} against {report.control} · {units:,} of {report.planned:,} planned {report.unit} units{who} · "
        f"{report.first_day} to {report.last_day}, {state}"
    )


def axis_words(every: Iterable[Row]) -> str:
    """Return what the pictures of lifts share, in words; empty where there are none."""
    ends = [row.ends for row in every if row.ends is not None and row.axis == "lift"]
    if not ends:
        return ""
    axis = axis_of(ends)
    return (
        f"All lifts are on one axis from {percent(axis.low)} to {percent(axis.high)}{THIN}%; the upright line is zero, "
        "an arrow goes on beyond the axis."
    )


def shares(shown: Shown) -> tuple[Share, ...]:
    """Return how the units are split, and how the weights would have them."""
    report = shown.report
    total = sum(report.units.values())
    weights = dict(report.shares or {each.name: float(each.weight) for each in shown.experiment.variants})
    whole = sum(weights.values())
    found = []
    for name in report.variants:
        share, weight = report.units[name] / total if total else 0.0, weights[name] / whole
        of_new = "weight" if report.shares is None else "of new ones"
        words = f"{percent(share, sign='')}{THIN}% of units, {of_new} {percent(weight, sign='')}{THIN}%"
        found.append(Share(
            variant=name, is_control=name == report.control, units=f"{report.units[name]:,}",
            share=round(100 * share, 2), weight=round(100 * weight, 2), words=words,
        ))
    return tuple(found)


def _lines(every: tuple[Row, ...]) -> list[Line]:
    axes = {
        name: axis_of(row.ends for row in every if row.ends is not None and row.axis == name)
        for name in {row.axis for row in every}
    }
    lines = []
    for row in every:
        picture = "" if row.ends is None else svg(
            row.ends, axes[row.axis], sentence=row.effect, is_sure=row.is_significant, margins=_margins(row)
        )
        guarded = row.answer.guarded if row.answer else None
        lines.append(Line(
            row=row, role=ROLES[row.role], picture=picture,
            claim=must_not(row.guardrail) if row.guardrail else "", state=GUARDED[guarded] if guarded else None,
        ))
    return lines


def _margins(row: Row) -> list[float]:
    """Return where a guardrail's margin lies on the axis of lifts."""
    if row.guardrail is None or row.axis != "lift":
        return []
    margin = float(row.guardrail.margin)
    match row.guardrail.must_not:
        case "fall":
            return [-margin]
        case "rise":
            return [margin]
        case "move":
            return [-margin, margin]
