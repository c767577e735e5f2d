"""A chart is a sentence, a picture and its numbers; drawn as SVG in the tokens of the page, so no script is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

Row = Mapping[str, Any]

# What the picture is drawn with -> the page's token, so that one picture serves the light and the dark theme.
TOKENS = {
    "#2F5BC7": "var(--v1)",
    "#DE6410": "var(--v2)",
    "#5B1A66": "var(--v3)",
    "#6B6E75": "var(--control)",
    "#1C1D1F": "var(--ink)",
    "#55585E": "var(--ink-2)",
    "#E3E3DF": "var(--line)",
    "#FBFBFA": "var(--bg)",
}
SERIES = ["#2F5BC7", "#DE6410", "#5B1A66", "#6B6E75"]
"""Three series in colour and one grey: more cannot be told apart by everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture with what it says and the numbers beneath."""

    title: str
    sentence: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    spec: Mapping[str, Any] = field(default_factory=dict)  # what it was drawn from, in Vega-Lite


def png(chart: Chart) -> bytes:
    """Return a chart as a picture for slides and mails, at twice its size, on white."""
    import vl_convert  # noqa: PLC0415

    title = {"text": chart.title, "anchor": "start", "fontSize": 16, "color": "#1C1D1F", "offset": 12}
    spec = {**chart.spec, "background": "#FFFFFF", "title": title}
    picture: bytes = vl_convert.vegalite_to_png(spec, scale=2)
    return picture


def bars_by_day(
    rows: Sequence[Row], *, title: str, sentence: str, day: str, value: str, series: str | None = None, unit: str = "",
    told: str = "%b %Y",
) -> Chart:
    """Return stacked bars over days or weeks; days without rows stay gaps.

    Args:
        rows: One mapping per bar or part of a bar; `day` as ISO text, `value` a number.
        title: What is counted.
        sentence: What the picture says, for eyes that cannot see it.
        day: Column of the day.
        value: Column of the height; bars begin at zero.
        series: Column that colours parts; at most four values, put the rest in "Other" before.
        unit: Written on the axis.
        told: How days are written on the axis.

    """
    import altair as alt  # noqa: PLC0415  0.7 s that only a report should pay

    width = max(1.0, 560 / max(len({row[day] for row in rows}), 1) * 0.8)
    encoding: dict[str, Any] = {
        "x": alt.X(f"{day}:T", title=None, axis=alt.Axis(format=told, labelAngle=0, tickCount=8)),
        "y": alt.Y(f"{value}:Q", title=unit or None, axis=alt.Axis(tickCount=4, format="~s")),
    }
    if series:
        names = sorted({str(row[series]) for row in rows}, key=lambda name: (name == "Other", name))
        encoding["color"] = alt.Color(
            f"{series}:N",
            title=None,
            scale=alt.Scale(domain=names, range=SERIES[: len(names)]),
            legend=alt.Legend(orient="top"),
        )
    bars = alt.Chart(alt.Data(values=[dict(row) for row in rows])).mark_bar(color=SERIES[0], width=width)
    return drawn(bars.encode(**encoding), rows, title=title, sentence=sentence, height=180)


def bars_by_name(rows: Sequence[Row], *, title: str, sentence: str, name: str, value: str, unit: str = "") -> Chart:
    """Return horizontal bars, longest first, one per name; `value` a number."""
    import altair as alt  # noqa: PLC0415

    bars = alt.Chart(alt.Data(values=[dict(row) for row in rows])).mark_bar(color=SERIES[0], height=14)
    encoded = bars.encode(
        x=alt.X(f"{value}:Q", title=unit or None, axis=alt.Axis(tickCount=4, format="~s")),
        y=alt.Y(f"{name}:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
    )
    return drawn(encoded, rows, title=title, sentence=sentence, height=max(60, 22 * len(rows)))


def drawn(chart: Any, rows: Sequence[Row], *, title: str, sentence: str, height: int) -> Chart:
    """Return an Altair chart in the house's style, 640 wide and so high; `rows` are the numbers beneath."""
    return pictured(styled(chart, height=height), rows, title=title, sentence=sentence)


def styled(chart: Any, *, height: int) -> dict[str, Any]:
    """Return an Altair chart in the house's style as Vega-Lite, 640 wide and so high."""
    themed = chart.properties(width=640, height=height, background="transparent").configure(
        font="system-ui, sans-serif",
        view={"stroke": None},
        axis={
            "labelColor": "#55585E",
            "titleColor": "#55585E",
            "gridColor": "#E3E3DF",
            "domainColor": "#E3E3DF",
            "tickColor": "#E3E3DF",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": 400,
        },
        legend={"labelColor": "#55585E", "labelFontSize": 12, "symbolType": "square", "columnPadding": 28},
        # The page's own font is wider than the one the picture was measured with.
        padding={"left": 40, "right": 16, "top": 4, "bottom": 4},
    )
    return dict(themed.to_dict())


def pictured(spec: Mapping[str, Any], rows: Sequence[Row], *, title: str, sentence: str) -> Chart:
    """Return a styled chart with its data as a picture; `rows` are the numbers beneath."""
    import vl_convert  # noqa: PLC0415

    told = {**spec, "description": sentence}
    svg = vl_convert.vegalite_to_svg(told)
    columns = tuple(rows[0]) if rows else ()
    return Chart(
        title=title,
        sentence=sentence,
        svg=_in_tokens(svg, title=title),
        columns=columns,
        rows=tuple(tuple(row.values()) for row in rows),
        spec=told,
    )


def _in_tokens(svg: str, *, title: str) -> str:
    # Attributes and no styles: a page's Content-Security-Policy lets none stand among the markup.
    for colour, token in TOKENS.items():
        svg = re.sub(rf'(fill|stroke)="{colour}"', rf'\1="{token}"', svg, flags=re.IGNORECASE)
    # Fluid width: the picture keeps its own coordinates and follows the column it stands in.
    told = escape(title)
    return re.sub(
        r'<svg ([^>]*?)width="[\d.]+" height="[\d.]+"',
        lambda found: f'<svg {found[1]}role="img" aria-label="{told}"', svg, count=1,
    )
