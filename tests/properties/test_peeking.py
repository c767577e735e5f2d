"""Looking 200 times names few winners among equal variants: the short form of benchmarks/peeking.py."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

RUNS = 1_000
FEW = 0.05 + 3 * np.sqrt(0.05 * 0.95 / RUNS)


@cache
def peeking() -> ModuleType:
    spec = importlib.util.spec_from_file_location("peeking", Path(__file__).parents[2] / "benchmarks" / "peeking.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("units", [3, 20])
@pytest.mark.parametrize("metric", ["proportion", "mean", "ratio", "CUPED"])
def test_rules_made_for_looking_name_few_winners_and_others_many(metric: str, units: int) -> None:
    found = peeking().false_winners(metric, runs=RUNS, seed=11, units=units)

    unsafe = {rule: share for rule, share in found.items() if rule.startswith("(")}
    assert {rule: share for rule, share in found.items() if rule not in unsafe and share > FEW} == {}
    assert min(unsafe.values()) > 0.25


def test_a_right_split_is_hardly_ever_called_wrong_in_a_whole_life() -> None:
    found = peeking().false_mismatches((0.2, 0.4, 0.4), runs=RUNS, seed=11)

    assert found["any time"] <= 0.001 + 3 * np.sqrt(0.001 / RUNS)
    assert found["(chi-square, every look)"] > 0.005


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.6])
def test_few_discoveries_are_false_under_dependence_and_stopping(correlation: float) -> None:
    found = peeking().false_discoveries(correlation, runs=400, seed=11, looks=60)

    assert found["e-BH"] <= 0.05
    assert found["e-BH intervals that miss"] <= 0.05
    assert found["(BH on fixed p)"] > 0.05


def test_the_price_of_looking_is_as_said() -> None:
    widths = peeking().costs()

    assert widths["confidence sequence"] <= 1.56
    assert widths["O'Brien-Fleming, five looks"] <= 1.06


def test_a_thousand_experiments_of_ten_metrics_take_well_under_a_second_in_all_but_the_recursions() -> None:
    seconds = peeking().speeds()

    recursions = seconds.pop("group sequential, five looks") + seconds.pop("sample size")
    assert sum(seconds.values()) < 0.5
    assert recursions < 3
