"""The Messages API as a sandbox: answers of its shape, tokens counted by words."""

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
    return answer_json({
        "id": f"msg_{len(shelf.kept('asked'))}", "type": "message", "role": "assistant", "model": body["model"],
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn" if ends == "stop" else ends,
        "usage": {"input_tokens": len(f"{body.get('system', '')} {asked}".split()), "output_tokens": len(text.split())},
    })


def refusal(status: int, message: str) -> Answer:
    """Return how the vendor says no."""
    kinds = {401: "authentication_error", 404: "not_found_error"}
    error = {"type": kinds.get(status, "invalid_request_error"), "message": message}
    return answer_json({"type": "error", "error": error}, status=status)
