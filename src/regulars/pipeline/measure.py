"""Measure: every metric on every business day, in one table that all pages and exports share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.metrics.metric import InForceAtEnd, Metric, Ratio
from regulars.metrics.query import Question, by_period
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.engines.question import given

METRIC_DAYS = "metric_days"

METRIC_DAY = ibis.schema({"metric": "string", "day": "date", "value": "decimal(18, 6)", "sample": "int64"})
"""One row per metric and business day with rows behind it; `sample` is how many rows."""


def measure_days(workspace: Workspace) -> Steps:
    """Compute all metrics but ratios by day; ratios are divided when they are read, over whatever period is asked."""
    as_of = as_of_now(workspace)
    metrics = [m for m in workspace.project.metrics if not isinstance(m.formula, Ratio)]
    made_of = digest(
        *(content_of(workspace, table) for table in ("events", "money", "identity")), str(as_of.day),
        *workspace.project.metrics,
    )
    if workspace.lake.meta(METRIC_DAYS).get("made_of") == made_of:
        return Work(rows_in=len(metrics), note="nothing changed")
    yield Checkpoint(done=0, total=len(metrics), note="metrics")
    if metrics:
        first = _first_day(workspace)
        with workspace.lake.gathered([_days(workspace, m, first=first) for m in metrics], schema=METRIC_DAY) as days:
            workspace.lake.replace(
                METRIC_DAYS, days, order_by=("metric", "day"), meta={"made_of": made_of}, allow_shrink=True
            )
    rows = workspace.lake.rows(METRIC_DAYS) if metrics else 0
    return Work(rows_in=len(metrics), rows_out=rows, watermark=as_of.day.isoformat())


def metric_by_day(workspace: Workspace, name: str, *, first: date, last: date) -> list[dict[str, Any]]:
    """Return a metric on the business days with rows behind it: day, value, sample; a ratio of nothing is missing.

    Raises NotFound for a metric that is not declared.
    """
    declared = {metric.name: metric for metric in workspace.project.metrics}
    if name not in declared:
        raise NotFound(f"there is no metric {name!r}", hint=did_you_mean(name, declared))
    return list(workspace.ask(_days_of, name, first=first, last=last).to_pylist())


def metrics_by_day(workspace: Workspace, *, first: date, last: date) -> list[dict[str, Any]]:
    """Return every metric on the business days with rows behind it: metric, day, value, sample; sorted.

    A ratio of nothing is missing.
    """
    if not workspace.project.metrics:
        return []
    return list(workspace.ask(_all_days, first=first, last=last).to_pylist())


def _days_of(workspace: Workspace, name: str) -> ir.Table:
    found = _told(workspace, [metric for metric in workspace.project.metrics if metric.name == name])
    return found.select("day", "sample", "value").order_by("day")


def _all_days(workspace: Workspace) -> ir.Table:
    return _told(workspace, workspace.project.metrics).order_by("metric", "day")


def _told(workspace: Workspace, metrics: Sequence[Metric]) -> ir.Table:
    """Metrics as a person is told them. One row per metric and day: metric, day, value (ratios divided), sample.

    A question: the first and the last day are to be given.
    """
    days = workspace.table(METRIC_DAYS)
    days = days.filter(days.day.between(given("first", "date"), given("last", "date")))
    days = days.mutate(value=ibis._["value"].cast("float64"))
    plain = [metric.name for metric in metrics if not isinstance(metric.formula, Ratio)]
    parts = [days.filter(days.metric.isin(plain)).select("metric", "day", "value", "sample")] if plain else []
    ratios = [(m.name, m.formula.numerator, m.formula.denominator) for m in metrics if isinstance(m.formula, Ratio)]
    if ratios:
        names = dict(zip(("ratio", "numerator", "denominator"), map(list, zip(*ratios, strict=True)), strict=True))
        asked = workspace.stores.engine.arrow(pa.table(names))
        below = days.inner_join(asked, days.metric == asked.denominator)
        above = days.select("day", numerator="metric", above="value")
        both = below.left_join(above, ["day", "numerator"])
        share = both.above / both["value"].nullif(0.0)
        parts.append(both.select("day", "sample", metric=both.ratio, value=share).select(
            "metric", "day", "value", "sample"
        ))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _days(workspace: Workspace, metric: Metric, *, first: date) -> ir.Table:
    assert not isinstance(metric.formula, Ratio)
    rows = workspace.table("events" if metric.formula.events else "money")
    as_of = as_of_now(workspace)
    question = Question(first=first, last=as_of.day, per="day", as_of=as_of)
    asks_who = isinstance(metric.formula, InForceAtEnd) or "customer_id" in {
        metric.formula.of, *(where.attribute for where in metric.formula.where)
    }
    found = by_period(metric.formula, with_customer(workspace, rows) if asks_who else rows, question)
    return found.select(
        metric=ibis.literal(metric.name), day=found.period, value=found["value"].cast("decimal(18, 6)"),
        sample=found["sample"],
    )


def _first_day(workspace: Workspace) -> date:
    """Return the first business day that metrics are counted from: the opening, or the first event of all."""
    opened = workspace.project.config.business.opened_on
    events = workspace.table("events")
    found = opened or workspace.value(events.filter(~events.is_interval).business_day.min())
    return found if isinstance(found, date) else as_of_now(workspace).day
