"""What Shopify's own pixel events mean: the names and properties of the built-in e-commerce events.

`docs/explanation/shop-events.md` says where the two mean different things, and what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urljoin

import msgspec

from regulars.shops.named import gid, tail

Id = int | str | None

PAGE = "page_viewed"
"""What Shopify calls the event that is a page, by its title; all of NAMES are tracks."""

NAMES: Mapping[str, str] = {
    "collection_viewed": "Product List Viewed",
    "search_submitted": "Products Searched",
    "product_viewed": "Product Viewed",
    "product_added_to_cart": "Product Added",
    "product_removed_from_cart": "Product Removed",
    "cart_viewed": "Cart Viewed",
    "checkout_started": "Checkout Started",
    "checkout_contact_info_submitted": "Checkout Step Completed",
    "checkout_address_info_submitted": "Checkout Step Completed",
    "checkout_shipping_info_submitted": "Checkout Step Completed",
    "payment_info_submitted": "Payment Info Entered",
    "checkout_completed": "Order Completed",
}
"""What Shopify calls an event -> its name in the tracking API."""

ORDER_LINE = "Order Line"
"""What each line of `checkout_completed` is called beside it."""

STEPS: Mapping[str, int] = {
    "checkout_contact_info_submitted": 1, "checkout_address_info_submitted": 2, "checkout_shipping_info_submitted": 3,
    "payment_info_submitted": 4,
}
"""The order in which a checkout asks; one page may ask for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """One message that something a pixel said means."""

    event: str | None                        # its name in the tracking API
    type: Literal["track", "page"] = "track"
    known_by: str | None = None              # the same for the same thing told again; None: the event's own id
    product: Id = None
    variant: Id = None
    line: Mapping[str, Any] | None = None    # quantity, revenue in major units, currency; None: it is of no line
    order: Id = None
    line_item: Id = None
    properties: Mapping[str, Any] = field(default_factory=dict)


class _Part(msgspec.Struct, rename="camel", frozen=True):
    """A part of an event: what it lacks is null, what we do not know is passed over."""


class _Money(_Part, frozen=True):
    amount: float
    currency_code: str | None = None


class _Image(_Part, frozen=True):
    src: str | None = None


class _Product(_Part, frozen=True):
    id: Id = None
    title: str | None = None
    type: str | None = None
    url: str | None = None
    vendor: str | None = None


class _Variant(_Part, frozen=True):
    id: Id = None
    image: _Image | None = None
    price: _Money | None = None
    product: _Product | None = None
    sku: str | None = None
    title: str | None = None


class _CartCost(_Part, frozen=True):
    total_amount: _Money | None = None


class _CartLine(_Part, frozen=True):
    merchandise: _Variant | None = None
    quantity: int | None = None
    cost: _CartCost = _CartCost()


class _Cart(_Part, frozen=True):
    id: Id = None
    lines: list[_CartLine] = []


class _Listed(_Part, frozen=True):
    """A collection, or what was found."""

    id: Id = None
    title: str | None = None
    query: str | None = None
    product_variants: list[_Variant] = []


class _Line(_Part, frozen=True):
    id: Id = None
    title: str | None = None
    quantity: int | None = None
    variant: _Variant | None = None
    final_line_price: _Money | None = None


class _Discount(_Part, frozen=True):
    type: str | None = None
    title: str | None = None


class _Option(_Part, frozen=True):
    title: str | None = None


class _Delivery(_Part, frozen=True):
    selected_delivery_options: list[_Option] = []


class _Method(_Part, frozen=True):
    name: str | None = None


class _Transaction(_Part, frozen=True):
    payment_method: _Method | None = None


class _Shipping(_Part, frozen=True):
    price: _Money | None = None


class _Order(_Part, frozen=True):
    id: Id = None


class _Checkout(_Part, frozen=True):
    token: str | None = None
    order: _Order | None = None
    currency_code: str | None = None
    total_price: _Money | None = None
    subtotal_price: _Money | None = None
    total_tax: _Money | None = None
    discounts_amount: _Money | None = None
    shipping_line: _Shipping | None = None
    discount_applications: list[_Discount] = []
    delivery: _Delivery | None = None
    transactions: list[_Transaction] = []
    line_items: list[_Line] = []

    @property
    def order_id(self) -> Id:
        """Return the order that came of it, once it is completed."""
        return self.order.id if self.order else None


class _Data(_Part, frozen=True):
    product_variant: _Variant | None = None
    cart_line: _CartLine | None = None
    cart: _Cart | None = None
    collection: _Listed | None = None
    search_result: _Listed | None = None
    checkout: _Checkout | None = None


class _Location(_Part, frozen=True):
    href: str | None = None
    pathname: str | None = None
    search: str | None = None


class _Document(_Part, frozen=True):
    location: _Location = _Location()
    referrer: str | None = None
    title: str | None = None


class _Navigator(_Part, frozen=True):
    language: str | None = None
    user_agent: str | None = None


class _Context(_Part, frozen=True):
    document: _Document = _Document()
    navigator: _Navigator = _Navigator()


class WebPixelEvent(_Part, frozen=True):
    """An event as Shopify gives it to a pixel, as far as it is looked at."""

    id: str
    name: str
    client_id: str
    data: _Data
    timestamp: str | None = None
    context: _Context = _Context()

    @property
    def address(self) -> str | None:
        """Return the page on which it happened: of a domain of the shop."""
        return self.context.document.location.href

    def page(self) -> dict[str, Any]:
        """Return what it says of the page, in the words of `context.page`."""
        document, place = self.context.document, self.context.document.location
        return _said(
            url=place.href, path=place.pathname, search=place.search, referrer=document.referrer, title=document.title
        )

    def surroundings(self) -> dict[str, Any]:
        """Return the `context` of its messages."""
        navigator = self.context.navigator
        return _said(page=self.page() or None, userAgent=navigator.user_agent, locale=navigator.language)


def is_web_pixel(said: Mapping[str, Any]) -> bool:
    """Return whether something said has the shape of Shopify's own events."""
    return "eventType" not in said and "name" in said and "clientId" in said


def meant(event: WebPixelEvent) -> Iterator[Meant]:
    """Yield the messages that an event means, PAGE or one of NAMES, its own first: behind an order stand its lines."""
    data, name, checkout = event.data, event.name, event.data.checkout or _Checkout()
    spoken, href = NAMES.get(name), event.context.document.location.href or ""
    match name:
        case "page_viewed":
            yield Meant(event=event.context.document.title, type="page", properties=event.page())
        case "collection_viewed":
            listed = data.collection or _Listed()
            told = _said(list_id=_text(listed.id), category=listed.title)
            yield Meant(event=spoken, properties={**told, "products": _products(listed.product_variants, href)})
        case "search_submitted":
            yield Meant(event=spoken, properties=_said(query=(data.search_result or _Listed()).query))
        case "product_viewed":
            variant = data.product_variant or _Variant()
            currency = variant.price.currency_code if variant.price else None
            priced = _said(currency=currency, value=_amount(variant.price))
            yield _of_variant(spoken, variant, {**_product(variant, href), **priced})
        case "product_added_to_cart" | "product_removed_from_cart":
            yield _of_cart_line(spoken, data.cart_line or _CartLine(), href)
        case "cart_viewed":
            cart = data.cart or _Cart()
            lines = [_counted(line.merchandise or _Variant(), line.quantity, href) for line in cart.lines]
            yield Meant(event=spoken, properties={**_said(cart_id=_text(cart.id)), "products": lines})
        case "checkout_completed":
            yield from _order(spoken, checkout, href, known=_known_by(checkout) or event.id)
        case "checkout_started":
            yield Meant(event=spoken, properties=_sold(checkout, href, value=checkout.total_price))
        case _:
            yield Meant(event=spoken, properties=_step(checkout, STEPS[name]))


def _of_variant(spoken: str | None, variant: _Variant, properties: Mapping[str, Any], **more: Any) -> Meant:
    product = variant.product.id if variant.product else None
    return Meant(event=spoken, product=product, variant=variant.id, properties=properties, **more)


def _of_cart_line(spoken: str | None, line: _CartLine, href: str) -> Meant:
    variant = line.merchandise or _Variant()
    told = _line(line.quantity, line.cost.total_amount)
    return _of_variant(spoken, variant, _counted(variant, line.quantity, href), line=told)


def _line(quantity: int | None, cost: _Money | None) -> dict[str, Any]:
    return {"quantity": quantity, "revenue": _amount(cost), "currency": cost.currency_code if cost else None}


def _order(spoken: str | None, checkout: _Checkout, href: str, *, known: str) -> Iterator[Meant]:
    """Yield an order and its lines: a page of thanks that is loaded again tells the same ones."""
    order, taken = checkout.order_id, set[str]()
    properties = _sold(checkout, href, total=checkout.total_price, subtotal=checkout.subtotal_price)
    yield Meant(event=spoken, order=order, known_by=known, properties=properties)
    for n, line in enumerate(checkout.line_items):
        variant = line.variant or _Variant()
        named = tail(str(line.id or variant.id or n))
        named = f"{named}.{n}" if named in taken else named      # one variant on two lines without ids
        taken.add(named)
        yield _of_variant(
            ORDER_LINE, variant, _said(name=line.title), order=order, line_item=line.id,
            known_by=f"{known}/{named}", line=_line(line.quantity, line.final_line_price),
        )


def _known_by(checkout: _Checkout) -> str | None:
    if checkout.order_id:
        return f"order/{tail(str(checkout.order_id))}"
    return f"checkout/{checkout.token}" if checkout.token else None


def _sold(checkout: _Checkout, href: str, **sums: _Money | None) -> dict[str, Any]:
    """Return what a checkout is to sell or has sold, with sums of it by the names they have in one of the two."""
    codes = _joined(one.title for one in checkout.discount_applications if one.type == "DISCOUNT_CODE")
    told = _said(
        checkout_id=checkout.token, order_id=_text(checkout.order_id),
        revenue=_amount(checkout.subtotal_price), tax=_amount(checkout.total_tax),
        shipping=_amount(checkout.shipping_line.price) if checkout.shipping_line else None,
        discount=_amount(checkout.discounts_amount), coupon=codes, currency=checkout.currency_code,
    )
    lines = [
        {**_said(name=line.title), **_counted(line.variant or _Variant(), line.quantity, href)}
        for line in checkout.line_items
    ]
    return {**told, **_said(**{name: _amount(money) for name, money in sums.items()}), "products": lines}


def _step(checkout: _Checkout, step: int) -> dict[str, Any]:
    options = checkout.delivery.selected_delivery_options if checkout.delivery else []
    methods = [one.payment_method.name for one in checkout.transactions if one.payment_method]
    return _said(
        checkout_id=checkout.token, step=step,
        shipping_method=_joined(one.title for one in options), payment_method=_joined(methods),
    )


def _products(variants: Iterable[_Variant], href: str) -> list[dict[str, Any]]:
    return [_product(variant, href) for variant in variants]


def _counted(variant: _Variant, quantity: int | None, href: str) -> dict[str, Any]:
    return {**_product(variant, href), **_said(quantity=quantity)}


def _product(variant: _Variant, href: str) -> dict[str, Any]:
    product = variant.product or _Product()
    return _said(
        product_id=gid(product.id, "Product") or _text(product.id), sku=variant.sku, category=product.type,
        name=product.title, brand=product.vendor, variant=variant.title, price=_amount(variant.price),
        url=_address(product.url, href), image_url=_address(variant.image.src if variant.image else None, href),
    )


def _amount(money: _Money | None) -> float | None:
    return None if money is None else money.amount


def _said(**members: Any) -> dict[str, Any]:
    """Return what is said: null and an empty text say nothing."""
    return {name: value for name, value in members.items() if value is not None and value != ""}


def _joined(texts: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text))


def _text(value: Id) -> str | None:
    return None if value is None else str(value)


def _address(told: str | None, href: str) -> str | None:
    """Return a whole address: Shopify says those of products and pictures as seen from the page."""
    try:
        return urljoin(href, told) if told else None
    except ValueError:                       # what the page is called is no address
        return told
