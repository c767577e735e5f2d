"""A shop: by which domains it is known, whose days and money it counts in, and what is tested on its products.

    domain: summit-gear.myshopify.com        that Shopify gave it
    domains: [gear.summit.example]           others, by which its pixel may name it too
    source: site                             of `kind: door`; there its pixel's messages are kept
    timezone: America/Chicago                left out: the business's
    currency: USD                            left out: the business's
    needs_key: true                          its pixel has to show a write key of the source; left out: it need not
    orders: shopify                          of `kind: webhook` and `provider: shopify`: what it tells of orders counts,
                                             whatever its pixel says of them; left out: only the pixel tells of them
    admin: {token: "${GEAR_TOKEN}"}          of its Admin API: each run asks it for orders that no webhook told of
    experiments:                             with `unit: shop_slot` and two variants
      - {experiment: gallery_2026_02, product: 7809670938693, slot: 60 minutes}

The file's name is the shop's id. What is shown of a product under test changes slot by slot, in an order that a hash
deals: each variant once in every two slots. Product and variant ids may be numbers or GIDs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from regulars.errors import DeclarationError
from regulars.records.record import duration
from regulars.setting import as_currency, as_timezone
from regulars.shops.named import gid, host_of, shopify_domain
from regulars.sources.declared import as_mapping, no_strangers
from regulars.sources.reference import references

if TYPE_CHECKING:
    from regulars.config import Business

Path = tuple[str | int, ...]

SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=7)
"""Bounds of a slot: pages are kept for minutes on their way to people, and a week is what a shop lives by."""

_KEYS = {"domain", "domains", "source", "timezone", "currency", "needs_key", "orders", "admin", "experiments"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A product of a shop of which an experiment shows one variant after the other."""

    experiment: str
    product: str                             # GID
    slot: timedelta                          # how long one variant is shown to everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Where a shop itself is asked, and by what it knows us."""

    token: str                               # as written: `${NAME}`
    url: str | None = None                   # None: the shop's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A declared shop."""

    name: str                                # the file's stem: the id that exports and answers have
    domain: str                              # at Shopify, in lower case
    source: str                              # of kind door
    timezone: str                            # IANA name
    currency: str                            # ISO 4217
    domains: tuple[str, ...] = ()            # others, in lower case
    needs_key: bool = False
    orders: str | None = None                # source of what it tells of orders; None: only its pixel does
    admin: Admin | None = None               # None: it is not asked
    experiments: tuple[Rotation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shops:
    """The shops of a project, found by what a pixel or a person calls them."""

    every: tuple[Shop, ...] = ()

    @cached_property
    def _by_name(self) -> Mapping[str, Shop]:
        domains = {domain: shop for shop in self.every for domain in (shop.domain, *shop.domains)}
        return {shop.name.lower(): shop for shop in self.every} | domains

    def called(self, name: object) -> Shop | None:
        """Return the shop of a domain, a URL or an id, however it is spelled; None for none of them."""
        if not isinstance(name, str):
            return None
        return self._by_name.get(name.strip().lower()) or self._by_name.get(host_of(name) or "")


def declare(name: str, data: Mapping[str, object], *, business: Business) -> Shop:
    """Return the shop that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    no_strangers(data, _KEYS, path=())
    domain = shopify_domain(data.get("domain"))
    if domain is None:
        message = f"{data['domain']!r} is no domain at Shopify" if "domain" in data else "a shop needs its `domain`"
        hint = "domain: summit-gear.myshopify.com"
        raise DeclarationError(message, hint=hint, path=("domain",) if "domain" in data else ())
    source = data.get("source")
    if not isinstance(source, str) or not source:
        path: Path = ("source",) if "source" in data else ()
        raise DeclarationError("a shop says where its pixel posts", hint="source: site, of `kind: door`", path=path)
    needs_key = data.get("needs_key", False)
    if not isinstance(needs_key, bool):
        raise DeclarationError(f"{needs_key!r} is neither", hint="true or false", path=("needs_key",))
    orders = data.get("orders")
    if orders is not None and (not isinstance(orders, str) or not orders):
        raise DeclarationError(f"{orders!r} is no source", hint="orders: shopify", path=("orders",))
    return Shop(
        name=name, domain=domain, source=source, needs_key=needs_key, orders=orders,
        admin=_admin(data),
        domains=tuple(_host(one, ("domains", n)) for n, one in enumerate(_listed(data, "domains"))),
        timezone=as_timezone(data.get("timezone", business.timezone), ("timezone",)),
        currency=as_currency(data.get("currency", business.currency), ("currency",)),
        experiments=tuple(_rotation(one, ("experiments", n)) for n, one in enumerate(_listed(data, "experiments"))),
    )


def _admin(data: Mapping[str, object]) -> Admin | None:
    if data.get("admin") is None:
        return None
    said, path, hint = as_mapping(data["admin"], path=("admin",)), ("admin",), 'admin: {token: "${GEAR_TOKEN}"}'
    no_strangers(said, {"token", "url"}, path=path)
    token, url = said.get("token"), said.get("url")
    if not isinstance(token, str) or not references(token):
        raise DeclarationError("a token stands in the environment, not in a file", hint=hint, path=path)
    if url is not None and not isinstance(url, str):
        raise DeclarationError(f"{url!r} is no address", hint="leave it out: the shop's own", path=(*path, "url"))
    if not data.get("orders"):
        hint = "orders: shopify, a source of `kind: webhook` and `provider: shopify`"
        raise DeclarationError("what it is asked for is kept with what it tells of its orders", hint=hint, path=path)
    return Admin(token=token, url=url)


def shared_domains(shops: Iterable[Shop]) -> Iterable[tuple[Shop, DeclarationError]]:
    """Yield shops that have a domain of one before them."""
    first: dict[str, Shop] = {}
    for shop in sorted(shops, key=lambda one: one.name):
        for path, domain in ((("domain",), shop.domain), *((("domains", n), d) for n, d in enumerate(shop.domains))):
            other = first.setdefault(domain, shop)
            if other is not shop:
                yield shop, DeclarationError(
                    f"{domain} is the shop {other.name!r} already", hint="one file a shop", path=path
                )


def _listed(data: Mapping[str, object], key: str) -> list[object]:
    value = data.get(key, [])
    if not isinstance(value, list):
        hint = {"domains": "domains: [gear.summit.example]", "experiments": "a line `- {experiment: …}` for each"}[key]
        raise DeclarationError(f"{value!r} is no list", hint=hint, path=(key,))
    return value


def _host(value: object, path: Path) -> str:
    host = host_of(value)
    if host is None or "." not in host:
        raise DeclarationError(f"{value!r} is no domain", hint="gear.summit.example", path=path)
    return host


def _rotation(value: object, path: Path) -> Rotation:
    data = as_mapping(value, path=path)
    no_strangers(data, {"experiment", "product", "slot"}, path=path)
    for key, hint in _ROTATION.items():
        if key not in data:
            raise DeclarationError(f"an experiment on a product needs {key!r}", hint=hint, path=path)
    product = gid(data["product"], "Product")
    if product is None:
        raise DeclarationError(
            f"{data['product']!r} is no product", hint="7809670938693, or gid://shopify/Product/7809670938693",
            path=(*path, "product"),
        )
    slot = duration(data["slot"], (*path, "slot"))
    if not SHORTEST <= slot <= LONGEST:
        raise DeclarationError(
            f"a slot of {data['slot']} is not what a test can use", hint="10 minutes to 7 days: 60 minutes",
            path=(*path, "slot"),
        )
    return Rotation(experiment=str(data["experiment"]), product=product, slot=slot)


_ROTATION = {
    "experiment": "the name of a file in experiments/", "product": "product: 7809670938693", "slot": "slot: 60 minutes"
}
