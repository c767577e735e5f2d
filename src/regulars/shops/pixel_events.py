"""What a shop's pixel tells, as events like any other: which fields its messages have, which event types they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from regulars.errors import DeclarationError
from regulars.events.event import EventType
from regulars.events.event import declare as declare_event
from regulars.records.record import Field
from regulars.shops.pixel import SPOKEN
from regulars.shops.shop import Shop
from regulars.sources.door import EVENTS, DoorSource
from regulars.sources.source import Source

VIEWED, ADDED, BOUGHT = "product_viewed", "product_added", "order_line"
"""The event types of a pixel: somebody looked at a product, put it into their cart, paid for a line of an order."""

SEEN = "order_line_seen"
"""What BOUGHT is called of a shop that tells of its orders itself: rules and metrics count each line once."""

FIELDS = (
    Field(name="shop_id", path="properties.shop_id", type="id"),
    Field(name="shop_session", path="properties.session_id", type="id"),
    Field(name="shop_product", path="properties.product_id", type="id"),
    Field(name="shop_variant", path="properties.variant_id", type="id"),
    Field(name="shop_order", path="properties.order_id", type="id"),
    Field(name="shop_quantity", path="properties.quantity", type="integer"),
    Field(name="shop_revenue", path="properties.revenue_minor", type="integer"),
    Field(name="shop_currency", path="properties.currency", type="text"),
)
"""What the door's stream has of pixels beside its own fields; revenue is in minor units of the currency."""

_OF_ALL = {"shop_id": "shop_id", "session_id": "shop_session", "product_id": "shop_product",
           "variant_id": "shop_variant"}
_OF_LINES = {"quantity": "shop_quantity", "revenue": "shop_revenue", "currency": "shop_currency"}
_WHAT: Mapping[str, Mapping[str, str]] = {
    VIEWED: _OF_ALL, ADDED: {**_OF_ALL, **_OF_LINES}, BOUGHT: {**_OF_ALL, **_OF_LINES, "order_id": "shop_order"},
    SEEN: {**_OF_ALL, **_OF_LINES, "order_id": "shop_order"},
}
_SENTENCES = {
    VIEWED: "Somebody looked at a product of a shop.", ADDED: "Somebody put a product of a shop into their cart.",
    BOUGHT: "Somebody paid for a line of an order.",
    SEEN: "A pixel saw somebody pay for a line of an order, of which the shop tells itself.",
}


def with_pixels(sources: Sequence[Source], shops: Iterable[Shop]) -> tuple[Source, ...]:
    """Return the sources, those that pixels post to with FIELDS; one that has such a field keeps its own."""
    names = {shop.source for shop in shops}
    return tuple(
        _with_fields(source) if isinstance(source, DoorSource) and source.name in names else source
        for source in sources
    )


def pixel_event_types(sources: Iterable[Source], shops: Sequence[Shop]) -> tuple[EventType, ...]:
    """Return the event types that pixels make, for each source they post to; robots make none."""
    names = {shop.source for shop in shops}
    doors = sorted(source.name for source in sources if isinstance(source, DoorSource) and source.name in names)
    return tuple(
        one for door in doors
        for one in _event_types(door, [shop.name for shop in shops if shop.source == door and shop.orders])
    )


def taken_fields(source: DoorSource) -> Iterable[DeclarationError]:
    """Yield fields of a door that mean something else than FIELDS do, by a shop's `source`."""
    own = {field.name: field for stream in source.streams if stream.name == EVENTS for field in stream.fields}
    for field in FIELDS:
        if field.name in own and own[field.name] != field:
            yield DeclarationError(
                f"{source.name} declares {field.name!r} otherwise than a shop's pixel means it",
                hint=f"give the field of {source.name} another name", path=("source",),
            )


def _with_fields(source: DoorSource) -> DoorSource:
    def joined(fields: tuple[Field, ...]) -> tuple[Field, ...]:
        own = {field.name for field in fields}
        return (*fields, *(field for field in FIELDS if field.name not in own))

    streams = tuple(
        replace(stream, fields=joined(stream.fields)) if stream.name == EVENTS else stream for stream in source.streams
    )
    return replace(source, streams=streams)


def _event_types(source: str, telling: Sequence[str]) -> Iterator[EventType]:
    """Yield the event types of a source; `telling`: the shops that tell of their orders themselves."""
    viewed, added, bought = SPOKEN.values()
    yield _event_type(source, viewed, VIEWED)
    yield _event_type(source, added, ADDED)
    listed = ", ".join(f'"{name}"' for name in telling)
    yield _event_type(source, bought, BOUGHT, f" and shop_id not in ({listed},)" if telling else "")
    if telling:
        yield _event_type(source, bought, SEEN, f" and shop_id in ({listed},)")


def _event_type(source: str, spoken: str, event: str, of_shops: str = "") -> EventType:
    # A dot is in no file's name: a project's own declaration of this event stands beside it.
    is_told = f'type == "track" and name == "{spoken}" and shop_id is not None and not coalesce(is_robot, False)'
    return declare_event(f"{source}.{event}", {
        "from": f"{source}.{EVENTS}", "who": "coalesce(user_id, anonymous_id)", "when": "at", "event": event,
        "only_if": is_told + of_shops, "what": _WHAT[event], "description": _SENTENCES[event],
    })
