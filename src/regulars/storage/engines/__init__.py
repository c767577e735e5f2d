"""The engines that carry out expressions: DuckDB in this process, or Spark."""

from regulars.storage.engines.engine import Engine, Written
from regulars.storage.engines.open import open_engine

__all__ = ["Engine", "Written", "open_engine"]
