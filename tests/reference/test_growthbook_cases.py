"""What GrowthBook's own SDK answers in its published cases (sdk-js 1.7.0, specification 0.8.0), Regulars answers too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from regulars.flags.bucket import bucket_ranges, choose_variation, equal_weights, position
from regulars.flags.cipher import decrypted
from regulars.flags.condition import meets
from regulars.flags.context import Context
from regulars.flags.definition import Experiment
from regulars.flags.enrolment import is_in_namespace
from regulars.flags.feature import Evaluation, evaluate, redirect, run
from regulars.flags.payload import read_payload
from regulars.flags.url import forced_by_query

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "experiments" / "growthbook_cases.json"
SECTIONS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
ABSENT = f"needs {FILE.name}, which is not part of the project"


def cases(section: str) -> pytest.MarkDecorator:
    """The cases of a section, each as the list it is written as; most begin with their name."""
    found = [pytest.param(case, id=str(case[0])) for case in SECTIONS.get(section, [])]
    return pytest.mark.parametrize("case", found or [pytest.param(None, marks=pytest.mark.skip(ABSENT), id="absent")])


def context(said: dict[str, Any], **more: Any) -> Context:
    return Context(
        attributes=said.get("attributes", {}), url=said.get("url", ""),
        forced_variations=said.get("forcedVariations", {}), is_enabled=said.get("enabled", True),
        is_rehearsal=said.get("qaMode", False), **more,
    )


def plain(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def written(found: Evaluation) -> dict[str, Any]:
    """An evaluation as the cases write it."""
    said = {
        "value": found.value, "on": found.is_on, "off": not found.is_on, "source": found.source, "ruleId": found.rule
    }
    if found.experiment is None:
        return said
    return {**said, "experiment": plain(found.experiment), "experimentResult": plain(found.result)}


@cases("evalCondition")
def test_a_condition_is_met_by_whom_it_is_there(case: Any) -> None:
    _, condition, attributes, expected, *groups = case

    assert meets(attributes, condition, groups=groups[0] if groups else {}) is expected


@cases("hash")
def test_a_unit_has_the_place_it_has_there(case: Any) -> None:
    seed, unit, version, expected = case

    assert position(unit, seed=seed, version=version) == expected


@cases("getBucketRange")
def test_variations_own_the_ranges_they_own_there(case: Any) -> None:
    _, (count, coverage, weights), expected = case

    ranges = bucket_ranges(count, coverage=1.0 if coverage is None else coverage, weights=weights)

    assert ranges == [pytest.approx(tuple(each)) for each in expected]


@cases("chooseVariation")
def test_a_place_falls_to_the_variation_it_falls_to_there(case: Any) -> None:
    _, place, ranges, expected = case

    assert choose_variation(place, ranges) == expected


@cases("getEqualWeights")
def test_equal_weights_are_those_they_are_there(case: Any) -> None:
    count, expected = case

    assert equal_weights(count) == pytest.approx(expected)


@cases("inNamespace")
def test_a_namespace_holds_whom_it_holds_there(case: Any) -> None:
    _, unit, namespace, expected = case

    assert is_in_namespace(unit, tuple(namespace)) is expected


@cases("getQueryStringOverride")
def test_an_address_forces_what_it_forces_there(case: Any) -> None:
    _, key, url, count, expected = case

    assert forced_by_query(key, url, count) == expected


@cases("decrypt")
def test_a_key_reads_what_it_reads_there(case: Any) -> None:
    _, text, key, expected = case

    assert decrypted(text, key=key) == expected


@cases("feature")
def test_a_feature_has_the_value_it_has_there(case: Any) -> None:
    _, said, key, expected = case

    assert written(evaluate(key, context(said), definitions=read_payload(said))) == expected


@cases("contextualBandit")
def test_a_contextual_bandit_weighs_as_it_weighs_there(case: Any) -> None:
    _, said, key, expected = case

    assert written(evaluate(key, context(said), definitions=read_payload(said))) == expected


@cases("run")
def test_an_experiment_gives_what_it_gives_there(case: Any) -> None:
    _, said, experiment, *expected = case

    result = run(msgspec.convert(experiment, Experiment), context(said), definitions=read_payload(said)).result

    assert result is not None
    assert [result.value, result.in_experiment, result.hash_used] == expected


@cases("stickyBucket")
def test_a_sticky_bucket_keeps_what_it_keeps_there(case: Any) -> None:
    _, said, documents, key, expected, kept = case
    # A store is asked for the documents of the attributes at hand; others lie in it untouched.
    own = {each["attributeName"]: each for each in documents}
    sticky = {
        f"{name}||{each['attributeValue']}": each["assignments"] for name, each in own.items()
        if said["attributes"].get(name) == each["attributeValue"]
    }

    found = evaluate(key, context(said, sticky=sticky), definitions=read_payload(said))

    assert (None if found.result is None else plain(found.result)) == expected
    assert found.sticky == {unit: each["assignments"] for unit, each in kept.items()}


@cases("urlRedirect")
def test_a_redirect_leads_where_it_leads_there(case: Any) -> None:
    _, said, expected = case

    found = redirect(context(said), definitions=read_payload(said))

    led = [] if found is None else [
        {"inExperiment": True, "urlRedirect": found.url, "urlWithParams": found.url_with_query}
    ]
    assert led == expected
