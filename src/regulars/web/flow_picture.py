"""The picture of a flow: its steps from top to bottom, the ways between them, how many rest at each. Needs no script.

Steps stand in an order in which no way leads back. So each is a box under the one before; a way to the next box is a
line straight down, any other goes round on the right, in a lane of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

WIDTH, BOX, LEFT, TOP = 360, 44, 16, 8
STEP = 84
"""From one box to the next: the words of a way stand between."""

LANE, LABEL = 26, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A step, or the end."""

    name: str
    words: str                               # what it does
    number: str                              # how many rest there, as they are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From one box to another further down, by their places; -1: the beginning."""

    start: int
    end: int
    words: str


def picture(boxes: Sequence[Box], ways: Sequence[Way], *, sentence: str) -> Markup:
    """Return the picture of a flow; `sentence` is what it says to whoever cannot see it."""
    lanes = _lanes(ways)
    wide = 2 * LEFT + WIDTH + LANE * (1 + max(lanes.values(), default=-1)) + (max(
        (7 * len(way.words) for way in ways if way in lanes), default=0
    ))
    high = TOP + STEP * len(boxes) + BOX
    parts = [_straight(way) for way in ways if way not in lanes]
    parts += [_round(way, lane) for way, lane in lanes.items()]
    parts += [_box(each, place) for place, each in enumerate(boxes)]
    size = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    told = escape(sentence)
    return Markup(  # noqa: S704  numbers, and texts that are escaped
        f'<svg class="flow" role="img" aria-label="{told}" {size}>{"".join(parts)}</svg>'
    )


def _lanes(ways: Sequence[Way]) -> dict[Way, int]:
    """Return in which lane each way goes round: the nearest that no other way is in beside it; short ones first."""
    found: dict[Way, int] = {}
    far = (way for way in ways if way.end - way.start > 1)
    for way in sorted(far, key=lambda way: (way.end - way.start, way.start)):
        taken = {lane for other, lane in found.items() if other.start < way.end and way.start < other.end}
        found[way] = next(lane for lane in range(len(ways)) if lane not in taken)
    return found


def _y(place: int) -> int:
    return TOP + STEP * (place + 1) - (STEP - BOX)


def _straight(way: Way) -> str:
    top = TOP - 4 if way.start < 0 else _y(way.start) + BOX
    end, middle = _y(way.end), LEFT + 40
    words = f'<text class="when" x="{middle + 10}" y="{(top + end) // 2 + 4}">{escape(way.words)}</text>'
    return f'<path class="way" d="M{middle} {top} V{end - 7}"/>{_tip(middle, end)}{words}'


def _round(way: Way, lane: int) -> str:
    top = TOP - 4 if way.start < 0 else _y(way.start) + BOX // 2
    end, right = _y(way.end) + BOX // 2, LEFT + WIDTH
    out = right + LANE * (lane + 1) - 8
    start = LEFT + 40 if way.start < 0 else right
    words = f'<text class="when" x="{out + 5}" y="{top + 16}">{escape(way.words)}</text>'
    path = f"M{start} {top} H{out} V{end} H{right + 7}"
    tip = f'<path class="tip" d="M{right} {end} l8 -4 v8 z"/>'
    return f'<path class="way" d="{path}"/>{tip}{words}'


def _tip(x: int, y: int) -> str:
    return f'<path class="tip" d="M{x} {y} l-4 -8 h8 z"/>'


def _box(box: Box, place: int) -> str:
    y = _y(place)
    return (
        f'<rect class="step" x="{LEFT}" y="{y}" width="{WIDTH}" height="{BOX}" rx="6"/>'
        f'<text class="name" x="{LEFT + 12}" y="{y + 18}">{escape(box.name)}</text>'
        f'<text class="what" x="{LEFT + 12}" y="{y + 35}">{escape(_short(box.words))}</text>'
        f'<text class="rests" x="{LEFT + WIDTH - 12}" y="{y + 18}" text-anchor="end">{escape(box.number)}</text>'
    )


def _short(words: str) -> str:
    return words if len(words) <= LABEL + 8 else f"{words[:LABEL + 7]}…"
