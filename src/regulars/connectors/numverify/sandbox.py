"""Numverify as a sandbox: every number that a numbering plan gives out is a mobile line, until it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import phonenumbers

from regulars.connectors.sandbox import Answer, Call, Post, Shelf, answer_json


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what the vendor answers to a request that follows its contract; errors of its own come with a 200."""
    number = call.text("number")
    if not number:
        return _error(210, "no phone number was given")
    shelf.keep("asked", {"number": number})
    said = next((one for one in reversed(shelf.kept("lines")) if one["number"] == f"+{number}"), {})
    if "error" in said:
        return _error(int(str(said["error"])), "as it was told")
    parsed = phonenumbers.parse(f"+{number}", None)
    is_valid = bool(said.get("valid", phonenumbers.is_valid_number(parsed)))
    country = phonenumbers.region_code_for_number(parsed) or "US"
    return answer_json({
        "valid": is_valid, "number": number, "country_code": country if is_valid else "",
        "carrier": said.get("carrier", "Sandbox Mobile") if is_valid else "",
        "line_type": said.get("line_type", "mobile") if is_valid else None,
    })


def refusal(status: int, message: str) -> Answer:
    """Return how the vendor's gateway says no."""
    return answer_json({"message": message}, status=status)


def told(happening: str, words: Mapping[str, object], shelf: Shelf) -> Sequence[Post]:
    """Let a `line` be another: number (E.164), and any of valid, line_type, carrier, error (the vendor's code)."""
    if happening == "line":
        shelf.keep("lines", words)
    return ()


def _error(code: int, info: str) -> Answer:
    return answer_json({"success": False, "error": {"code": code, "type": "error", "info": info}})
