"""How replies are meant, and that the answer says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.sentiment import read_sentiment

REPLIES = [
    # What counting pieces of words gets wrong: "no" in "know" and "now", "ok", "no thanks", "call me".
    ("I'd like to know more", "positive", "requesting_info"), ("what is the cost now?", "neutral", "question"),
    ("notify me", "positive", "requesting_info"), ("call me now", "positive", "scheduling"),
    ("no thanks", "negative", "not_interested"), ("ok", "positive", "interested"),
    ("Yes, interested!", "positive", "interested"), ("Yes, but not now", "neutral", "maybe_later"),
    ("STOP", "negative", "opt_out"), ("please don't stop", "positive", "interested"), ("not interested", "negative", "not_interested"),
    ("I'm not happy with this, terrible service", "negative", "complaint"), ("happy birthday", "unknown", "other"),
    ("No problem, see you tomorrow", "positive", "scheduling"), ("can't wait!", "positive", "interested"),
    ("not bad", "positive", "interested"), ("who is this?", "negative", "wrong_number"),
    ("maybe later", "neutral", "maybe_later"), ("what time do you open?", "neutral", "question"),
    ("👍", "positive", "interested"), ("I don't love it", "negative", "not_interested"), ("", "unknown", "other"),
    ("too expensive", "negative", "not_interested"), ("How do I join?", "positive", "ready_to_buy"),
    ("Sorry wrong number", "negative", "wrong_number"), ("Is parking free?", "neutral", "question"),
    ("I already have a membership", "negative", "not_interested"), ("not sure yet", "neutral", "thinking"),
    ("take me off your list", "negative", "opt_out"), ("Arrêtez", "negative", "opt_out"),
    ("Cancel the meeting", "unknown", "other"), ("cancel", "negative", "opt_out"),
]


@pytest.mark.parametrize(("text", "mood", "intent"), REPLIES)
def test_a_reply_is_taken_as_it_is_meant(text: str, mood: str, intent: str) -> None:
    found = read_sentiment(text)

    assert (found.mood, found.intent) == (mood, intent), found.because


def test_the_answer_says_which_words_decided() -> None:
    assert read_sentiment("great, but I don't love the price").because == '"great" +2, not "love" -2, "price" +1'


def test_a_reply_that_says_nothing_known_is_unknown_and_not_neutral() -> None:
    assert read_sentiment("lorem ipsum").because == "no word of it is known"


@given(st.text(max_size=80))
def test_any_reply_is_read_and_confidence_is_a_share(text: str) -> None:
    found = read_sentiment(text)

    assert 0 <= found.confidence <= 1
    assert found.score == sum(hit.weight for hit in found.hits)
    assert read_sentiment(text) == found
