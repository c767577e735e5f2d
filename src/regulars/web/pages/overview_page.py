"""The overview: what happened since yesterday, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from regulars.check import Finding
from regulars.errors import NotFound
from regulars.metrics.metric import Metric, Unit
from regulars.pipeline.experiment import experiment_list
from regulars.pipeline.inspect import last_findings
from regulars.pipeline.measure import metrics_by_day
from regulars.pipeline.segment import segment_counts, segment_moves
from regulars.storage.book import Book
from regulars.storage.book.runs import RunRow
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.chart import Chart, bars_by_day
from regulars.web.pages.page import DashboardPage, Visit

DAYS = 28
"""Days of a small line; the large chart has twice as many."""

WEEKS_BEFORE = 4
"""Same weekdays that a day is compared with."""

SHOWN_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which metric the large chart shows."""

    metric: str | None = None                # None: the one with most behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNow:
    """A metric on the last day that is over."""

    metric: str
    title: str
    unit: Unit
    definition: str
    value: float | None                      # of money: minor units
    usual: float | None                      # mean of the same weekday in the four weeks before
    change: float | None                     # against the usual, of 1
    sample: int                              # rows behind the value
    days: tuple[float | None, ...]           # the last 28, the day itself last


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentNow:
    """A segment, and who came and went since yesterday."""

    segment: str
    title: str
    members: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that waits for a person."""

    state: str                               # failed or warning
    words: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentNow:
    """An experiment that runs."""

    experiment: str
    title: str
    units: int
    day: int                                 # from 1
    days: int | None                         # None: without an end


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """What the overview shows."""

    title: str
    sentence: str
    day: date
    needs: tuple[Need, ...]
    metrics: tuple[MetricNow, ...]
    chosen: str | None
    chart: Chart | None
    segments: tuple[SegmentNow, ...]
    experiments: tuple[ExperimentNow, ...]
    runs: tuple[RunRow, ...]


def overview_page(visit: Visit) -> OverviewView:
    """Return what happened on the last business day, and since."""
    workspace, day = visit.workspace, visit.latest.day
    runs, findings = workspace.book.runs.last_runs(SHOWN_RUNS), last_findings(workspace)
    rows = metrics_by_day(workspace, first=day - timedelta(days=2 * DAYS - 1), last=day)
    metrics = tuple(_metric(each, rows, day) for each in workspace.project.metrics)
    chosen = _chosen(metrics, visit.query.metric)
    experiments = tuple(_experiments(experiment_list(workspace), day + timedelta(days=1)))
    needs = (*_needs(findings, runs), *_said(workspace.book))
    return OverviewView(
        title="Overview", sentence=_sentence(findings, needs, len(experiments)), day=day, needs=needs, metrics=metrics,
        chosen=chosen.metric if chosen else None,
        chart=_chart(chosen, rows, visit.workspace.project.config.business.currency) if chosen else None,
        segments=tuple(_segments(visit, day)), experiments=experiments, runs=tuple(runs),
    )


def _chosen(metrics: Sequence[MetricNow], name: str | None) -> MetricNow | None:
    if name is None:
        return max(metrics, key=lambda each: each.sample, default=None)
    found = next((each for each in metrics if each.metric == name), None)
    if found is None:
        raise NotFound(f"there is no metric {name!r}", hint="choose one in the list")
    return found


def _metric(metric: Metric, rows: Iterable[Mapping[str, Any]], day: date) -> MetricNow:
    by_day = {row["day"]: row for row in rows if row["metric"] == metric.name}
    values = {each: row["value"] for each, row in by_day.items()}
    before = [values.get(day - timedelta(weeks=week)) for week in range(1, WEEKS_BEFORE + 1)]
    known = [value for value in before if value is not None]
    usual, value = (sum(known) / len(known) if known else None), values.get(day)
    return MetricNow(
        metric=metric.name, title=metric.title, unit=metric.unit, definition=metric.definition, value=value,
        usual=usual, change=None if value is None or not usual else value / usual - 1,
        sample=by_day[day]["sample"] if day in by_day else 0,
        days=tuple(values.get(day - timedelta(days=back)) for back in range(DAYS - 1, -1, -1)),
    )


def _chart(chosen: MetricNow, rows: Iterable[Mapping[str, Any]], currency: str) -> Chart | None:
    scale, unit = (100, currency) if chosen.unit == "money" else (1, "" if chosen.unit == "number" else chosen.unit)
    bars = tuple(
        (row["day"].isoformat(), row["value"] / scale)
        for row in rows if row["metric"] == chosen.metric and row["value"] is not None
    )
    return _drawn(chosen.title, unit, bars) if bars else None


@lru_cache(maxsize=64)
def _drawn(title: str, unit: str, bars: tuple[tuple[str, float], ...]) -> Chart:
    # Drawing takes longer than everything else here, and what is drawn changes once a day.
    return bars_by_day(
        [{"day": day, "value": value} for day, value in bars], title=f"{title} by day",
        sentence=f"{title} on each of the last {2 * DAYS} business days; a day without any is a gap.",
        day="day", value="value", unit=unit, told="%-d %b",
    )


def _segments(visit: Visit, day: date) -> list[SegmentNow]:
    """The segments somebody entered or left, those that moved most first, or else all."""
    moves = segment_moves(visit.workspace, since=day)
    every = [
        SegmentNow(
            segment=row["segment"], title=row["title"], members=row["members"],
            entered=moves.get(row["segment"], (0, 0))[0], left=moves.get(row["segment"], (0, 0))[1],
        )
        for row in segment_counts(visit.workspace)
    ]
    return sorted(every, key=lambda each: (-each.entered - each.left, each.segment))


def _experiments(rows: Iterable[Mapping[str, Any]], today: date) -> list[ExperimentNow]:
    return [
        ExperimentNow(
            experiment=row["experiment"], title=row["title"] or row["experiment"], units=row["units"],
            day=(today - row["begins"]).days + 1,
            days=None if row["ends"] is None else (row["ends"] - row["begins"]).days + 1,
        )
        for row in rows if row["state"] == "runs"
    ]


def _needs(findings: Sequence[Finding], runs: Sequence[RunRow]) -> list[Need]:
    found = []
    if runs and runs[0].outcome in {"failed", "interrupted"}:
        run = runs[0]
        words = f"The last run {'failed' if run.outcome == 'failed' else 'was interrupted'}: see at which step"
        found.append(Need(state="failed", words=words, href=f"/health/runs/{run.run_id}"))
    for state in ("failed", "warning"):
        named = [finding.name.replace("-", " ") for finding in findings if finding.status == state]
        if named:
            others = f" and {len(named) - 2} more" if len(named) > 2 else ""
            verb = "Repair" if state == "failed" else "Look at"
            found.append(Need(state=state, words=f"{verb} {', '.join(named[:2])}{others}", href="/health#checks"))
    return found


def _said(book: Book) -> list[Need]:
    """What waits for somebody of all that is said to people: doubtful replies, and campaigns that rest."""
    waiting, resting = book.consent.waiting(), [one for one in book.campaigns.occurrences() if one.state == "paused"]
    found = []
    if waiting:
        what = "1 reply that may be an opt-out" if waiting == 1 else f"{waiting:,} replies that may be opt-outs"
        found.append(Need(state="warning", words=f"Read {what}", href="/replies"))
    if resting:
        others = f" and {len(resting) - 1} more" if len(resting) > 1 else ""
        found.append(Need(state="warning", words=f"See why {resting[0].campaign} rests{others}", href="/campaigns"))
    return found


def _sentence(findings: Sequence[Finding], needs: Sequence[Need], experiments: int) -> str:
    judged = [finding for finding in findings if finding.status != "skipped"]
    held = sum(finding.status == "ok" for finding in judged)
    running = {0: "no experiment runs", 1: "1 experiment runs"}.get(experiments, f"{experiments} experiments run")
    if any(need.state == "failed" for need in needs):
        return f"Something is broken; {running}."
    if held < len(judged):
        return f"{held} of {len(judged)} checks hold, the others want a look; {running}."
    if needs:
        return f"All {held} checks hold, and something waits for you; {running}."
    return f"All is well: all {held} checks hold; {running}."


PAGE = DashboardPage(
    name="overview", path="/", section="overview", template="overview.html", view=overview_page, query=Chosen,
    json=lambda view: replace(view, chart=None), csv=lambda view: csv_of(view.metrics, Page[MetricNow]),
)
