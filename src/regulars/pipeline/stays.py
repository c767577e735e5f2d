"""Stays: the segments one customer is in now, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regulars.pipeline.asked import Asked
    from regulars.storage.book.memberships import Stay


def memberships_of(asked: Asked, customer_id: str) -> list[dict[str, Any]]:
    """Return the segments a customer is in now: segment, entered_day, until_day."""
    lasting = asked.lasting
    return [
        {"segment": stay.segment, "entered_day": stay.entered_day, "until_day": until_of(stay, lasting)}
        for stay in asked.memberships.stays_of(customer_id, segments=list(lasting))
    ]


def until_of(stay: Stay, lasting: Mapping[str, int | None]) -> date | None:
    """Return the first day out again of a stay; None while it is open. `lasting`: as of `Asked`."""
    length = lasting[stay.segment]
    return None if length is None else stay.entered_day + timedelta(days=length)
