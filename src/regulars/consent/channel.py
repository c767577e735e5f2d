"""Ways to reach a person, what for, and the one spelling of an address under which everything about it is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from regulars.identity.identifier import NORTH_AMERICA, IdentifierRules, normalise_emails, normalise_phones

Channel = Literal["email", "sms"]
Purpose = Literal["marketing", "transactional"]
Contact = Literal["email", "phone"]

CHANNELS: tuple[Channel, ...] = ("email", "sms")
PURPOSES: tuple[Purpose, ...] = ("marketing", "transactional")

CONTACTS: dict[Channel, Contact] = {"email": "email", "sms": "phone"}
"""Which contact of a customer (see `identity.reach`) a channel uses."""

RULES = IdentifierRules()


def canonical(raw: str | None, *, channel: Channel, rules: IdentifierRules = RULES) -> str | None:
    """Return an address as it is kept: an e-mail address folded, a number in E.164; None for what is neither.

    A wish to be left alone counts for numbers that no plan knows too, so a number that only looks like one (ten digits
    at home in North America, or any with its country code) is kept as it looks. `sendable` is stricter.
    """
    return canonical_all([raw], channel=channel, rules=rules)[0]


def canonical_all(
    raw: Sequence[str | None], *, channel: Channel, rules: IdentifierRules = RULES
) -> list[str | None]:
    """Return many addresses as they are kept, in order."""
    read = normalise_emails if channel == "email" else normalise_phones
    shaped = _shaped_email if channel == "email" else _shaped_phone
    found: list[str | None] = read(raw, rules=rules).values.to_pylist()
    return [
        shaped(text, rules.country) if address is None and text is not None else address
        for address, text in zip(found, raw, strict=True)
    ]


def sendable(raw: str | None, *, channel: Channel, rules: IdentifierRules = RULES) -> str | None:
    """Return an address that a message can go to; None for one that no numbering plan or mail system knows."""
    read = normalise_emails if channel == "email" else normalise_phones
    found: str | None = read([raw], rules=rules).values[0].as_py()
    return found


def _shaped_email(raw: str, country: str) -> str | None:  # noqa: ARG001  as of numbers
    return raw.strip().lower() if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", raw.strip()) else None


def _shaped_phone(raw: str, country: str) -> str | None:
    digits = re.sub(r"[^0-9]", "", raw)
    if len(set(digits[-7:])) < 2:
        return None
    if raw.strip().startswith("+"):
        return f"+{digits}" if 8 <= len(digits) <= 15 else None
    if country not in NORTH_AMERICA:
        return None
    ten = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    return f"+1{ten}" if len(ten) == 10 else None
