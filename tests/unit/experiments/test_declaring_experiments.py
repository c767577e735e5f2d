"""An experiment is declared in words, and whatever is wrong with it is told with what would be right."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from regulars.errors import DeclarationError
from regulars.experiments.amend import amendment_problems
from regulars.experiments.checks import layer_problems, problems
from regulars.experiments.declare import declare
from regulars.experiments.experiment import Experiment, Goal, Guardrail, RampStep, Variant
from regulars.experiments.holdout import declare as declare_holdouts
from regulars.experiments.holdout import holdouts_of
from regulars.project.marked import read_marked
from regulars.testing.gym import trial

OFFER = """\
unit: household
audience: first_day_pass
variants: {no_offer: 20, two_week_pass: 40, half_price_visit: 40}
primary: joined_within_30_days
guardrails: [revenue_per_customer, unsubscribe_rate]
runs: 2026-01-05 to 2026-02-16
"""
METRICS = frozenset({"joined_within_30_days", "revenue_per_customer", "unsubscribe_rate"})


def declared(text: str = OFFER, name: str = "day_pass_offer_2026_01", **changes: Any) -> Experiment:
    return declare(name, {**read_marked(text).data, **changes})


def told(**changes: Any) -> list[str]:
    found = problems(declared(**changes), metrics=METRICS, segments=frozenset({"first_day_pass", "lapsed"}))
    return [str(error) for error in found]


def test_an_experiment_is_read_as_it_is_written() -> None:
    assert declared() == Experiment(
        name="day_pass_offer_2026_01", title="Day pass offer 2026 01", unit="household", audience="first_day_pass",
        variants=(
            Variant(name="no_offer", weight=Fraction(20)), Variant(name="two_week_pass", weight=Fraction(40)),
            Variant(name="half_price_visit", weight=Fraction(40)),
        ),
        control="no_offer", primary=(Goal(metric="joined_within_30_days"),),
        guardrails=(Guardrail(metric="revenue_per_customer"), Guardrail(metric="unsubscribe_rate")),
        begins=date(2026, 1, 5), ends=date(2026, 2, 16),
    )
    assert told() == []


def test_everything_an_experiment_can_say_is_read() -> None:
    found = declared("""\
variants: [as_it_is, blue, green]
control: blue
hypothesis: Blue sells more.
owner: desk
primary: {metric: joined_within_30_days, within: 30 days}
secondary: [revenue_per_customer]
guardrails:
  - {metric: unsubscribe_rate, must_not: rise, margin: 2.5 %}
runs: 2026-01-05
stop: {units: 5000, power: 80 %, lift: 10 %, at_guardrail: false}
analysis: {method: group_sequential, looks: 5, alpha: 1 %, cuped: false, winsor: 99 %}
allocation: quota
layer: {name: front_page, from: 5000}
tags: [pricing]
ramp: {2026-01-05: 10 %, 2026-01-12: 100 %}
epoch: 2
salt: 7f
""")

    assert [variant.weight for variant in found.variants] == [Fraction(100, 3)] * 3
    assert found.primary == (Goal(metric="joined_within_30_days", within=30),)
    assert found.guardrails[0] == Guardrail(metric="unsubscribe_rate", must_not="rise", margin=Fraction(1, 40))
    assert (found.begins, found.ends) == (date(2026, 1, 5), None)
    assert (found.stop.units, found.stop.power, found.stop.lift) == (5000, Fraction(4, 5), Fraction(1, 10))
    assert (found.analysis.looks, found.analysis.has_cuped, found.analysis.winsor) == (5, False, Fraction(99, 100))
    assert (found.key, found.epoch, found.layer and found.layer.below) == ("day_pass_offer_2026_01.7f", 2, 10_000)
    assert found.ramp[0] == RampStep(day=date(2026, 1, 5), share=Fraction(1, 10))
    assert problems(found, metrics=METRICS) == []


def test_a_ramp_lets_in_more_from_step_to_step() -> None:
    found = declared(ramp={"2026-01-05": "10 %", "2026-01-12": "50 %"})

    days = [date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 11), date(2026, 3, 1)]
    assert [found.share_on(day) for day in days] == [0, Fraction(1, 10), Fraction(1, 10), Fraction(1, 2)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"variants": {"a": 1, "b": 1, "c": 1}}, "weights add up to 3, not 100 (in these proportions: {a: 34, b: 33, c: 33})"),
    ({"variants": {"a": 50, "b": 40}}, "weights add up to 90, not 100 (in these proportions: {a: 56, b: 44})"),
    ({"variants": {"a": 33.3, "b": 66.6}}, "weights add up to 99.9, not 100"),
    ({"variants": {"a": 120, "b": -20}}, "the weight of 'b' is -20 (0 at least)"),
    ({"variants": {"a": 0, "b": 0}}, "weights add up to 0, not 100 (such as {as_it_is: 50, new: 50})"),
    ({"variants": {"a": 0, "b": 100}, "control": "a"}, "the control 'a' has the weight 0: nobody is left to compare with"),
    ({"variants": {"a": 100}}, "one variant can be compared with nothing"),
    ({"variants": ["a", "a"]}, "variant 'a' stands here twice"),
    ({"control": "no_ofer"}, "the control 'no_ofer' is no variant (did you mean 'no_offer'?)"),
    ({"unit": "hosehold"}, "unit 'hosehold' is unknown (did you mean 'household'?)"),
    ({"unit": "visitor", "allocation": "quota"}, "each visitor comes by itself (allocation: hash)"),
    ({"strata": ["lapsed"]}, "strata are of a quota, and hash deals nothing out (allocation: quota)"),
    ({"allocation": "quota", "strata": ["laped"]}, "no segment 'laped' (did you mean 'lapsed'?)"),
    ({"unit": "visitor", "allocation": "bandit"}, "a bandit gives variants by runs, and each visitor comes by itself"),
    ({"allocation": "bandit", "floor": "40 %"}, "5 %: above 0, and below 33.3333 % for 3 variants"),
    ({"allocation": "bandit", "floor": "25 %"}, "'no_offer' begins below the floor of 25 %"),
    ({"allocation": "bandit", "analysis": "bayesian"}, "bayesian is not for that (analysis: sequential)"),
    ({"allocation": "bandit", "epoch": 2}, "a bandit begins its epochs itself"),
    ({"audience": "first_day_pas"}, "no segment 'first_day_pas' (did you mean 'first_day_pass'?)"),
    ({"primary": None}, "nothing decides this experiment (add `primary: METRIC`)"),
    ({"primary": "joined"}, "no metric 'joined'"),
    ({"secondary": "joined_within_30_days"}, "'joined_within_30_days' is named twice"),
    ({"guardrails": [{"metric": "unsubscribe_rate", "must_not": "raise"}]}, "did you mean 'rise'?"),
    ({"runs": "2026-02-16 to 2026-01-05"}, "it ends on 2026-01-05, before it begins"),
    ({"stop": {"power": "80 %"}}, "power is for a lift of some size"),
    ({"analysis": "sequental"}, "did you mean 'sequential'?"),
    ({"analysis": "group_sequential"}, "group_sequential plans its looks"),
    ({"analysis": {"method": "fixed"}, "runs": "2026-01-05"}, "fixed looks once, and nothing says when"),
    ({"analysis": {"alpha": "95 %"}}, "alpha of 95 % is no chance of error (5 %)"),
    ({"layer": {"name": "x", "from": 9, "below": 9}}, "9 to 9 is no range of buckets"),
    ({"ramp": {"2026-01-05": "50 %", "2026-01-12": "10 %"}}, "does not go up from 2026-01-05"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_what_is_wrong_is_told_with_what_would_be_right(changes: dict[str, Any], sentence: str) -> None:
    found = told(**changes)

    assert any(sentence in each for each in found), found


UNREADABLE: list[tuple[dict[str, Any], str]] = [
    ({"variant": {}}, "did you mean 'variants'?"),
    ({"variants": {"a": "half", "b": 50}}, "'half' is no weight (a number of percent: 50)"),
    ({"variants": 2}, "2 are no variants"),
    ({"runs": "January"}, "'January' are no days"),
    ({"runs": "2026-02-30"}, "day"),
    ({"guardrails": [{"metric": "m", "margin": 0.02}]}, "0.02 is no share (write it in percent: `5 %`)"),
    ({"primary": {"within": "3 days"}}, "names no metric"),
    ({"stop": {"units": "many"}}, "'many' is no whole number"),
    ({"analysis": {"cuped": "no"}}, "'no' is neither (true or false)"),
    ({"layer": {"from": 3}}, "the layer has no name"),
    ({"ramp": {"soon": "10 %"}}, "'soon' is no day"),
]


@pytest.mark.parametrize(("changes", "sentence"), UNREADABLE)
def test_what_cannot_be_read_is_told(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declared(**changes)

    assert sentence in str(error.value)


def test_experiments_of_one_layer_share_nobody_on_the_same_days() -> None:
    first = declared(name="a", layer={"name": "page", "below": 6000})
    second = declared(name="b", layer={"name": "page", "from": 5000})

    found = layer_problems([second, first])

    assert [(one.name, str(error)) for one, error in found] == [(
        "b", ("buckets 5000 to 6000 of the layer 'page' belong to 'a' on the same days "
              "(free: {name: page, from: 6000, below: 10000})"),
    )]


def test_experiments_of_one_layer_may_follow_each_other() -> None:
    first, second = declared(name="a", layer={"name": "page"}), declared(name="b", layer={"name": "page"}, runs="2026-02-17")

    assert layer_problems([first, second]) == []


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"variants": {"no_offer": 40, "two_week_pass": 30, "half_price_visit": 30}}, "`epoch: 2`"),
    ({"variants": {"no_offer": 20, "two_week_pass": 80}, "epoch": 2}, "`half_price_visit: 0` takes no more units"),
    ({"unit": "customer"}, "the unit changed after the start on 2026-01-05"),
    ({"salt": "new"}, "units would change their variant"),
    ({"primary": "revenue_per_customer"}, "add the new metric to `secondary:`"),
])
def test_after_the_start_what_would_spoil_the_answer_is_refused(changes: dict[str, Any], sentence: str) -> None:
    found = amendment_problems(declared(), declared(**changes), on=date(2026, 1, 5))

    assert any(sentence in str(error) for error in found)


def test_before_the_start_everything_may_change() -> None:
    assert amendment_problems(declared(), declared(unit="customer"), on=date(2026, 1, 4)) == []


def test_weights_may_change_with_a_new_epoch_and_words_always() -> None:
    after = declared(variants={"no_offer": 40, "two_week_pass": 30, "half_price_visit": 30}, epoch=2, title="Other")

    assert amendment_problems(declared(), after, on=date(2026, 2, 1)) == []


def test_a_holdout_without_tags_keeps_out_of_all_and_one_with_tags_of_its_own() -> None:
    holdouts = declare_holdouts({"everybody": {"share": "5 %"}, "prices": {"share": "10 %", "tags": ["pricing"]}})

    assert [each.name for each in holdouts_of(declared(), holdouts)] == ["everybody"]
    assert [each.name for each in holdouts_of(declared(tags=["pricing"]), holdouts)] == ["everybody", "prices"]


@pytest.mark.parametrize("data", [{"x": {}}, {"x": {"share": "100 %"}}, {"x": {"share": 5}}, {"x": {"share": "5 %", "tags": "a"}}])
def test_a_holdout_that_cannot_be_meant_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        declare_holdouts(data)


def test_the_example_gyms_experiment_holds_and_splits_as_its_truth_was_drawn() -> None:
    folder = Path(__file__).parents[3] / "examples" / "gym"
    file = folder / "experiments" / "day_pass_offer_2025_09.yaml"
    metrics, segments = (frozenset(each.stem for each in (folder / kind).glob("*.yaml")) for kind in ("metrics", "segments"))

    found = declare(file.stem, read_marked(file.read_text()).data)

    assert problems(found, metrics=metrics, segments=segments) == []
    assert file.stem == trial.EXPERIMENT
    assert [(each.name, float(each.weight / 100)) for each in found.variants] == list(
        zip(trial.VARIANTS, trial.SHARES, strict=True)
    )
