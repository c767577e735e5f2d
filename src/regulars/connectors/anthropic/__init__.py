"""Anthropic's Messages API: a question with the shape of its answer, and what the answer says.

Source: https://platform.claude.com/docs/en/api/messages and .../build-with-claude/structured-outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from regulars.connectors.model import Question, Said
from regulars.sources.rest_auth import HeaderAuth

VERSION = "2023-06-01"
"""The version of the API that requests are written in."""

_WHOLE = frozenset({"end_turn", "stop_sequence"})


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Usage(msgspec.Struct):
    input_tokens: int
    output_tokens: int


class _Message(msgspec.Struct):
    content: list[_Block]
    usage: _Usage
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    """How it is spoken to."""

    url: str = "https://api.anthropic.com"
    path: str = "/v1/messages"
    headers: Mapping[str, str] = field(default_factory=lambda: {"anthropic-version": VERSION})

    def auth(self, key: str) -> HeaderAuth:
        """Return how a key is shown."""
        return HeaderAuth(name="x-api-key", value=key)

    def body(self, question: Question, *, model: str) -> Mapping[str, object]:
        """Return the request's body."""
        return {
            "model": model, "max_tokens": question.most_tokens, "system": question.instruction,
            "messages": [{"role": "user", "content": question.text}],
            "output_config": {"format": {"type": "json_schema", "schema": question.schema}},
        }

    def said(self, answer: bytes) -> Said:
        """Return what an answer says."""
        found = msgspec.json.decode(answer, type=_Message)
        text = "".join(block.text for block in found.content if block.type == "text")
        tokens = found.usage.input_tokens + found.usage.output_tokens
        return Said(text=text if found.stop_reason in _WHOLE else None, tokens=tokens)
