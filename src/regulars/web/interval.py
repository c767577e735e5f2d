"""An interval on an axis it shares with others: where its ends are, and as a picture or as characters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from statistics import median

Ends = tuple[float, float, float]
"""Low, estimate, high; low and high may be infinite."""

NOTHING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What is drawn, from `low` to `high`; zero is always on it."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value lies, from 0 (left) to 1 (right); what is beyond lies at the edge."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def goes_on(self, ends: Ends) -> tuple[bool, bool]:
        """Return whether an interval goes on beyond the left and the right edge."""
        return ends[0] < self.low, ends[2] > self.high


def axis_of(intervals: Iterable[Ends]) -> Axis:
    """Return an axis for intervals: every estimate is on it, and no end that would press the others together."""
    found = list(intervals)
    # An arrow needs room behind its dot.
    room = [1.2 * ends[1] for ends in found if math.isinf(ends[0]) or math.isinf(ends[2])]
    finite = [*room, *(each for ends in found for each in ends if math.isfinite(each))]
    # What is nearly nothing makes no axis: its hundredths could not be told apart.
    sizes = [abs(each) for each in finite if abs(each) > NOTHING]
    if not sizes:
        return Axis(low=-1.0, high=1.0)
    reach = max(5 * median(sizes), *(1.2 * abs(ends[1]) for ends in found))
    low, high = max(min(0.0, *finite), -reach), min(max(0.0, *finite), reach)
    # Zero never lies on the frame: what lies before it would not be seen to.
    least = 0.08 * (high - low)
    return Axis(low=min(low, -least), high=max(high, least))


def svg(ends: Ends, axis: Axis, *, sentence: str, is_sure: bool, margins: Iterable[float] = ()) -> str:
    """Return the interval as a picture as wide as its cell: line, dot (filled: it is sure), zero, margins dashed."""
    left, right = axis.goes_on(ends)
    low, value, high = (_percent(axis.at(each)) for each in ends)
    kind = "sure" if is_sure else "unsure"
    parts = [f'<line class="zero" x1="{_percent(axis.at(0))}" x2="{_percent(axis.at(0))}" y1="0" y2="24"/>']
    parts += [
        f'<line class="margin" x1="{_percent(axis.at(each))}" x2="{_percent(axis.at(each))}" y1="1" y2="23"/>'
        for each in margins if axis.low <= each <= axis.high
    ]
    parts.append(f'<line class="reach" x1="{low}" x2="{high}" y1="12" y2="12"/>')
    parts += [_arrow(low, "M7 7 L0 12 L7 17")] if left else [_end(low)]
    parts += [_arrow(high, "M-7 7 L0 12 L-7 17")] if right else [_end(high)]
    parts.append(f'<circle cx="{value}" cy="12" r="4.5"/>')
    told = escape(sentence)
    return f'<svg class="interval {kind}" role="img" aria-label="{told}" height="24">{"".join(parts)}</svg>'


def characters(ends: Ends, axis: Axis, *, width: int = 33) -> str:
    """Return the interval in so many characters: `├──●──┤`, `◂` and `▸` where it goes on, `┊` at zero."""
    left, right = axis.goes_on(ends)
    low, value, high, zero = (round(axis.at(each) * (width - 1)) for each in (*ends, 0.0))
    cells = [" "] * width
    for place in range(low, high + 1):
        cells[place] = "─"
    cells[zero] = "┼" if low < zero < high else "┊"
    cells[low], cells[high] = "◂" if left else "├", "▸" if right else "┤"
    cells[value] = "●"
    return "".join(cells)


def _percent(share: float) -> str:
    # A dot at the very edge needs room for its other half.
    return f"{3 + 94 * share:.2f}%"


def _end(at: str) -> str:
    return f'<line class="reach" x1="{at}" x2="{at}" y1="8" y2="16"/>'


def _arrow(at: str, path: str) -> str:
    return f'<svg class="arrow" x="{at}" overflow="visible"><path d="{path}"/></svg>'
