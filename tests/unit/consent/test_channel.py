"""An address has one spelling; what looks like a number counts for a wish to be left alone."""

from __future__ import annotations

import pytest

from regulars.consent.channel import canonical, sendable
from regulars.identity.identifier import IdentifierRules


@pytest.mark.parametrize("raw", [
    "5551234567", "15551234567", "(555) 123-4567", "+1 555 123 4567", "555.123.4567", "1-555-123-4567",
    "+1(555)123-4567", "  5551234567  ",
])
def test_what_looks_like_a_number_is_kept_for_a_stop(raw: str) -> None:
    assert canonical(raw, channel="sms") == "+15551234567"


def test_what_no_numbering_plan_has_cannot_be_sent_to() -> None:
    # The reference takes any ten digits; no exchange of North America begins with 1.
    assert sendable("5551234567", channel="sms") is None


@pytest.mark.parametrize("raw", [
    "4158586273", "14158586273", "(415) 858-6273", "+1 415 858 6273", "415.858.6273", "1-415-858-6273", "+1(415)858-6273",
])
def test_a_number_of_the_plan_is_one_however_it_is_written(raw: str) -> None:
    assert canonical(raw, channel="sms") == sendable(raw, channel="sms") == "+14158586273"


@pytest.mark.parametrize("raw", [
    "", None, "555123456", "55512345678", "25551234567", "abc1234567", "000-000-0000", "123", "1234567890123456",
    "phone-number", "555-123-456a",
])
def test_what_is_no_number_is_none(raw: str | None) -> None:
    assert canonical(raw, channel="sms") is None


def test_a_foreign_number_is_taken_with_its_country_code() -> None:
    assert sendable("+44 20 7183 8750", channel="sms") == "+442071838750"
    assert sendable("020 7183 8750", channel="sms", rules=IdentifierRules(country="GB")) == "+442071838750"


def test_an_address_is_folded() -> None:
    assert canonical(" A.Lee+gym@Gmail.com ", channel="email") == "alee@gmail.com"
    assert canonical("no address", channel="email") is None
