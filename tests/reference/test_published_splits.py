"""The splits of two published experiments, counted in their raw files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv

from regulars.stats import sample_ratio

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "experiments"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs ../shared/data/experiments")


def counts(file: str, column: str) -> np.ndarray:
    rows = csv.read_csv(FOLDER / file, convert_options=csv.ConvertOptions(include_columns=[column]))
    return np.unique(np.array(rows[column]), return_counts=True)[1]


def test_cookie_cats_has_a_split_that_one_look_doubts() -> None:
    result = sample_ratio.single_look(counts("cookie_cats.csv.gz", "version"), np.array([0.5, 0.5]))

    assert float(result.p) == pytest.approx(0.0086, abs=5e-5)


def test_cookie_cats_is_no_alarm_for_who_watched_all_along() -> None:
    result = sample_ratio.any_time(counts("cookie_cats.csv.gz", "version"), np.array([0.5, 0.5]))

    assert float(result.p) > 0.001


def test_hillstrom_has_the_split_it_says() -> None:
    result = sample_ratio.single_look(counts("hillstrom.csv.gz", "segment"), np.full(3, 1 / 3))

    assert float(result.p) == pytest.approx(0.904, abs=5e-4)
