"""Chat completions as a sandbox: answers of their shape, tokens counted by words."""

from __future__ import annotations

from typing import Any

from regulars.connectors.model_sandbox import told, whole
from regulars.connectors.sandbox import Answer, Call, Shelf, answer_json

__all__ = ["answer", "refusal", "told"]


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what the vendor answers to a request that follows its contract."""
    body: Any = call.body
    asked = body["messages"][-1]["content"]
    text, ends = whole(asked, shelf)
    is_refused = ends == "refusal"
    message = {"role": "assistant", "content": None if is_refused else text, "refusal": text if is_refused else None}
    prompt = sum(len(one["content"].split()) for one in body["messages"])
    return answer_json({
        "id": f"chatcmpl-{len(shelf.kept('asked'))}", "object": "chat.completion", "model": body["model"],
        "choices": [{
            "index": 0, "message": message,
            "finish_reason": {"refusal": "stop", "max_tokens": "length"}.get(ends, ends),
        }],
        "usage": {
            "prompt_tokens": prompt, "completion_tokens": len(text.split()), "total_tokens": prompt + len(text.split()),
        },
    })


def refusal(status: int, message: str) -> Answer:
    """Return how the vendor says no."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return answer_json({"error": error}, status=status)
