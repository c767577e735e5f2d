"""Everything that shops tell: by their pixels and by their webhooks, as fields of sources and as event types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from regulars.events.event import EventType
from regulars.shops.order_events import order_event_types, with_orders
from regulars.shops.pixel_events import pixel_event_types, with_pixels
from regulars.shops.shop import Shop
from regulars.sources.source import Source


def with_shops(sources: Sequence[Source], shops: Sequence[Shop]) -> tuple[Source, ...]:
    """Return the sources, with what shops tell in those of their pixels and of their orders."""
    return with_orders(with_pixels(sources, shops), shops)


def shop_event_types(sources: Iterable[Source], shops: Sequence[Shop]) -> tuple[EventType, ...]:
    """Return the event types of pixels, and those of orders."""
    sources = tuple(sources)
    return pixel_event_types(sources, shops) + order_event_types(sources, shops)
