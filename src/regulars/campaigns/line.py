"""A telephone line as a provider knows it: whether the number exists, of what kind it is, and what numbers come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

FRESH = timedelta(days=30)
"""How long an answer is believed; then the number may be somebody else's, or of another kind."""

NONEXISTENT = "nonexistent"
"""The kind of a number that the provider says nobody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a provider says of one number."""

    is_valid: bool                           # False is an answer like others: nobody has the number
    kind: str = "unknown"                    # mobile, landline, voip, toll_free, premium, pager, unknown
    carrier: str | None = None
    country: str | None = None               # ISO 3166, two letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What numbers come to, as far as somebody was asked about them."""

    total: int
    answered: int                            # with an answer that is believed
    valid: int
    mobile: int

    @property
    def valid_percent(self) -> Decimal | None:
        """Return how many of a hundred answered numbers exist, to one place; None where none is answered."""
        return _percent(self.valid, self.answered)

    @property
    def mobile_percent(self) -> Decimal | None:
        """Return how many of a hundred numbers that exist are mobile, to one place; None where none exists."""
        return _percent(self.mobile, self.valid)


def counts(lines: Iterable[Line], *, total: int) -> Counts:
    """Count the answers about some of `total` numbers."""
    told = list(lines)
    valid = [one for one in told if one.is_valid]
    mobile = sum(one.kind == "mobile" for one in valid)
    return Counts(total=total, answered=len(told), valid=len(valid), mobile=mobile)


def kinds(lines: Mapping[str, Line]) -> dict[str, str]:
    """Return the kind of line of each number whose provider knows more than its numbering plan says."""
    told = {number: one.kind if one.is_valid else NONEXISTENT for number, one in lines.items()}
    return {number: kind for number, kind in told.items() if kind != "unknown"}


def _percent(part: int, whole: int) -> Decimal | None:
    return None if not whole else (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)
