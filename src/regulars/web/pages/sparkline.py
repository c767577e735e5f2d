"""A sparkline: how a number went over some days, as small as a word."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 120, 24


def sparkline(values: Sequence[float | None], sentence: str) -> Markup:
    """Return values as a line from zero up, with a dot on the last; a missing one is a gap. Needs no script."""
    known = [value for value in values if value is not None]
    low, high = min(0.0, *known) if known else 0.0, max(0.0, *known) if known else 0.0
    span, step = (high - low) or 1.0, (WIDTH - 6) / max(len(values) - 1, 1)
    points = [
        None if value is None else (3 + place * step, HEIGHT - 3 - (value - low) / span * (HEIGHT - 6))
        for place, value in enumerate(values)
    ]
    path, is_drawing = "", False
    for point in points:
        if point is not None:
            path += f"{'L' if is_drawing else 'M'}{point[0]:.1f} {point[1]:.1f}"
        is_drawing = point is not None
    last = next((point for point in reversed(points) if point is not None), None)
    dot = f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.5"/>' if last else ""
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Markup(  # noqa: S704  numbers, and a sentence that is escaped
        f'<svg class="spark" role="img" aria-label="{escape(sentence)}" {size}><path d="{path}"/>{dot}</svg>'
    )
