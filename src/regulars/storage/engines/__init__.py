"""The engines that carry out expressions: DuckDB in this process, or Spark."""

from regulars.storage.engines.engine import Engine, Question, Written
from regulars.storage.engines.open import open_engine

__all__ = ["Engine", "Question", "Written", "open_engine"]
