"""What is not taken, and the lines that say so: a refused message is kept, a blocked one is only counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a message cannot be taken; the code is one of the quarantine's reasons."""

    reason: str
    message: str
    raw: bytes
    field: str = ""                          # marks of a tracking plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A message that the tracking plan keeps out: it is counted, and nothing of it is kept."""

    problem: str


def reject_line(refusal: Refusal, *, received: datetime, number: int, source: str) -> bytes:
    """Return the line by which a refused message goes into quarantine. `number` tells it from others of its request.

    Its file is a name by which it can be answered: see `answered_line`.
    """
    told = f"{source}|{received.isoformat()}|{number}|".encode() + refusal.raw
    name = hashlib.blake2b(told, digest_size=10).hexdigest()
    return _encode({
        "file": f"door-{name}", "line": 1, "reason": refusal.reason, "message": refusal.message,
        "field": refusal.field, "raw": refusal.raw.decode(errors="replace"),
    }) + b"\n"


def answered_line(file: str) -> bytes:
    """Return the line by which a message in quarantine is answered: a corrected one came."""
    return _encode({"file": file, "line": 1, "reason": "answered", "message": "", "raw": ""}) + b"\n"


def blocked_line(blocked: Blocked) -> bytes:
    """Return the line by which a blocked message is counted: what was wrong, and nothing it said."""
    return _encode(blocked.problem) + b"\n"
