"""A template as real people would get it: the words, what they lack, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns import sms
from regulars.campaigns.template import Message, Parsed, Unfilled, missing, render, rendered

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What one person would get."""

    recipient: str
    message: Message | Unfilled
    count: sms.Count | None                  # of a text message


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A template against everybody who would get it."""

    recipients: int
    sendable: int
    lacking: pa.Table                        # reason, recipients, example; as `template.missing`
    segments: int                            # of all text messages together; 0 for e-mail
    worst: sms.Worst | None                  # who costs most


def previews(parsed: Parsed, people: pa.Table, *, recipient: str, shared: Mapping[str, object] = _NOTHING,
             limit: int = 10) -> list[Preview]:
    """Fill a template in for the first people of a table; `recipient` names the column of their ids."""
    shown = []
    for row in people.slice(0, limit).to_pylist():
        message = render(parsed, {**shared, **row})
        is_text = parsed.template.channel == "sms" and isinstance(message, Message)
        counted = sms.count(message.text) if is_text and isinstance(message, Message) else None
        shown.append(Preview(recipient=str(row[recipient]), message=message, count=counted))
    return shown


def survey(parsed: Parsed, people: pa.Table, *, recipient: str, shared: Mapping[str, object] = _NOTHING) -> Survey:
    """Fill a template in for everybody and say what that comes to."""
    filled = rendered(parsed, people, shared=shared)
    ids = people[recipient]
    is_sms = parsed.template.channel == "sms"
    return Survey(
        recipients=people.num_rows,
        sendable=people.num_rows - int(pc.sum(pc.is_valid(filled["reason"])).as_py() or 0),
        lacking=missing(filled, ids),
        segments=int(pc.sum(sms.counts(filled["text"])["segments"]).as_py() or 0) if is_sms else 0,
        worst=sms.worst(ids, filled["text"]) if is_sms else None,
    )
