"""A model's answer is believed as far as the text bears it out: nothing invented gets through."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from regulars.campaigns.model_answer import Rejected
from regulars.campaigns.offer import Reading, read_offer, words_of
from regulars.campaigns.offer_answer import judged, question

SENT = date(2026, 3, 1)
TEXT = "Bring a friend and the second bouldering course costs you half. Say PAIR50 at the desk until 3/31, from $50 up."
OFFER: dict[str, object] = {
    "kind": "percent_off", "amount": 50, "unit": "percent", "is_up_to": False, "code": "PAIR50",
    "expires_words": "until 3/31", "minimum": 50, "topic": "programme",
    "description": "Bring a friend and the second bouldering course costs you half.",
}


def answered(text: str = TEXT, **changed: object) -> Reading | Rejected:
    answer = json.dumps({"offer": OFFER | changed, "category": "promotional"})
    return judged(answer, words_of(text), read_offer(text, sent=SENT), sent=SENT)


def test_an_answer_that_the_text_bears_out_is_the_reading() -> None:
    reading = answered()

    assert isinstance(reading, Reading)
    assert reading.offer is not None
    assert (reading.offer.kind, reading.offer.amount, reading.offer.code) == ("percent_off", Decimal(50), "PAIR50")
    assert (reading.offer.minimum, reading.offer.expires, reading.category) == (50, date(2026, 3, 31), "promotional")


@pytest.mark.parametrize(("changed", "why"), [
    ({"code": "SPRING50"}, "'SPRING50'"), ({"code": "PAIR"}, "'PAIR'"), ({"amount": 20}, "amount 20"),
    ({"minimum": 75}, "minimum 75"), ({"expires_words": "until April"}, "'until April'"),
    ({"description": "Half off every course"}, "no such sentence"), ({"description": " "}, "no such sentence"),
    ({"unit": "USD"}, "percent_off is not told"), ({"unit": None}, "percent_off is not told"),
    ({"kind": "raffle"}, "another shape"), ({"amount": "a lot"}, "another shape"), ({"colour": "red"}, "another shape"),
    ({"amount": 150}, "amount 150"),
])
def test_what_the_text_does_not_say_is_not_taken(changed: dict[str, object], why: str) -> None:
    rejected = answered(**changed)

    assert isinstance(rejected, Rejected)
    assert why in rejected.reason


@pytest.mark.parametrize("answer", [None, "", "Sure! Here is the offer:", "{}", "[]", '{"offer": {}, "category": "other"}', '{"offer": nul'])
def test_an_answer_of_no_shape_is_not_taken(answer: str | None) -> None:
    told = read_offer(TEXT, sent=SENT)

    assert isinstance(judged(answer, words_of(TEXT), told, sent=SENT), Rejected)


def test_a_model_may_say_that_nothing_is_offered() -> None:
    text = "20% off of nothing, as they say"

    reading = judged('{"offer": null, "category": "other"}', words_of(text), read_offer(text))

    assert isinstance(reading, Reading)
    assert (reading.offer, reading.others, reading.codes) == (None, (), ())


@pytest.mark.parametrize("text", [
    "Take 20% off orders over $50 with code SPRING20 until 3/31.", "$10 off your next visit", "Buy one get one free, today only",
    "Buy one class, get the second half price", "Try us free for two weeks", "A free coffee with any pass",
    "Free shipping on orders over £30", "Get a $25 gift card", "Save {{ share }}: 15% off with code {{ code }}",
    "Half price day passes at https://gym.example/half?code=NOPE",
])
def test_what_the_rules_read_would_be_believed_of_a_model_too(text: str) -> None:
    told = read_offer(text, sent=SENT)
    one = told.offer
    assert one is not None
    offer = {name: getattr(one, name) for name in OFFER}
    answer = json.dumps({"offer": offer, "category": told.category}, default=float)

    reading = judged(answer, words_of(text), told, sent=SENT)

    assert isinstance(reading, Reading), reading
    assert reading.offer is not None
    assert (reading.offer.kind, reading.offer.amount, reading.offer.code) == (one.kind, one.amount, one.code)
    assert reading.offer.expires == one.expires


def test_no_address_is_put_before_a_model() -> None:
    asked = question(words_of("20% off at https://gym.example/?who=ann or ask ann@gym.example"))

    assert "20% off" in asked
    assert "gym.example" not in asked
