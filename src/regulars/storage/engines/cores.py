"""Cores: with how many threads an engine works while others are at work beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

AtWork = Callable[[], int]
"""Says how many engines of this machine are at work now, this one among them."""


@dataclass(slots=True, eq=False)
class Cores:
    """The threads of one DuckDB: all that it was given when it works alone, its part when others are at work.

    A small statement takes a third more CPU on two threads than on one, and that core is another engine's; measured in
    docs/decisions/side-by-side.md.
    """

    connection: Any                          # DuckDB's
    at_work: AtWork | None = None            # None: they are never shared
    most: int = 0                            # that it was given; 0: not asked for yet
    now: int = 0

    def take(self) -> None:
        """Take as many as there are for this engine now; before a statement, never during one."""
        if self.at_work is None:
            return
        if not self.most:
            self.most, = self.connection.execute("select current_setting('threads')").fetchone()
            self.now = self.most
        wanted = -(-self.most // max(self.at_work(), 1))
        if wanted != self.now:
            self.connection.execute(f"set threads = {wanted}")
            self.now = wanted
