"""A language model reads texts: what asking it would come to, asking it on the budget of a day, what it answered.

Each text is asked about once: its answer stays in the book under the text's hash. Whoever reads asks nobody: only who
is told to does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

import msgspec

from regulars.campaigns.model_answer import Asking
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

LETTERS_A_TOKEN = 3
"""Fewer than English has (about 4), so that an estimate is too high rather than too low."""
RULES = "rules"
"""Who reads where no model does."""
_DIALECTS: Mapping[str, type[Anthropic | OpenAI]] = {"anthropic": Anthropic, "openai": OpenAI}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What asking about the texts that nobody asked about yet comes to, and what is left of the day."""

    asking: Asking = field(repr=False)
    texts: int                               # to be asked about; the same words count once
    tokens: int                              # at most, estimated
    cost: Decimal | None                     # at most, major units; None: no price is declared
    requests_left: int
    tokens_left: int
    to_ask: tuple[str, ...] = field(default=(), repr=False)        # the texts, sorted


def reader(config: Config, asking: Asking) -> ModelChoices | None:
    """Return the model that reads such texts; None where rules alone do."""
    choices = config.llm
    return choices if choices is not None and asking.named in choices.reads else None


def answers(config: Config, book: Book, asking: Asking, texts: Iterable[str]) -> dict[str, Answered]:
    """Return what the model answered about some texts, by text; nobody is asked."""
    choices, hashes = reader(config, asking), {text: _hash(text) for text in texts}
    if choices is None:
        return {}
    known = book.readings.find(
        asking.kind, set(hashes.values()), model=choices.model, prompt_version=asking.version
    )
    return {text: known[hashed] for text, hashed in hashes.items() if hashed in known}


def outlook(config: Config, book: Book, asking: Asking, texts: Iterable[str], *, now: datetime) -> Budget | None:
    """Return what asking about texts would come to; None where no model reads them."""
    choices, every = reader(config, asking), set(texts)
    if choices is None:
        return None
    to_ask = sorted(every - answers(config, book, asking, every).keys())
    tokens = sum(_tokens(asking, text) for text in to_ask)
    zone = config.business.zone
    spent = book.readings.spent(since=datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone))
    return Budget(
        asking=asking, texts=len(to_ask), tokens=tokens,
        cost=None if choices.price is None else choices.price * tokens / 1_000_000,
        requests_left=max(0, choices.requests_per_day - spent.requests),
        tokens_left=max(0, choices.tokens_per_day - spent.tokens), to_ask=tuple(to_ask),
    )


def ask(config: Config, book: Book, plan: Budget, *, clock: Clock, environment: Mapping[str, str]) -> str:
    """Ask the model about the texts of a plan, and keep each answer as it comes; killed, the same call goes on.

    Returns why it ended early: the day's budget, or what went wrong. Empty when every text has an answer. What was not
    asked about stays read by rules.
    Raises SourceRefused when the environment lacks the key.
    """
    model, asking = _model(config, clock, environment), plan.asking
    requests, tokens = plan.requests_left, plan.tokens_left
    for text in plan.to_ask:
        if requests < 1 or _tokens(asking, text) > tokens:
            return "the day's budget is used up"
        try:
            said = model.ask(Question(
                instruction=asking.instruction, text=asking.put(text), name=asking.kind, schema=asking.schema,
                most_tokens=asking.most_tokens,
            ))
        except SourceError as error:
            return str(error)
        used = _tokens(asking, text) if said.tokens is None else said.tokens
        book.readings.keep(Answered(
            kind=asking.kind, content_hash=_hash(text), model=model.name, prompt_version=asking.version,
            answer=said.text, tokens=used, at=clock.now(),
        ))
        requests, tokens = requests - 1, tokens - used
    return ""


def _model(config: Config, clock: Clock, environment: Mapping[str, str]) -> Model:
    choices = config.llm
    assert choices is not None
    at = Surroundings(folder=config.folder, environment=environment)
    dialect: Dialect = _DIALECTS[choices.dialect]()
    return Model(
        dialect=dialect, name=choices.model, clock=clock, url=choices.url, timeout=timedelta(seconds=choices.timeout),
        key=None if choices.key is None else revealed(Secret(written=choices.key, at=at, whose="[llm]")),
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tokens(asking: Asking, text: str) -> int:
    """Return about how many tokens a question takes at most, with its answer."""
    letters = len(asking.instruction) + len(msgspec.json.encode(asking.schema)) + len(asking.put(text))
    return letters // LETTERS_A_TOKEN + asking.most_tokens
