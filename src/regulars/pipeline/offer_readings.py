"""Offers of campaigns as they are read: by rules, or by a language model that was asked before; asking it, on a budget.

Only words of campaigns are ever put before a model, without their addresses: never a reply, never a person's data.
Planning asks nobody: it takes what the book has, so that the same plan can be made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import msgspec

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.offer import Reading, read_offer, words_of
from regulars.campaigns.offer_answer import INSTRUCTION, PROMPT_VERSION, SCHEMA, Rejected, judged, question
from regulars.campaigns.template import Template
from regulars.clock import Clock
from regulars.config import Config
from regulars.connectors.anthropic import Anthropic
from regulars.connectors.model import Dialect, Model, Question
from regulars.connectors.openai import OpenAI
from regulars.connectors.secret import Secret, revealed
from regulars.errors import SourceError
from regulars.inquiries import ModelChoices
from regulars.sources.source import Surroundings
from regulars.storage.book import Book
from regulars.storage.book.readings import Answered

KIND = "offer"
MOST_TOKENS = 2_000
"""Tokens of one answer, with what some models think before it."""
LETTERS_A_TOKEN = 3
"""Fewer than English has (about 4), so that an estimate is too high rather than too low."""
RULES = "rules"
_DIALECTS: Mapping[str, type[Anthropic | OpenAI]] = {"anthropic": Anthropic, "openai": OpenAI}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRead:
    """What a variant offers, and who says so."""

    campaign: str
    variant: str
    reading: Reading
    by: str                                  # `rules`, or the model
    reason: str = ""                         # why it is by rules though there is a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What asking about the texts that nobody asked about yet comes to, and what is left of the day."""

    texts: int                               # to be asked about; the same words count once
    tokens: int                              # at most, estimated
    cost: Decimal | None                     # at most, major units; None: no price is declared
    requests_left: int
    tokens_left: int
    to_ask: tuple[str, ...] = field(default=(), repr=False)        # the texts, sorted


def offers_read(config: Config, book: Book, campaign: Campaign, *, sent: date) -> list[OfferRead]:
    """Return what each variant that says something offers, in order; a model is not asked.

    Args:
        config: Says whether there is a model.
        book: Has its answers.
        campaign: Whose variants.
        sent: The local day on which it goes, which settles `today`.

    """
    templates = {variant: one for variant, one in campaign.templates.items() if one is not None}
    texts = {variant: _words(one) for variant, one in templates.items()}
    known = {} if config.llm is None else _known(book, config.llm, texts.values())
    found = []
    for variant, one in templates.items():
        told = read_offer(one.html or one.text, subject=one.subject, sent=sent)
        read = OfferRead(campaign=campaign.name, variant=variant, reading=told, by=RULES)
        if config.llm is not None:
            read = _by_model(read, known.get(_hash(texts[variant])), texts[variant], model=config.llm.model, sent=sent)
        found.append(read)
    return found


def budget(config: Config, book: Book, campaigns: Iterable[Campaign], *, now: datetime) -> Budget | None:
    """Return what asking the model about campaigns would come to; None where no model is declared."""
    choices = config.llm
    if choices is None:
        return None
    every = {_words(one) for campaign in campaigns for one in campaign.templates.values() if one is not None}
    known = _known(book, choices, every)
    texts = sorted(text for text in every if _hash(text) not in known)
    tokens = sum(_tokens(text) for text in texts)
    zone = config.business.zone
    spent = book.readings.spent(since=datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone))
    return Budget(
        texts=len(texts), tokens=tokens, cost=None if choices.price is None else choices.price * tokens / 1_000_000,
        requests_left=max(0, choices.requests_per_day - spent.requests),
        tokens_left=max(0, choices.tokens_per_day - spent.tokens), to_ask=tuple(texts),
    )


def ask(config: Config, book: Book, plan: Budget, *, clock: Clock, environment: Mapping[str, str]) -> str:
    """Ask the model about the texts of a plan, and keep each answer as it comes; killed, the same call goes on.

    Returns why it ended early: the day's budget, or what went wrong. Empty when every text has an answer. What was not
    asked about stays read by rules.
    Raises SourceRefused when the environment lacks the key.
    """
    assert config.llm is not None
    model = _model(config, clock, environment)
    requests, tokens = plan.requests_left, plan.tokens_left
    for text in plan.to_ask:
        if requests < 1 or _tokens(text) > tokens:
            return "the day's budget is used up"
        try:
            said = model.ask(_question(text))
        except SourceError as error:
            return str(error)
        used = _tokens(text) if said.tokens is None else said.tokens
        book.readings.keep(Answered(
            kind=KIND, content_hash=_hash(text), model=model.name, prompt_version=PROMPT_VERSION, answer=said.text,
            tokens=used, at=clock.now(),
        ))
        requests, tokens = requests - 1, tokens - used
    return ""


def _by_model(read: OfferRead, answered: Answered | None, text: str, *, model: str, sent: date) -> OfferRead:
    """Return a reading as the model has it, or by rules with the reason."""
    said = Rejected(reason="not asked yet") if answered is None else judged(
        answered.answer, text, read.reading, sent=sent
    )
    reading, by, reason = (read.reading, RULES, said.reason) if isinstance(said, Rejected) else (said, model, "")
    return OfferRead(campaign=read.campaign, variant=read.variant, reading=reading, by=by, reason=reason)


def _known(book: Book, choices: ModelChoices, texts: Iterable[str]) -> dict[str, Answered]:
    hashes = {_hash(text) for text in texts}
    return book.readings.find(KIND, hashes, model=choices.model, prompt_version=PROMPT_VERSION)


def _model(config: Config, clock: Clock, environment: Mapping[str, str]) -> Model:
    choices = config.llm
    assert choices is not None
    at = Surroundings(folder=config.folder, environment=environment)
    dialect: Dialect = _DIALECTS[choices.dialect]()
    return Model(
        dialect=dialect, name=choices.model, clock=clock, url=choices.url, timeout=timedelta(seconds=choices.timeout),
        key=None if choices.key is None else revealed(Secret(written=choices.key, at=at, whose="[llm]")),
    )


def _question(text: str) -> Question:
    return Question(
        instruction=INSTRUCTION, text=question(text), name=KIND, schema=SCHEMA, most_tokens=MOST_TOKENS
    )


def _words(template: Template) -> str:
    return words_of(template.html or template.text, subject=template.subject)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tokens(text: str) -> int:
    """Return about how many tokens a question takes at most, with its answer."""
    letters = len(INSTRUCTION) + len(msgspec.json.encode(SCHEMA)) + len(question(text))
    return letters // LETTERS_A_TOKEN + MOST_TOKENS
