"""Engagement: how much somebody does with what they are sent, from 0 to 100, out of opens, clicks and replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.errors import DeclarationError
from regulars.events.measure import Measure
from regulars.events.vocabulary import Vocabulary, no_strangers
from regulars.events.window import Path, Window
from regulars.later import ibis, ir
from regulars.rules.condition import Facts, Needs

WEIGHTS: Mapping[str, int] = {"opened": 1, "clicked": 4, "replied": 8}
"""Points of one event: whoever writes back means it, a program may open."""
HALF_LIFE = 90
"""Days after which a point counts half."""
HALVINGS = 4
"""Half-lives that count; what is older than 360 days is forgotten."""
MIDDLE = 12
"""Points that make a score of 50: three clicks within a half-life."""


@dataclass(frozen=True, slots=True)
class Engagement:
    """A whole number from 0 to 100; 0 for whoever did nothing.

    An event of 0 to 89 days ago counts its points, of 90 to 179 half of them, then a quarter, then an eighth. All opens
    together count at most as one click. With p points the score is 100 p / (p + 12), rounded.
    Source: our own weights over an exponential decay by half-lives in steps, saturating as p / (p + k) does
    (Michaelis and Menten 1913), so that no number of messages makes anybody more than engaged.
    """

    kinds: tuple[tuple[str, tuple[str, ...]], ...]       # opened, clicked, replied -> event types

    def needs(self) -> Needs:
        """Return how many events of each kind there are in each half-life."""
        return Needs(measures=tuple(self._counted(events, n) for _, events in self.kinds for n in range(HALVINGS)))

    def value(self, facts: Facts) -> ir.Value:
        """Return the score's column. Counted in eighths of a point, so that it is whole numbers on every engine."""
        whole = 2 ** (HALVINGS - 1)
        points = ibis.literal(0, "int64")
        for kind, events in self.kinds:
            parts = [facts.number(self._counted(events, n)).cast("int64") * (whole >> n) for n in range(HALVINGS)]
            told = sum(parts[1:], parts[0]) * WEIGHTS[kind]
            points = points + (ibis.least(told, WEIGHTS["clicked"] * whole) if kind == "opened" else told)
        most = points + MIDDLE * whole
        return (200 * points + most) // (2 * most)

    def sentence(self) -> str:
        """Return what is measured, in words."""
        return "engagement, 0 to 100, by " + ", ".join(f"{kind} ({', '.join(events)})" for kind, events in self.kinds)

    @staticmethod
    def _counted(events: tuple[str, ...], n: int) -> Measure:
        window = Window(newest=n * HALF_LIFE, oldest=(n + 1) * HALF_LIFE - 1)
        return Measure(take="count", events=events, when=window)


def declare_engagement(data: Mapping[str, object], path: Path, known: Vocabulary) -> Engagement:
    """Return what `engagement: {opened: EVENT, clicked: [EVENTS], replied: EVENT}` declares; each may be left out.

    Raises DeclarationError for a kind or an event that is not known.
    """
    told, where = data["engagement"], (*path, "engagement")
    if not isinstance(told, Mapping) or not told:
        hint = "write `engagement: {opened: EVENT, clicked: EVENT, replied: EVENT}`"
        raise DeclarationError(f"{told!r} does not say what people did", hint=hint, path=where)
    no_strangers({str(kind): events for kind, events in told.items()}, frozenset(WEIGHTS), where)
    return Engagement(tuple(
        (kind, known.event_names(told[kind], (*where, kind))) for kind in WEIGHTS if kind in told
    ))
