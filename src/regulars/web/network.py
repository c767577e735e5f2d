"""Pictures of who comes with whom: a network of people and their ties, and how strong connections are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from regulars.pipeline.connected import Circle
from regulars.web.chart import SERIES, Chart, drawn, pictured, styled

KINDS = ("family", "companions", "shared a pass")
"""What a line between two people may mean, the strongest first; a line says the strongest that holds."""

HEIGHT = 480

Points = npt.NDArray[np.float64]


def network(circle: Circle, *, title: str, sentence: str, about: str | None = None) -> Chart:
    """Return people as dots with their names and ties as lines, thicker where the tie is stronger.

    Args:
        circle: whom to show.
        title: what it is.
        sentence: what the picture says.
        about: the customer it is about, in another colour.

    """
    place = {person["customer_id"]: number for number, person in enumerate(circle.people)}
    ends = [(place[tie["customer_id_1"]], place[tie["customer_id_2"]]) for tie in circle.ties]
    points = laid_out(len(place), ends, [tie["tie"] for tie in circle.ties])
    lines = [
        {
            "x": points[one][0], "y": points[one][1], "x2": points[other][0], "y2": points[other][1],
            "kind": kind_of(tie), "tie": tie["tie"],
        }
        for (one, other), tie in zip(ends, circle.ties, strict=True)
    ]
    dots = [
        {
            "x": x, "y": y, "name": _short(person["name"]), "is_about": person["customer_id"] == about,
            "ties": sum(number in pair for pair in ends),
        }
        for number, (person, (x, y)) in enumerate(zip(circle.people, points, strict=True))
    ]
    kinds = tuple(kind for kind in KINDS if any(line["kind"] == kind for line in lines))
    spec = {**_spec(kinds), "datasets": {"lines": lines, "dots": dots}}
    return pictured(spec, told(circle), title=title, sentence=sentence)


@cache
def _spec(kinds: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the picture of ties of some kinds, as Vega-Lite without `lines` and `dots`.

    Altair takes three times as long to put it together as it takes to draw it, and only the data are others.
    """
    return styled(_lines(kinds) + _dots(), height=HEIGHT)


def _at() -> dict[str, Any]:
    """Return where something is, on a plane without axes and with room for names at its edges."""
    import altair as alt  # noqa: PLC0415  0.7 s that only a picture should pay

    plane: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[-1.25, 1.25])}
    return {"x": alt.X("x:Q", **plane), "y": alt.Y("y:Q", **plane)}


def _lines(kinds: Sequence[str]) -> Any:
    import altair as alt  # noqa: PLC0415

    return alt.Chart(alt.NamedData(name="lines")).mark_rule(opacity=0.75, strokeCap="round").encode(
        **_at(), x2="x2:Q", y2="y2:Q",
        strokeWidth=alt.StrokeWidth("tie:Q", scale=alt.Scale(domain=[0, 16], range=[1.5, 8], clamp=True), legend=None),
        color=alt.Color(
            "kind:N", title=None, legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=4),
            scale=alt.Scale(domain=list(kinds), range=[SERIES[KINDS.index(kind)] for kind in kinds]),
        ),
    )


def _dots() -> Any:
    import altair as alt  # noqa: PLC0415

    base = alt.Chart(alt.NamedData(name="dots"))
    circles = base.mark_circle(opacity=1, stroke="#FBFBFA", strokeWidth=1.5).encode(
        **_at(), size=alt.Size("ties:Q", scale=alt.Scale(range=[130, 520], domainMin=0), legend=None),
        fill=alt.condition("datum.is_about", alt.value("#1C1D1F"), alt.value("#6B6E75")),
    )
    names = {"dy": -17, "fontSize": 12}
    # A name is written twice, first broadly in the colour of the page, so that no line runs through it.
    halo = base.mark_text(**names, stroke="#FBFBFA", strokeWidth=4, strokeJoin="round").encode(**_at(), text="name:N")
    return circles + halo + base.mark_text(**names, color="#1C1D1F").encode(**_at(), text="name:N")


def strength_bars(rows: Sequence[Mapping[str, Any]], *, title: str, sentence: str) -> Chart:
    """Return how many pairs have each strength (strength, pairs, companions), every bar with its number."""
    import altair as alt  # noqa: PLC0415

    labelled = [
        {**row, "label": f"{row['pairs']:,} pairs, {row['companions']:,} companions", "mark": str(row["strength"])}
        for row in rows
    ]
    base = alt.Chart(alt.Data(values=labelled)).encode(
        y=alt.Y("mark:N", title="strength", sort=None, axis=alt.Axis(titleAngle=0, titleAlign="right", titleY=-4)),
    )
    most = max((row["pairs"] for row in rows), default=0) * 1.45 or 1
    length = alt.X("pairs:Q", title="pairs", axis=alt.Axis(tickCount=4, format="~s"), scale=alt.Scale(domain=[0, most]))
    bars = base.mark_bar(color=SERIES[0], height=18).encode(x=length)
    sure = base.mark_bar(color=SERIES[1], height=18).encode(x=alt.X("companions:Q"))
    text = base.mark_text(align="left", dx=6, color="#55585E", fontSize=12).encode(x=length, text="label:N")
    return drawn(bars + sure + text, rows, title=title, sentence=sentence, height=170)


def told(circle: Circle) -> list[dict[str, object]]:
    """Return the ties of a circle as rows a person reads."""
    names = {person["customer_id"]: person["name"] or person["customer_id"] for person in circle.people}
    return [
        {
            "one": names[tie["customer_id_1"]], "other": names[tie["customer_id_2"]], "kind": kind_of(tie),
            "days together": tie["days_together"],
            "by chance": None if tie["expected_days"] is None else round(tie["expected_days"], 1),
            "tie": round(tie["tie"], 1),
        }
        for tie in circle.ties
    ]


def kind_of(tie: Mapping[str, Any]) -> str:
    """Return what two people are to each other: the strongest of KINDS that holds."""
    if tie["is_family"]:
        return "family"
    return "companions" if tie["is_companion"] else "shared a pass"


def laid_out(size: int, ends: Sequence[tuple[int, int]], weights: Sequence[float]) -> Points:
    """Return a place for each of some dots, between -1 and 1, so that what is tied lies close.

    Springs and repulsion from places on a circle, cooled down in 300 steps: the same dots give the same picture.
    Source: Fruchterman and Reingold (1991), Graph drawing by force-directed placement.
    """
    turn = 2 * np.pi * np.arange(size) / max(size, 1)
    at = np.c_[np.cos(turn), np.sin(turn)]
    pull = np.zeros((size, size))
    for (one, other), weight in zip(ends, weights, strict=True):
        pull[one, other] = pull[other, one] = 0.4 + min(float(weight), 20) / 20
    ideal = 1.3 / np.sqrt(max(size, 1))
    for heat in np.linspace(0.15, 0.003, 300):
        apart = at[:, None, :] - at[None, :, :]
        distance = np.maximum(np.sqrt((apart**2).sum(axis=2)), 0.01)
        force = ideal**2 / distance**2 - pull * distance / ideal
        move = (apart * force[:, :, None]).sum(axis=1) - 0.15 * at
        length = np.maximum(np.sqrt((move**2).sum(axis=1, keepdims=True)), 1e-9)
        at = at + move / length * np.minimum(length, heat)
    if size < 2:
        return np.zeros((size, 2))
    centred = at - (at.max(axis=0) + at.min(axis=0)) / 2
    whole: Points = centred / np.maximum(np.abs(centred).max(axis=0), 1e-9)
    return whole


def _short(name: str | None) -> str:
    """Return a name as a dot can carry it: first name and the first letter of the last."""
    first, _, last = (name or "no name").partition(" ")
    return f"{first} {last.rpartition(' ')[2][:1]}.".strip() if last else first
