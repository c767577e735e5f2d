"""Why two profiles are likely one person, as a picture: every field adds its weight to what the others say."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import Any

from regulars.pipeline.review import Weighed
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.web.chart import SERIES, Chart, drawn
from regulars.web.report import Number, Report, Section, Table

LEAST = 0.05
"""Bits of a bar that can be seen."""

VERDICTS = {"medium": "merged", "name": "merged where nobody else is known by that name"}

COLUMNS = ("evidence", "outcome", "bits", "together")
HOW = "Each bar begins where the one above ends. To the right: it speaks for one person; to the left: against."


def waterfall(match: Weighed, *, merge_from: float) -> Chart:
    """Return how the weights of a match add up, in bits, and from which weight on profiles are merged."""
    import altair as alt  # noqa: PLC0415  0.7 s that only a picture should pay

    rows = _rows(match)
    ends = [0.0, *(row["until"] for row in rows)]
    room = (max(ends) - min(ends)) * 0.45 or 1
    bits = alt.Scale(domain=[min(ends) - room * 0.1, max(ends) + room], nice=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("evidence:N", title=None, sort=None, axis=alt.Axis(labelLimit=260)),
    )
    kinds = alt.Scale(domain=["for", "against", "all"], range=[SERIES[0], SERIES[1], "#1C1D1F"])
    bars = base.mark_bar(height=14).encode(
        x=alt.X("since:Q", title="bits: one more doubles the odds", scale=bits, axis=alt.Axis(tickCount=6)),
        x2="until", color=alt.Color("kind:N", scale=kinds, legend=None),
    )
    said = base.mark_text(align="left", dx=6, color="#55585E", fontSize=12).encode(
        x=alt.X("right:Q", scale=bits), text="label:N"
    )
    layers = bars + said
    if 0 < merge_from < 1:
        line = alt.Chart(alt.Data(values=[{"bits": math.log2(merge_from / (1 - merge_from))}]))
        layers = line.mark_rule(color="#6B6E75", strokeDash=[4, 3]).encode(x=alt.X("bits:Q", scale=bits)) + layers
    numbers = [{name: row[name] for name in COLUMNS} for row in rows]
    return drawn(layers, numbers, title=_title(match), sentence=_said(match, merge_from), height=26 * len(rows))


def weights_page(workspace: Workspace, match: Weighed, chart: Chart) -> Report:
    """Return the page of a match as the report's template shows it."""
    business = workspace.project.config.business
    table = Table(caption="What speaks for one person, and against", columns=chart.columns, rows=chart.rows,
                  numeric=frozenset({2, 3}))
    return Report(
        business=business.name, timezone=business.timezone,
        as_of=f"{as_of_now(workspace).at.astimezone(business.zone):%a %-d %b %Y, %H:%M}", headline=_title(match),
        numbers=(
            Number(label="One person", value=told(match), note="probability, learned from the data alone"),
            Number(label="Weight", value=f"{match.weight:.1f} bits", note="log2 of the odds"),
        ),
        sections=(Section(title="Field by field", sentence=chart.sentence, charts=(chart,), tables=(table,)),),
        version=version("regulars"),
    )


def told(match: Weighed) -> str:
    """Return the probability as a person reads it: what was only likely never reads as certain."""
    return f"{min(match.probability, 0.999):.1%}"


def _title(match: Weighed) -> str:
    return f"{match.left} and {match.right}"


def _said(match: Weighed, merge_from: float) -> str:
    verdict = VERDICTS.get(match.tier, "not merged: a person is asked")
    line = f"; the dashed line is where merging begins ({merge_from:g})" if 0 < merge_from < 1 else ""
    return f"{told(match)} likely one person, {verdict}{line}. {HOW}"


def _rows(match: Weighed) -> list[dict[str, Any]]:
    """One row a bar: from where to where it reaches, and the whole at the end."""
    items = [*match.evidence]
    rest = round(match.weight - sum(item["bits"] for item in items), 2)
    if abs(rest) >= LEAST:
        items.append({"field": "besides", "outcome": "the less likely alternative", "bits": rest})
    rows, since = list[dict[str, Any]](), 0.0
    for item in items:
        until = round(since + item["bits"], 2)
        rows.append(_row(item["field"].replace("_", " "), item["outcome"], since, until))
        since = until
    return [*rows, _row("together", told(match), 0.0, round(match.weight, 2)) | {"kind": "all"}]


def _row(evidence: str, outcome: str, since: float, until: float) -> dict[str, Any]:
    bits = round(until - since, 2)
    return {
        "evidence": evidence, "outcome": outcome, "bits": bits, "together": until, "since": since, "until": until,
        "right": max(since, until), "kind": "for" if bits >= 0 else "against", "label": f"{outcome} {bits:+.1f}",
    }
