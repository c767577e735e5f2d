"""Arrow tables that DuckDB reads where they lie, each for as long as an expression refers to it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from weakref import finalize

import ibis.expr.types as ir
from ibis.expr.operations import InMemoryTable


@dataclass(frozen=True, slots=True)
class Lent:
    """What a connection was lent. Ibis, by itself, gives nothing back before the process ends."""

    connection: Any                          # DuckDB's
    holders: Counter[str] = field(default_factory=Counter)       # of each table: the nodes of expressions that hold it
    nodes: set[int] = field(default_factory=set)                 # those, by id
    done: deque[tuple[int, str]] = field(default_factory=deque)  # nodes that nothing refers to any more

    def lend(self, expr: ir.Table) -> None:
        """Give the connection the Arrow tables in an expression, and take back those that no expression is left of."""
        # Not at once when a node goes, which may be in another thread and in the middle of a statement.
        while self.done:
            self._take_back(*self.done.popleft())
        for node in expr.op().find(InMemoryTable):
            if id(node) not in self.nodes:
                self._hand_over(node)

    def _hand_over(self, node: InMemoryTable) -> None:
        if not self.holders[node.name]:
            self.connection.register(node.name, node.data.to_pyarrow(node.schema))
        self.holders[node.name] += 1
        self.nodes.add(id(node))
        finalize(node, self.done.append, (id(node), node.name)).atexit = False

    def _take_back(self, node: int, name: str) -> None:
        self.nodes.discard(node)
        self.holders[name] -= 1
        if not self.holders[name]:
            del self.holders[name]
            self.connection.unregister(name)
