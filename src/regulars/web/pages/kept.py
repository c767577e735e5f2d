"""What took long to compute, kept while it is true: under a fingerprint of everything it was made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from regulars.pipeline.read import content_of, digest
from regulars.pipeline.workspace import Workspace

Value = TypeVar("Value")


@dataclass(slots=True, kw_only=True)
class Kept(Generic[Value]):
    """The last values that were asked for, for all threads."""

    most: int
    _values: OrderedDict[str, Value] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, made_of: str, make: Callable[[], Value]) -> Value:
        """Return the value under a fingerprint; made when there is none. Two threads may both make it."""
        with self._lock:
            if made_of in self._values:
                self._values.move_to_end(made_of)
                return self._values[made_of]
        value = make()
        with self._lock:
            self._values[made_of] = value
            while len(self._values) > self.most:
                self._values.popitem(last=False)
        return value


def made_of(workspace: Workspace, tables: Iterable[str], *more: object) -> str:
    """Return a fingerprint of tables of the lake as they are now, and of whatever else counts, by its repr."""
    return digest(workspace.book.tenant, [content_of(workspace, table) for table in tables], repr(more))
