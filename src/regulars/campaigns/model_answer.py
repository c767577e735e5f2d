"""What a language model is asked about texts of one kind, whose answer has a shape, and an answer that is not taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

Shape = TypeVar("Shape", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked about every text of a kind."""

    kind: str                                # of what is read: offer, reply
    named: str                               # the same in `reads` of [llm]: `inquiries.READ`
    instruction: str                         # the same for all texts
    schema: Mapping[str, Any]                # JSON Schema of the answer
    put: Callable[[str], str]                # returns a text as it stands before the model
    most_tokens: int                         # of one answer, with what some models think before it

    @property
    def version(self) -> str:
        """Return what changes with what is asked: an answer to another question is never taken for one to this."""
        return hashlib.sha256(self.instruction.encode() + msgspec.json.encode(self.schema)).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An answer that is not taken."""

    reason: str


def shaped(answer: str | None, shape: type[Shape]) -> Shape | Rejected:
    """Return an answer (JSON; None: the model gave none that is whole) in its shape, or why it has another."""
    if answer is None:
        return Rejected(reason="the model gave no whole answer")
    try:
        return msgspec.json.decode(answer, type=shape)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Rejected(reason=f"the answer has another shape: {error}")


def whole(properties: Mapping[str, object]) -> dict[str, Any]:
    """Return the schema of an object that has all of some properties and no others, which is what models are held to.

    Both dialects take this part of JSON Schema.
    """
    return {
        "type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False,
    }


def one_of(words: tuple[str, ...]) -> dict[str, object]:
    """Return the schema of one of some words."""
    return {"type": "string", "enum": list(words)}
