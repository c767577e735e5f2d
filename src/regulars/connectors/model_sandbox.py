"""A language model as a sandbox plays it: it reads offers and replies as the rules do, or says what it was told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from regulars.campaigns.offer import read_offer
from regulars.campaigns.sentiment import read_sentiment
from regulars.connectors.sandbox import Post, Shelf


def whole(text: str, shelf: Shelf) -> tuple[str, str]:
    """Return the answer to a text between its marks, and why it ends there: `stop`, or what was told.

    Who asks is kept as `asked`, so that a test can see what left the house.
    """
    told = shelf.kept("answers")
    asked = len(shelf.kept("asked"))
    shelf.keep("asked", {"text": text})
    if asked < len(told) and told[asked]["text"] is not None:
        return str(told[asked]["text"]), str(told[asked]["ends"])
    if text.startswith("<reply>"):
        return _meant(text.removeprefix("<reply>\n").removesuffix("\n</reply>")), "stop"
    reading = read_offer(text.removeprefix("<message>\n").removesuffix("\n</message>"))
    one = reading.offer
    offer = None if one is None else {
        "kind": one.kind, "amount": None if one.amount is None else float(one.amount), "unit": one.unit,
        "is_up_to": one.is_up_to, "code": one.code, "expires_words": one.expires_words,
        "minimum": None if one.minimum is None else float(one.minimum), "topic": one.topic,
        "description": one.description,
    }
    return msgspec.json.encode({"offer": offer, "category": reading.category}).decode(), "stop"


def _meant(text: str) -> str:
    told = read_sentiment(text)
    mood = "neutral" if told.mood == "unknown" else told.mood
    return msgspec.json.encode({"mood": mood, "intent": told.intent}).decode()


def told(happening: str, words: Mapping[str, object], shelf: Shelf) -> Sequence[Post]:
    """Let the model say something else: `answer` (text, ends) is what it says to the next question without one."""
    if happening == "answer":
        shelf.keep("answers", {"text": words.get("text"), "ends": words.get("ends", "stop")})
    return ()
