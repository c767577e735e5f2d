"""Cores: with how many threads an engine works while others are at work beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

AtWork = Callable[[], int]
"""Says how many engines of this machine are at work now, this one among them."""


@dataclass(slots=True, eq=False)
class Cores:
    """The threads of one DuckDB. All that it was given when it works alone, its part when it does not.

    A small statement takes a third more CPU on two threads than on one, and that core is another engine's: a day of a
    small business ends a sixth sooner (docs/decisions/side-by-side.md).
    """

    connection: Any                          # DuckDB's
    at_work: AtWork
    most: int = field(init=False)
    now: int = field(init=False)

    def __post_init__(self) -> None:
        self.most, = self.connection.execute("select current_setting('threads')").fetchone()
        self.now = self.most

    def take(self) -> None:
        """Take as many as there are for this engine now; before a statement, never during one."""
        wanted = -(-self.most // max(self.at_work(), 1))
        if wanted != self.now:
            self.connection.execute(f"set threads = {wanted}")
            self.now = wanted
