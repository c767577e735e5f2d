"""Offers of campaigns as they are read: by rules, or by a language model that was asked before.

Only words of campaigns are put before it, without their addresses. Planning asks nobody: it takes what the book has,
so that the same plan can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.model_answer import Rejected
from regulars.campaigns.offer import Reading, read_offer, words_of
from regulars.campaigns.offer_answer import OFFERS, judged
from regulars.campaigns.template import Template
from regulars.config import Config
from regulars.pipeline.model_readings import RULES, Budget, answers, outlook, reader
from regulars.storage.book import Book
from regulars.storage.book.readings import Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRead:
    """What a variant offers, and who says so."""

    campaign: str
    variant: str
    reading: Reading
    by: str                                  # `rules`, or the model
    reason: str = ""                         # why it is by rules though there is a model


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
    choices, known = reader(config, OFFERS), answers(config, book, OFFERS, texts.values())
    found = []
    for variant, one in templates.items():
        told = read_offer(one.html or one.text, subject=one.subject, sent=sent)
        read = OfferRead(campaign=campaign.name, variant=variant, reading=told, by=RULES)
        if choices is not None:
            text = texts[variant]
            read = _by_model(read, known.get(text), text, model=choices.model, sent=sent)
        found.append(read)
    return found


def budget(config: Config, book: Book, campaigns: Iterable[Campaign], *, now: datetime) -> Budget | None:
    """Return what asking the model about campaigns would come to; None where no model reads them."""
    every = (_words(one) for campaign in campaigns for one in campaign.templates.values() if one is not None)
    return outlook(config, book, OFFERS, every, now=now)


def _by_model(read: OfferRead, answered: Answered | None, text: str, *, model: str, sent: date) -> OfferRead:
    """Return a reading as the model has it, or by rules with the reason."""
    said = Rejected(reason="not asked yet") if answered is None else judged(
        answered.answer, text, read.reading, sent=sent
    )
    reading, by, reason = (read.reading, RULES, said.reason) if isinstance(said, Rejected) else (said, model, "")
    return OfferRead(campaign=read.campaign, variant=read.variant, reading=reading, by=by, reason=reason)


def _words(template: Template) -> str:
    return words_of(template.html or template.text, subject=template.subject)
