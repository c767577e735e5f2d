"""What a world is made from, the seed, the size and the days it covers, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import date_of, day_number
from regulars.testing.gym.chance import chance, sized

OPENED = date(2024, 10, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The arguments of one world, and what follows from them alone."""

    seed: int
    scale: float                   # 1: the reference gym's size
    first_day: int                 # days since 1970-01-01; a week before the gym opened
    last_day: int                  # the last day the world knows, "as of"

    @property
    def opened(self) -> int:
        """Return the day the gym opened, or the first day of a world that begins later."""
        return max(day_number(OPENED), self.first_day)

    @property
    def days(self) -> int:
        """Return how many days the world covers."""
        return self.last_day - self.first_day + 1

    def rng(self, topic: str) -> np.random.Generator:
        """Return the chance of one topic."""
        return chance(self.seed, topic)

    def sized(self, reference: int, *, at_least: int = 0) -> int:
        """Return how many of something there are, from the reference gym's figure."""
        return sized(reference, self.scale, at_least=at_least)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A generated world: where it lies and what it was made from."""

    folder: Path
    setting: Setting

    @property
    def sandbox(self) -> Path:
        """Return the folder of what each system says: `<provider>/<stream>.ndjson`."""
        return self.folder / "sandbox"

    @property
    def truth(self) -> Path:
        """Return the folder of the truth: `<table>.parquet`."""
        return self.folder / "truth"

    @property
    def first_day(self) -> date:
        """Return the first day anything happened."""
        return date_of(self.setting.first_day)

    @property
    def last_day(self) -> date:
        """Return the last day the world knows."""
        return date_of(self.setting.last_day)
