"""What a check found: one claim, whether it holds, and what to do if not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One claim about declarations, data or the machine, and whether it holds."""

    name: str                      # stable, kebab-case: "no-future-events"
    status: Status
    message: str                   # what is so, with numbers
    hint: str = ""                 # the next thing to type, when not ok
    where: str = ""                # "segments/lapsed.yaml:7", "capitan.check_ins", a table
    numbers: dict[str, int | float | str] = field(default_factory=dict)


def worst(findings: Iterable[Finding]) -> Status:
    """Return the gravest status among findings; ok when there are none."""
    order: list[Status] = ["skipped", "ok", "warning", "failed"]
    return max((finding.status for finding in findings), key=order.index, default="ok")


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return a hint that names what exists: the closest option, or all of them when few."""
    known = sorted(options)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"known: {shown}" if known else "nothing is declared yet"
