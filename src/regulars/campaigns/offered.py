"""What a variant of a campaign offers, read from its words once: for every message of it, and to tell offers apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from regulars.campaigns.offer import Offer, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """The offer of a variant's words; of words that offer nothing only has_offer and offer_category are said."""

    variant: str
    has_offer: bool
    offer_key: str | None = None             # the same of the same offer, whatever the words
    offer_type: str | None = None
    offer_amount: str | None = None          # as people write it: 20%, 10.00 USD, 2 week
    offer_code: str | None = None
    offer_expires: date | None = None        # the last day
    offer_minimum: str | None = None         # what has to be spent, major units
    offer_description: str | None = None
    offer_category: str = "other"


def offered(variant: str, told: Reading) -> Offered:
    """Return what a variant offers, as it was read."""
    if told.offer is None:
        return Offered(variant=variant, has_offer=False, offer_category=told.category)
    one = told.offer
    return Offered(
        variant=variant, has_offer=True, offer_key=_key(one), offer_type=one.kind, offer_amount=_amount(one),
        offer_code=one.code, offer_expires=one.expires, offer_minimum=_plain(one.minimum),
        offer_description=one.description, offer_category=told.category,
    )


def _key(one: Offer) -> str:
    """Tell offers apart by what somebody gets: not by the words, and not by until when."""
    said = (one.kind, _plain(one.amount), one.unit, one.topic, _plain(one.minimum), (one.code or "").upper())
    return "/".join(each or "" for each in said)


def _amount(one: Offer) -> str | None:
    amount = _plain(one.amount)
    if amount is None:
        return None
    return f"{amount}%" if one.unit == "percent" else f"{amount} {one.unit or ''}".strip()


def _plain(number: Decimal | None) -> str | None:
    """Write a number one way: 10.0 and 10 are the same offer."""
    return None if number is None else f"{number.normalize():f}"
