"""Addresses and numbers within texts are hidden; days, times and small numbers are not."""

from __future__ import annotations

import pytest

from regulars.web.mask import mask_within


@pytest.mark.parametrize("text", ["13/01/2026 18:00", "2026-01-05T10:00:00Z", "12 visits at 9.50 USD", "no time"])
def test_a_text_without_an_address_stays(text: str) -> None:
    assert mask_within(text) == text


@pytest.mark.parametrize("text", ["+12548675301", "(254) 867-5301", "254.867.5301", "call 254 867 5301 now", "2026-01-05 2548675301"])
def test_a_number_is_hidden_however_it_is_written(text: str) -> None:
    hidden = mask_within(text)

    assert "•••••" in hidden
    assert "867" not in hidden


def test_addresses_in_a_record_are_hidden_and_the_rest_is_readable() -> None:
    hidden = mask_within('{"email": "joan@example.com", "id": 4, "at": "2026-01-05"}')

    assert hidden == '{"email": "j•••@example.com", "id": 4, "at": "2026-01-05"}'
