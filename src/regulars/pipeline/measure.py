"""Measure: every metric on every business day, in one table that all pages and exports share."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.metrics.metric import InForceAtEnd, Metric, Ratio
from regulars.metrics.query import Question, by_period
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work

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
    days = workspace.table(METRIC_DAYS)
    days = days.filter(days.day.between(first, last))
    formula = declared[name].formula
    if not isinstance(formula, Ratio):
        found = days.filter(days.metric == name)
        return workspace.rows(found.select("day", "sample", value=found["value"].cast("float64")).order_by("day"))
    above = days.filter(days.metric == formula.numerator).select("day", above="value")
    below = days.filter(days.metric == formula.denominator)
    both = below.left_join(above, "day")
    share = both.above.cast("float64") / both["value"].cast("float64").nullif(0.0)
    return workspace.rows(both.select("day", "sample", value=share).order_by("day"))


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
