"""The engines that carry out expressions: DuckDB in this process, or Spark."""

from typing import TYPE_CHECKING

from regulars.storage.engines.engine import Engine, Question, Written

if TYPE_CHECKING:
    from regulars.storage.engines.open import open_engine

__all__ = ["Engine", "Question", "Written", "open_engine"]


def __getattr__(name: str) -> object:
    # Found when it is asked for: who asks what was compiled before is spared the loading of both engines.
    if name != "open_engine":
        raise AttributeError(name)
    from regulars.storage.engines.open import open_engine  # noqa: PLC0415  see above

    return open_engine
