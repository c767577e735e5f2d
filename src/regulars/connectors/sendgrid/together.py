"""Which messages go in one request: those that are the same but for some places, which SendGrid fills in for each.

SendGrid takes one content and up to 1,000 addresses, each with its own short texts to put into it. Messages that came
from one template differ in few places, so the content is found again by laying them over one another.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, count

from regulars.destinations.sender import Outgoing

LARGEST = 1_000
"""Addresses in a request."""

LONGEST = 10_000
"""Bytes of texts of its own that one address may have, their names included."""

_TAG = "-regulars.{}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """One content for several messages, and what differs."""

    positions: tuple[int, ...]               # of the messages that go; the first one always does
    text: str                                # with `-regulars.0-` and so on where messages differ
    html: str
    values: tuple[Mapping[str, str], ...]    # for each message that goes: tag -> what stands there


def together(messages: Sequence[Outgoing]) -> Together:
    """Return which of the messages can go in one request with the first one, and what they have in common.

    Nobody is written to twice in one request: SendGrid refuses that.
    """
    first = messages[0]
    alone = Together(positions=(0,), text=first.text, html=first.html, values=({},))
    chosen = _alike(messages) if len(messages) > 1 else [0]
    if len(chosen) == 1:
        return alone
    common = _parts(first)
    own = {n: _unlike(common, messages[n]) for n in chosen}
    differing = sorted({i for parts in own.values() for i in parts})
    values = {n: {_TAG.format(i): own[n].get(i, common[i]) for i in differing} for n in chosen}
    fitting = [n for n in chosen if _size(values[n]) <= LONGEST and not _has_tag(messages[n])]
    if fitting[:1] != [0] or len(fitting) == 1:
        return alone
    for i in differing:
        common[i] = _TAG.format(i)
    lines = first.text.count("\n") + 1
    return Together(
        positions=tuple(fitting),
        text="\n".join(common[:lines]),
        html="<".join(common[lines:]),
        values=tuple(values[n] for n in fitting),
    )


def reply_to(message: Outgoing) -> str:
    """Return where answers go, which SendGrid wants outside the headers; "" when the message does not say."""
    return next((value for name, value in message.headers.items() if name.lower() == "reply-to"), "")


def _alike(messages: Sequence[Outgoing]) -> list[int]:
    """Return the positions of those of the first one's form, one for each address."""
    form, seen, alike = _form(messages[0]), set[str](), list[int]()
    for n, message in enumerate(messages):
        if len(alike) < LARGEST and _form(message) == form and message.to.lower() not in seen:
            seen.add(message.to.lower())
            alike.append(n)
    return alike


def _form(message: Outgoing) -> tuple[object, ...]:
    counts = message.text.count("\n"), message.html.count("<")
    return message.sender, reply_to(message), bool(message.text), bool(message.html), *counts


def _parts(message: Outgoing) -> list[str]:
    """Return the lines of the text and the elements of the HTML: what a template fills in stands inside of one."""
    return [*message.text.split("\n"), *message.html.split("<")]


def _unlike(common: Sequence[str], message: Outgoing) -> dict[int, str]:
    """Return the parts of a message that are not like the first one's, by their positions."""
    parts = _parts(message)
    return {i: parts[i] for i in compress(count(), map(operator.ne, common, parts))}


def _size(values: Mapping[str, str]) -> int:
    return sum(len(text.encode()) for text in chain.from_iterable(values.items()))


def _has_tag(message: Outgoing) -> bool:
    return _TAG.partition("{")[0] in message.text + message.html + message.subject
