"""Pictures of an experiment, for the page and for slides: its intervals on one axis, and its lift day by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from regulars.experiments.report import Day, Report
from regulars.experiments.trust import LEAST_DAYS, LEAST_UNITS
from regulars.web.answers import Row, Shown, level, lift, rows
from regulars.web.chart import SERIES, Chart, drawn
from regulars.web.experiment_words import hidden
from regulars.web.interval import Axis, axis_of
from regulars.web.number import MISSING

GREY = SERIES[3]
LABEL = "datum.value == 0 ? '0' : format(datum.value, '+.0%')"


def intervals(shown: Shown) -> Chart | None:
    """Return every lift with its interval on one axis, its words beside it; None where no lift may be shown."""
    report, told = shown.report, [row for row in rows(shown) if row.ends is not None and row.axis == "lift"]
    if not told:
        return None
    axis = axis_of(row.ends for row in told if row.ends is not None)
    values = [_told(row, axis) for row in told]
    numbers = [{"metric": row.metric, "variant": row.variant, "lift": row.effect, "p": row.p} for row in told]
    sample = f"{sum(report.units.values()):,} {report.unit} units until {report.last_day}"
    return drawn(
        _forest(values, axis), numbers,
        title=f"{report.title or report.experiment}: lift over {report.control}, {sample}",
        sentence=f"{report.verdict.sentence} {report.verdict.advice}",
        height=34 * len(told),
    )


def pictures(shown: Shown) -> dict[str, Chart]:
    """Return the intervals under "" and the course of each variant under its name; empty where nothing is shown."""
    first = intervals(shown)
    return {} if first is None else {"": first, **course(shown)}


def course(shown: Shown) -> dict[str, Chart]:
    """Return the lift of the metric that decides first, day by day: a picture for each variant, all on one axis.

    There is none where fewer than two days have a lift.
    """
    report = shown.report
    early = early_days(report)
    told = [day for day in report.days if day.day not in early and day.lift is not None]
    if len({day.day for day in told}) < 2:
        return {}
    # The first days are wide and would press the rest flat: the second half of the time sets the axis.
    middle = told[len(told) // 2].day
    axis = axis_of(ends for day in told if day.day >= middle and (ends := _ends(day)))
    return {
        name: drawn(
            _band([day for day in told if day.variant == name], axis), list(_numbers(shown, name)),
            title=f"{name}: lift of {shown.experiment.primary[0].metric} over {report.control}, day by day",
            sentence="Each day with everything until then. The band is the interval for this metric alone; what is "
            "beyond the axis is drawn at its edge; all variants share the axis.",
            height=160,
        )
        for name in report.variants if name != report.control
    }


def early_days(report: Report) -> frozenset[date]:
    """Return the days of the course that were too early to say anything: part of a week, or too few units."""
    fewest: dict[date, int] = {}
    for day in report.days:
        fewest[day.day] = min(day.units, fewest.get(day.day, day.units))
    first = report.first_day + timedelta(days=LEAST_DAYS - 1)
    return frozenset(day for day, units in fewest.items() if day < first or units < LEAST_UNITS)


def no_course(shown: Shown) -> str:
    """Return why there is no picture of the days."""
    if why := hidden(shown.report):
        return why
    if shown.experiment.analysis.method in {"fixed", "group_sequential"}:
        return "This analysis speaks on planned days alone, so there is no course to draw."
    return f"There is a line from the second day on which every variant has {LEAST_UNITS} units and a week is over."


def _ends(day: Day) -> tuple[float, float, float] | None:
    if day.lift is None or day.lift_low is None or day.lift_high is None:
        return None
    return day.lift_low, day.lift, day.lift_high


def _numbers(shown: Shown, variant: str) -> Iterator[dict[str, object]]:
    """The course as rows a person reads: words where it was too early."""
    early, metric = early_days(shown.report), shown.experiment.primary[0].metric
    for day in (each for each in shown.report.days if each.variant == variant):
        silent = "too early" if day.day in early else MISSING
        ends = None if day.day in early else _ends(day)
        yield {
            "day": day.day.isoformat(), "units": f"{day.units:,}",
            "level": silent if day.day in early else level(day.level, metric, shown),
            "lift": silent if ends is None else lift(*ends),
        }


def _told(row: Row, axis: Axis) -> dict[str, object]:
    assert row.ends is not None
    low, value, high = row.ends
    left, right = axis.goes_on(row.ends)
    return {
        "row": f"{row.metric} · {row.variant}", "low": _clipped(low, axis), "value": value,
        "high": _clipped(high, axis), "left": left, "right": right, "is_sure": row.is_significant, "label": row.effect,
    }


def _forest(values: Sequence[dict[str, object]], axis: Axis) -> Any:
    import altair as alt  # noqa: PLC0415  0.7 s that only a picture should pay

    edge = 0.03 * (axis.high - axis.low)
    scale = alt.Scale(domain=[axis.low - edge, axis.high + edge], nice=False)
    base = alt.Chart(alt.Data(values=list(values))).encode(
        y=alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=300, domain=False, ticks=False)),
    )
    colour, filled = ("datum.is_sure", alt.value(SERIES[0])), alt.value("#FFFFFF")
    stroke = alt.condition(*colour, alt.value(GREY))
    ends = alt.X("low:Q", title="lift", scale=scale, axis=alt.Axis(labelExpr=LABEL, tickCount=6))
    lines = base.mark_rule(strokeWidth=2).encode(x=ends, x2="high:Q", color=stroke)
    dots = base.mark_point(size=90, opacity=1, strokeWidth=2).encode(
        x=alt.X("value:Q", scale=scale), stroke=stroke, fill=alt.condition(*colour, filled)
    )
    arrows = [
        base.transform_filter(f"datum.{side}").mark_point(
            shape=f"triangle-{side}", size=70, filled=True, opacity=1
        ).encode(x=alt.X(f"{end}:Q", scale=scale), color=stroke)
        for side, end in (("left", "low"), ("right", "high"))
    ]
    words = base.mark_text(align="left", fontSize=12, color="#1C1D1F").encode(x=alt.value(656), text="label:N")
    return alt.layer(_zero("x"), lines, *arrows, dots, words)


def _band(days: Sequence[Day], axis: Axis) -> Any:
    import altair as alt  # noqa: PLC0415

    values = [
        {
            "day": day.day.isoformat(), "value": _clipped(ends[1], axis), "low": _clipped(ends[0], axis),
            "high": _clipped(ends[2], axis),
        }
        for day in days if (ends := _ends(day))
    ]
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False)
    x = alt.X("day:T", title=None, axis=alt.Axis(
        format="%-d %b", labelAngle=0, tickCount=5, grid=False, labelOverlap=True, labelFlush=True
    ))
    base = alt.Chart(alt.Data(values=values)).encode(x=x)
    y = alt.Y("low:Q", title=None, scale=scale, axis=alt.Axis(labelExpr=LABEL, tickCount=5))
    band = base.mark_area(opacity=0.16, color=SERIES[0]).encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2.5, color=SERIES[0]).encode(y=alt.Y("value:Q", scale=scale))
    return alt.layer(band, _zero("y"), line)


def _clipped(value: float, axis: Axis) -> float:
    return min(max(value, axis.low), axis.high)


def _zero(channel: str) -> Any:
    import altair as alt  # noqa: PLC0415

    rule = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color="#55585E", strokeWidth=1)
    return rule.encode(**{channel: "zero:Q"})
