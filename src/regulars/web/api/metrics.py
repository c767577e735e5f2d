"""Metrics: which there are, and one of them day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from regulars.pipeline.measure import metric_by_day
from regulars.pipeline.segment import as_of_now
from regulars.web.api.route import ApiRoute, Ask, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLine:
    """A declared metric and what exactly it is."""

    metric: str
    title: str
    unit: str                                # of money: minor units
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDay:
    """A metric on one business day."""

    day: date
    value: float | None                      # null: a ratio of nothing
    sample: int                              # rows behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Business days, both included; the last 28 where nothing is said."""

    first: date | None = None
    last: date | None = None


def metrics(ask: Ask) -> Page[MetricLine]:
    """Return every declared metric."""
    return Page(items=[
        MetricLine(metric=each.name, title=each.title, unit=each.unit, definition=each.definition)
        for each in ask.workspace.project.metrics
    ])


def days(ask: Ask) -> Page[MetricDay]:
    """Return a metric on the days with rows behind it."""
    last = ask.query.last or as_of_now(ask.workspace).day
    first = ask.query.first or last - timedelta(days=27)
    return Page(items=[
        MetricDay(day=row["day"], value=row["value"], sample=row["sample"])
        for row in metric_by_day(ask.workspace, ask.path["metric"], first=first, last=last)
    ])


ROUTES = (
    ApiRoute(
        name="listMetrics", path="/metrics", answer=metrics, gives=Page[MetricLine],
        sentence="Every declared metric and what exactly it is.",
    ),
    ApiRoute(
        name="listMetricDays", path="/metrics/{metric}/days", answer=days, gives=Page[MetricDay], query=Days,
        sentence="A metric by business day, as the last run counted it.", errors=(404,),
    ),
)
