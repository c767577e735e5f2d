"""Replies as they are read: by rules as soon as they come, or by a language model that was asked about their words.

A model has no part in who is left alone: that is told and done when a reply comes (`take_reply`), and a reply of which
anything followed is never put before one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from regulars.campaigns.model_answer import Rejected
from regulars.campaigns.sentiment import Intent, Mood, Sentiment, read_sentiment
from regulars.campaigns.sentiment_answer import REPLIES, judged, may_be_asked, words_of_reply
from regulars.config import Config
from regulars.pipeline.model_readings import RULES, Budget, answers, outlook, reader
from regulars.storage.book import Book
from regulars.storage.book.replies import ReplyLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRead:
    """How a reply is meant, and who says so."""

    line: ReplyLine
    mood: Mood
    intent: Intent
    by: str                                  # `rules`, or the model
    reason: str                              # of rules the words that count; with a model also why it is not the reader


def replies_read(config: Config, book: Book, lines: Sequence[ReplyLine]) -> list[ReplyRead]:
    """Return how each reply is meant, in order; a model is not asked."""
    choices, found = reader(config, REPLIES), []
    known = answers(config, book, REPLIES, _asked_about(lines))
    for line in lines:
        told = read_sentiment(line.reply.text)
        by_rules = ReplyRead(line=line, mood=told.mood, intent=told.intent, by=RULES, reason=told.because)
        if choices is None or not may_be_asked(told, line.reply.status):
            found.append(by_rules)
            continue
        answered = known.get(words_of_reply(line.reply.text))
        said = Rejected(reason="not asked yet") if answered is None else judged(answered.answer)
        if isinstance(said, Rejected):
            found.append(replace(by_rules, reason=f"{said.reason}; {told.because}"))
        else:
            mood, intent = said
            found.append(replace(by_rules, mood=mood, intent=intent, by=choices.model, reason=""))
    return found


def budget(config: Config, book: Book, lines: Iterable[ReplyLine], *, now: datetime) -> Budget | None:
    """Return what asking the model about replies would come to; None where no model reads them."""
    return outlook(config, book, REPLIES, _asked_about(lines), now=now)


def keep_readings(book: Book, read: Iterable[ReplyRead], *, at: datetime) -> int:
    """Write down how replies are meant that stand otherwise in the book; return how many those were.

    They come back as records, so that timelines say the same; done again, nothing is left to be done.
    """
    changed = [
        replace(one.line.reply, mood=one.mood, intent=one.intent) for one in read
        if (one.mood, one.intent) != (one.line.reply.mood, one.line.reply.intent)
    ]
    book.replies.read_again(changed, at=at)
    return len(changed)


def _asked_about(lines: Iterable[ReplyLine]) -> set[str]:
    """Return the words of replies that may be put before a model."""
    every = {line.reply.text: line.reply.status for line in lines if line.reply.status == "none"}
    told: dict[str, Sentiment] = {text: read_sentiment(text) for text in every}
    return {words_of_reply(text) for text, status in every.items() if may_be_asked(told[text], status)}
