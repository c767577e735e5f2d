"""What a shop itself tells of its orders, as events like any other: lines that were paid for, lines that came back.

It is told once at a webhook, and may be told by the pixel too: then the shop's word counts, see `statistics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from regulars.errors import DeclarationError
from regulars.events.currency import minor_digits
from regulars.events.event import EventType
from regulars.events.event import declare as declare_event
from regulars.records.record import Field, ProfileMapping, Stream
from regulars.records.versions import VERSION
from regulars.shops.pixel_events import BOUGHT
from regulars.shops.shop import Shop
from regulars.sources.door import EVENTS
from regulars.sources.source import Source
from regulars.sources.webhook.declare import WebhookSource

RETURNED = "order_line_returned"
"""The event type of a line, or some of its pieces, that was given back."""

LINES = "lines"
"""The stream of lines, below that of deliveries."""

PRODUCTS = "products"
"""The stream of products, of shops that are asked for them: what they are called and their pictures."""

PROVIDER = "shopify"
"""Who tells of orders."""

_BUYER = (
    Field(name="buyer", path="said.customer.id", type="id"),
    Field(name="buyer_email", path="said.customer.email", type="text"),
    Field(name="buyer_phone", path="said.customer.phone", type="text"),
    Field(name="buyer_first_name", path="said.customer.first_name", type="text"),
    Field(name="buyer_last_name", path="said.customer.last_name", type="text"),
    Field(name="order_email", path="said.email", type="text"),
    Field(name="order_phone", path="said.phone", type="text"),
)
_PRODUCT = (
    Field(name="shop", path="shop", type="id", is_required=True),
    Field(name="id", path="id", type="id", is_required=True),
    Field(name="title", path="title", type="text"),
    Field(name="handle", path="handle", type="text"),
    Field(name="status", path="status", type="text"),
    Field(name="vendor", path="vendor", type="text"),
    Field(name="product_type", path="product_type", type="text"),
    Field(name="url", path="url", type="text"),
    Field(name="tags", path="tags", type="json"),
    Field(name="media", path="media", type="json"),
    Field(name="updated_at", path="updated_at", type="timestamp"),
)
_VERSION = Field(name="version", path=VERSION, type="text")
"""Which state of an order a delivery tells: they come in any order."""

_PROFILE = ProfileMapping(
    id="buyer", email="coalesce(buyer_email, order_email)",
    phone="coalesce(buyer_phone, order_phone)", first_name="buyer_first_name", last_name="buyer_last_name",
)
_FIELDS = (
    Field(name="kind", path="kind", type="text", is_required=True),
    Field(name="shop", path="^shop", type="text"),
    Field(name="order", path="order", type="id"),
    Field(name="line", path="line", type="id"),
    Field(name="product", path="product", type="id"),
    Field(name="variant", path="variant", type="id"),
    Field(name="quantity", path="quantity", type="integer"),
    Field(name="amount", path="amount", type="decimal"),
    Field(name="currency", path="currency", type="text"),
    Field(name="at", path="at", type="timestamp", is_required=True),
    Field(name="customer", path="customer", type="id"),
    Field(name="paid_order", path="^said.id", type="id"),
    Field(name="refunded_order", path="^said.order_id", type="id"),
    Field(name="session", path="session", type="id"),
    Field(name="test", path="test", type="text"),
    Field(name="case", path="case", type="text"),
)
_PLAIN: Mapping[str, str] = {
    "product_id": 'concat("gid://shopify/Product/", product) if product is not None else None',
    "variant_id": 'concat("gid://shopify/ProductVariant/", variant) if variant is not None else None',
    "order_id": "order", "quantity": "quantity",
}
# A refund says whose it is by its order alone; by that it is found when its buyer is to be forgotten.
_BY_WHOM = 'coalesce(customer, concat("order/", paid_order))'
_RETURNED_BY = 'concat("order/", refunded_order)'
_SEEN: Mapping[str, str] = {"session_id": "session", "told_test": "test", "told_case": "case"}


def with_orders(sources: Sequence[Source], shops: Iterable[Shop]) -> tuple[Source, ...]:
    """Return the sources, those that shops tell orders to with a stream of lines, and with buyers as their profiles."""
    names = {shop.orders: shop.admin is not None for shop in sorted(shops, key=lambda one: one.admin is not None)}
    return tuple(
        _with_lines(source, is_asked=names[source.name]) if source.name in names and tells_orders(source) else source
        for source in sources
    )


def tells_orders(source: Source) -> bool:
    """Return whether a source takes what Shopify posts."""
    return isinstance(source, WebhookSource) and source.provider == PROVIDER


def order_event_types(sources: Iterable[Source], shops: Iterable[Shop]) -> tuple[EventType, ...]:
    """Return the event types that lines of orders make, of each shop that tells of them."""
    names = {source.name for source in sources if tells_orders(source)}
    return tuple(one for shop in shops if shop.orders in names for one in _event_types(shop))


def taken_names(source: Source) -> Iterable[DeclarationError]:
    """Yield fields of a webhook that mean something else than orders and their buyers do, by a shop's `orders`."""
    for stream in source.streams:
        own = {field.name: field for field in stream.fields}
        for field in (_VERSION, *(_BUYER if stream.profile is None else ())):
            if own.get(field.name, field) != field:
                yield DeclarationError(
                    f"{source.name} declares {field.name!r} otherwise than orders mean it",
                    hint=f"give the field of {source.name} another name, or say its `profile:`", path=("orders",),
                )


def _with_lines(source: Source, *, is_asked: bool) -> Source:
    """Return a source with lines of orders, and with products where any of its shops is asked for them."""
    assert isinstance(source, WebhookSource)
    lines = Stream(
        source=source.name, name=LINES, fields=_FIELDS, parent=EVENTS, each=LINES, is_pushed=True
    )
    products = Stream(
        source=source.name, name=PRODUCTS, fields=_PRODUCT, key=("shop", "id"), is_pushed=True
    )
    own = tuple(_with_buyer(stream) for stream in source.streams)
    return replace(source, streams=(*own, lines, *([products] if is_asked else [])))


def _with_buyer(stream: Stream) -> Stream:
    more = (_VERSION, *(_BUYER if stream.profile is None else ()))
    own = {field.name for field in stream.fields}
    fields = (*stream.fields, *(field for field in more if field.name not in own))
    return replace(stream, fields=fields, profile=stream.profile or _PROFILE)


def _event_types(shop: Shop) -> Iterable[EventType]:
    minor = f"round(amount * {10 ** minor_digits(shop.currency)})"
    told = {
        "shop_id": f'"{shop.name}"', **_PLAIN,
        # What is in other money is not known in the shop's.
        "revenue": f'{minor} if coalesce(currency, "{shop.currency}") == "{shop.currency}" else None',
        "currency": f'coalesce(currency, "{shop.currency}")',
    }
    for kind, event, who, what, sentence in (
        ("sold", BOUGHT, _BY_WHOM, {**told, **_SEEN}, "Somebody paid for a line of an order."),
        ("returned", RETURNED, _RETURNED_BY, told, "A line of an order, or some of its pieces, was given back."),
    ):
        # A dot is in no file's name: a project's own declaration of this event stands beside it.
        yield declare_event(f"{shop.orders}.{shop.name}.{event}", {
            "from": f"{shop.orders}.{LINES}", "who": who, "when": "at", "event": event,
            "only_if": f'kind == "{kind}" and lower(shop) == "{shop.domain}"', "what": what, "description": sentence,
        })
