"""Segments of a text message against a published calculator, and what a campaign costs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.campaigns import sms
from regulars.errors import DeclarationError

CASES = Path(__file__).parents[3].parent / "shared" / "data" / "webhooks" / "sms_segments.json"
TEXTS = st.text(alphabet="ab€{|ô😀’—\n", max_size=400)  # noqa: RUF001 - what word processors write


@pytest.mark.skipif(not CASES.exists(), reason="needs ../shared/data/webhooks")
def test_every_published_case_is_counted_as_published() -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]

    wrong = []
    for case in cases:
        count = sms.count(sms.plain(case["text"]) if case["smart_encoding"] else case["text"])
        found = (count.encoding, count.segments, count.bits, count.bits_sent)
        if found != (case["encoding"], case["segments"], case["message_size_bits"], case["total_size_bits"]):
            wrong.append(case["name"])

    assert len(cases) > 100
    assert wrong == []


def test_what_makes_a_text_expensive_is_named_with_what_to_write_instead() -> None:
    count = sms.count("It’s a fête")  # noqa: RUF001 - what word processors write

    assert (count.encoding, count.units) == ("UCS-2", 11)
    assert [(o.name, o.positions, o.replacement, o.is_same_meaning) for o in count.offenders] == [
        ("RIGHT SINGLE QUOTATION MARK", (2,), "'", True), ("LATIN SMALL LETTER E WITH CIRCUMFLEX", (8,), "e", False),
    ]


def test_an_emoji_has_no_replacement() -> None:
    (offender,) = sms.count("hi 😀").offenders

    assert offender.replacement is None


def test_an_escaped_character_is_never_parted_between_segments() -> None:
    assert sms.count("a" * 152 + "€" + "a" * 151).segments == 2
    assert sms.count("a" * 152 + "€" + "a" * 152).segments == 3


@given(st.lists(TEXTS, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_column_is_counted_as_its_texts_are(texts: list[str]) -> None:
    table = sms.counts(pa.array(texts, pa.string()))

    one = [sms.count(text) for text in texts]
    assert table.to_pylist() == [{"encoding": c.encoding, "units": c.units, "segments": c.segments} for c in one]


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_segments_hold_exactly_what_is_sent_and_plain_is_never_dearer(text: str) -> None:
    count = sms.count(text)
    room = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[count.encoding][count.segments > 1]

    assert count.units <= room * count.segments
    assert count.segments == 1 or count.units > (room - 1) * (count.segments - 1)
    assert sms.plain(sms.plain(text)) == sms.plain(text)


def test_the_dearest_recipient_is_found_and_the_least_id_of_equals() -> None:
    worst = sms.worst(pa.array(["3", "1", "2"]), pa.array(["x" * 161, "y", "z" * 161]))

    assert worst is not None
    assert (worst.recipient, worst.count.segments) == ("2", 2)


def test_an_empty_audience_has_no_dearest_recipient() -> None:
    assert sms.worst(pa.array([], pa.string()), pa.array([], pa.string())) is None


RATES = [
    sms.Rate(provider="quo", country="US", currency="USD", segment_micros=10_000, carrier_micros=3_000),
    sms.Rate(provider="quo", country="*", currency="USD", segment_micros=50_000),
]


def test_messages_cost_what_their_segments_cost_in_their_country() -> None:
    numbers = pa.array(["+12542223333", "+442079460958", "+12542224444"])

    cost = sms.cost(pa.array([1, 2, 3]), sms.countries(numbers), provider="quo", rates=RATES)

    assert cost == sms.Cost(currency="USD", messages=3, segments=6, micros=4 * 13_000 + 2 * 50_000)


def test_a_country_without_a_rate_is_refused_not_free() -> None:
    with pytest.raises(DeclarationError, match="no rate of quo for GB"):
        sms.cost(pa.array([1]), pa.array(["GB"]), provider="quo", rates=RATES[:1])


def test_canada_and_the_united_states_are_told_apart_by_area_code() -> None:
    assert sms.countries(pa.array(["+14165551234", "+12125551234", None])).to_pylist() == ["CA", "US", None]
