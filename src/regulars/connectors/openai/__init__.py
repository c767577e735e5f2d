"""Chat completions as OpenAI made them and many servers speak them: a question with the shape of its answer.

Source: https://platform.openai.com/docs/api-reference/chat and .../docs/guides/structured-outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from regulars.connectors.model import Question, Said
from regulars.sources.rest_auth import HeaderAuth


class _Words(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Words
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None              # some servers do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """How it is spoken to."""

    url: str = "https://api.openai.com/v1"
    path: str = "/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)

    def auth(self, key: str) -> HeaderAuth:
        """Return how a key is shown."""
        return HeaderAuth(name="Authorization", value=f"Bearer {key}")

    def body(self, question: Question, *, model: str) -> Mapping[str, object]:
        """Return the request's body."""
        return {
            "model": model, "max_completion_tokens": question.most_tokens,
            "messages": [
                {"role": "system", "content": question.instruction}, {"role": "user", "content": question.text},
            ],
            "response_format": {"type": "json_schema", "json_schema": {
                "name": question.name, "strict": True, "schema": question.schema,
            }},
        }

    def said(self, answer: bytes) -> Said:
        """Return what an answer says."""
        found = msgspec.json.decode(answer, type=_Completion)
        usage = found.usage
        tokens = None if usage is None else usage.prompt_tokens + usage.completion_tokens
        choice = found.choices[0] if found.choices else None
        if choice is None or choice.finish_reason != "stop" or choice.message.refusal:
            return Said(text=None, tokens=tokens)
        return Said(text=choice.message.content, tokens=tokens)
