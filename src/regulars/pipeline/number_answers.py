"""Whether numbers exist and get texts: what a provider said within a month, and asking about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from regulars.campaigns.line import Counts, Line, counts
from regulars.clock import Clock
from regulars.config import Config
from regulars.connectors.numverify import MOST, URL, Numverify
from regulars.connectors.secret import Secret, revealed
from regulars.consent.suppression import address_hash
from regulars.errors import DeclarationError
from regulars.pipeline.salt import salt_of
from regulars.sources.source import Surroundings
from regulars.storage.book import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of some numbers, and whom to ask about."""

    counts: Counts
    to_ask: tuple[str, ...] = field(repr=False)      # E.164, sorted: without an answer that is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far asking is; every answer before it is kept."""

    done: int                                # numbers
    total: int
    unanswered: Mapping[str, int]            # why -> numbers: see `numverify.Why`
    stopped: str = ""                        # why it ended early: nobody answered about a whole batch


def lines_of(book: Book, numbers: Collection[str], *, at: datetime) -> dict[str, Line]:
    """Return what is believed of numbers at a moment; those nobody was asked about in the last month are left out."""
    hashes = _hashes(book, numbers, at=at)
    found = book.number_answers.find(hashes.values(), at=at)
    return {number: found[hashed] for number, hashed in hashes.items() if hashed in found}


def outlook(book: Book, numbers: Sequence[str], *, at: datetime) -> Outlook:
    """Return what numbers come to and who would be asked about; nobody is asked."""
    known = lines_of(book, numbers, at=at)
    return Outlook(
        counts=counts(known.values(), total=len(numbers)),
        to_ask=tuple(sorted(number for number in numbers if number not in known)),
    )


def ask(
    config: Config, book: Book, numbers: Sequence[str], *, clock: Clock, environment: Mapping[str, str]
) -> Iterator[Reached]:
    """Ask about numbers, batch by batch, and keep each batch's answers; killed, the same call goes on.

    Ends early when nobody answers about a whole batch: a provider that is away, or refuses, is left alone.
    Raises DeclarationError where no provider is declared, SourceRefused when the environment lacks the key.
    """
    provider, unanswered = _provider(config, clock, environment), Counter[str]()
    for start in range(0, len(numbers), MOST):
        batch = numbers[start:start + MOST]
        answers = provider.ask(batch)
        lines = {number: one for number, one in answers.items() if isinstance(one, Line)}
        failed = [one for one in answers.values() if not isinstance(one, Line)]
        now = clock.now()
        hashes = _hashes(book, lines, at=now)
        book.number_answers.keep({hashes[number]: one for number, one in lines.items()}, at=now)
        unanswered.update(one.why for one in failed)
        stopped = "" if lines else failed[0].reason
        yield Reached(
            done=start + len(batch), total=len(numbers), unanswered=dict(sorted(unanswered.items())), stopped=stopped
        )
        if stopped:
            return


def _hashes(book: Book, numbers: Collection[str], *, at: datetime) -> dict[str, str]:
    salt = salt_of(book, at=at)
    return {number: address_hash(number, channel="sms", salt=salt) for number in numbers}


def _provider(config: Config, clock: Clock, environment: Mapping[str, str]) -> Numverify:
    choices = config.numbers
    if choices is None:
        raise DeclarationError("no provider is declared that knows numbers", hint='[numbers] key = "${NUMVERIFY_KEY}"')
    at = Surroundings(folder=config.folder, environment=environment)
    return Numverify(
        key=revealed(Secret(written=choices.key, at=at, whose="[numbers]")), clock=clock, url=choices.url or URL,
        per_second=choices.per_second, timeout=timedelta(seconds=choices.timeout),
    )
