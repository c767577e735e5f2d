"""Who gets into an experiment: once, for ever, and independently of everything else that is decided by chance."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.experiments.enrol import enrol
from regulars.experiments.experiment import Experiment, Goal, Layer, RampStep, Variant
from regulars.experiments.holdout import Holdout

DAY = date(2026, 1, 10)
UNITS = pa.array([f"c_{n}" for n in range(20_000)])


def _experiment(**more: object) -> Experiment:
    kept = {"name": "offer", "control": "a", "primary": (Goal(metric="joined"),),
            "variants": (Variant(name="a", weight=Fraction(30)), Variant(name="b", weight=Fraction(70)))}
    return Experiment(**(kept | more))


def _counts(found: pa.Table) -> dict[str | None, int]:
    return {row["values"]: row["counts"] for row in found["variant"].value_counts().to_pylist()}


def test_units_are_split_by_the_weights_and_a_list_of_any_order_alike() -> None:
    found = enrol(UNITS, experiment=_experiment(), day=DAY)
    again = enrol(UNITS.take(pa.array(np.random.default_rng(1).permutation(20_000))), experiment=_experiment(), day=DAY)

    assert abs(_counts(found)["a"] - 6_000) < 4 * np.sqrt(20_000 * 0.3 * 0.7)
    assert found.equals(again)


def test_a_quota_splits_a_list_exactly() -> None:
    found = enrol(pa.array([f"id {n}" for n in range(20)]), experiment=_experiment(allocation="quota"), day=DAY)

    assert _counts(found) == {"a": 6, "b": 14}


def test_who_has_a_variant_keeps_it_even_one_that_is_no_longer_declared() -> None:
    stored = pa.table({"unit": ["c_1", "c_2"], "variant": ["b", "gone"], "epoch": [1, 1]})

    found = enrol(pa.array(["c_1", "c_2", "c_3"]), experiment=_experiment(variants=(Variant(name="a", weight=Fraction(100)),)), day=DAY, stored=stored)

    assert found["variant"].to_pylist() == ["b", "gone", "a"]
    assert found["how"].to_pylist() == [None, None, "hash"]


def test_a_ramp_lets_more_in_and_moves_nobody() -> None:
    ramp = (RampStep(day=date(2026, 1, 1), share=Fraction(1, 10)), RampStep(day=date(2026, 1, 20), share=Fraction(1)))
    early = enrol(UNITS, experiment=_experiment(ramp=ramp), day=DAY)
    late = enrol(UNITS, experiment=_experiment(ramp=ramp), day=date(2026, 1, 25))

    entered = pc.is_valid(early["variant"])
    assert abs(pc.sum(entered).as_py() - 2_000) < 200
    assert early["variant"].filter(entered).equals(late["variant"].filter(entered))
    assert set(early["left_out"].filter(pc.invert(entered)).to_pylist()) == {"ramp at 10%"}
    assert late["variant"].null_count == 0


def test_experiments_of_one_layer_share_nobody_and_fill_it() -> None:
    one = enrol(UNITS, experiment=_experiment(layer=Layer(name="mail", first=0, below=4_000)), day=DAY)
    other = enrol(UNITS, experiment=_experiment(name="text", layer=Layer(name="mail", first=4_000, below=10_000)), day=DAY)

    assert pc.all(pc.not_equal(pc.is_valid(one["variant"]), pc.is_valid(other["variant"]))).as_py()


def test_a_holdout_is_the_same_people_in_every_experiment_and_says_nothing_of_their_variant() -> None:
    holdout = [Holdout(name="everybody", share=Fraction(1, 10)), Holdout(name="price", share=Fraction(1, 2), tags=("price",))]
    one = enrol(UNITS, experiment=_experiment(), day=DAY, holdouts=holdout)
    other = enrol(UNITS, experiment=_experiment(name="text"), day=DAY, holdouts=holdout)

    assert one["left_out"].equals(other["left_out"])
    assert set(one["left_out"].drop_null().to_pylist()) == {"holdout everybody"}
    counts = _counts(one)
    assert abs(counts["a"] / (counts["a"] + counts["b"]) - 0.3) < 4 * np.sqrt(0.21 / 18_000)


def test_two_experiments_split_the_same_units_independently() -> None:
    one, other = (enrol(UNITS, experiment=_experiment(name=name), day=DAY)["variant"] for name in ("offer", "text"))
    a, b = (np.array(pc.equal(column, "a").combine_chunks()).astype(float) for column in (one, other))

    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(20_000)


def test_an_empty_audience_enrols_nobody() -> None:
    assert len(enrol(pa.array([], pa.string()), experiment=_experiment(), day=DAY)) == 0
