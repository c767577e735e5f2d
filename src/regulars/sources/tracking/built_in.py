"""Plans to begin with, where nothing has been sent yet: the events that a line of business is likely to tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regulars.sources.tracking import ecommerce, gym


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """Events with their properties, as one line of business names them."""

    said: str                                # what they are, in words
    events: Iterable[str]
    properties: Callable[[str], dict[str, Any]]        # of an event: a schema each


BUILT_IN: Mapping[str, BuiltIn] = {
    "ecommerce": BuiltIn(
        said="The events of shops, as Segment's e-commerce specification names them",
        events=ecommerce.EVENTS, properties=ecommerce.properties,
    ),
    "gym": BuiltIn(
        said="The events of gyms, as the example gym names them", events=gym.EVENTS, properties=gym.properties,
    ),
}
"""By the name that is typed for it."""


def begun(name: str, source: str) -> dict[str, Any]:
    """Return a built-in plan of a door as it would be declared: it marks what is otherwise, and turns nothing away."""
    built_in = BUILT_IN[name]
    track = {event: {"properties": {"properties": built_in.properties(event)}} for event in built_in.events}
    return {"source": source, "on_violation": "allow", "on_unplanned": "allow", "track": track}
