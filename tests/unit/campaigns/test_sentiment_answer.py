"""A model's word on a reply is taken where it has the shape that was asked for; what leaves the house names nobody."""

from __future__ import annotations

import json

import pytest

from regulars.campaigns.model_answer import Rejected
from regulars.campaigns.sentiment import read_sentiment
from regulars.campaigns.sentiment_answer import LENGTH, REPLIES, judged, may_be_asked, question, words_of_reply


def answered(mood: str, intent: str) -> tuple[str, str] | Rejected:
    return judged(json.dumps({"mood": mood, "intent": intent}))


def test_an_answer_of_the_shape_that_was_asked_for_is_the_reading() -> None:
    assert answered("positive", "ready_to_buy") == ("positive", "ready_to_buy")


@pytest.mark.parametrize(("mood", "intent", "why"), [
    ("negative", "interested", "interested is not negative"), ("positive", "complaint", "complaint is not positive"),
    ("unknown", "other", "another shape"), ("negative", "opt_out", "another shape"), ("happy", "other", "another shape"),
])
def test_an_answer_that_contradicts_itself_or_was_not_asked_for_is_not_taken(mood: str, intent: str, why: str) -> None:
    rejected = answered(mood, intent)

    assert isinstance(rejected, Rejected)
    assert why in rejected.reason


@pytest.mark.parametrize("answer", [None, "", "positive", "{}", "[]", '{"mood": "positive"}', '{"mood": "positive", "in', "\ud800"])
def test_an_answer_of_no_shape_is_not_taken(answer: str | None) -> None:
    assert isinstance(judged(answer), Rejected)


def test_a_model_cannot_say_that_somebody_wants_to_be_left_alone() -> None:
    assert "opt_out" not in json.dumps(REPLIES.schema)


@pytest.mark.parametrize(("text", "status"), [
    ("STOP", "opted_out"), ("yes please", "opted_in"), ("HELP", "help"), ("I would rather not get these", "review"),
    ("take me off your list", "none"),
])
def test_a_reply_of_which_anything_followed_is_put_before_no_model(text: str, status: str) -> None:
    assert not may_be_asked(read_sentiment(text), status)


def test_no_address_link_or_number_is_put_before_a_model() -> None:
    said = question(words_of_reply("Yes! call (254) 867-5309 or +1 254 867 5310, ann@gym.example, https://gym.example/a?b=1 at 5"))

    assert said == "<reply>\nYes! call … or …, … … at 5\n</reply>"


def test_a_long_reply_is_cut() -> None:
    assert len(words_of_reply("word " * 10_000)) == LENGTH
