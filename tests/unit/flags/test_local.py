"""Flags in this process: value, variant, reason, and each exposure once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regulars.flags import Context, Exposure, Flags, positions

EXPERIMENT = {"key": "exp", "variations": ["old", "new"], "meta": [{"key": "control"}, {"key": "treatment"}], "hashVersion": 3}
PAYLOAD: dict[str, Any] = {"features": {
    "static": {"defaultValue": True},
    "targeted": {"defaultValue": 0, "rules": [{"id": "pros", "force": 1, "condition": {"plan": "pro"}}]},
    "rolled_out": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0.5, "hashVersion": 3}]},
    "split": {"defaultValue": "off", "rules": [EXPERIMENT]},
    "gated": {"defaultValue": 1, "rules": [{"parentConditions": [{"id": "static", "condition": {"value": False}, "gate": True}]}]},
    "circle": {"defaultValue": 1, "rules": [{"parentConditions": [{"id": "circle"}]}]},
    "asks_split": {"defaultValue": 0, "rules": [
        {"parentConditions": [{"id": "split", "condition": {"value": "new"}}], "force": 1},
        {"parentConditions": [{"id": "split", "condition": {"value": "old"}}], "force": 2},
    ]},
}}


def unit_in(share: tuple[float, float], seed: str) -> str:
    """A unit whose place under a seed is in a range."""
    units = [str(n) for n in range(100)]
    places = positions(units, seed=seed, version=3)
    return next(unit for unit, place in zip(units, places, strict=True) if share[0] <= place < share[1])


@pytest.mark.parametrize(("key", "attributes", "value", "variant", "reason"), [
    ("static", {}, True, "default", "STATIC"),
    ("targeted", {"plan": "pro"}, 1, "pros", "TARGETING_MATCH"),
    ("targeted", {"plan": "free"}, 0, "default", "TARGETING_MATCH"),
    ("rolled_out", {"id": unit_in((0.0, 0.5), "rolled_out")}, 1, "forced", "SPLIT"),
    ("rolled_out", {"id": unit_in((0.5, 1.0), "rolled_out")}, 0, "default", "TARGETING_MATCH"),
    ("split", {"id": unit_in((0.5, 1.0), "exp")}, "new", "treatment", "SPLIT"),
    ("gated", {}, None, "none", "DISABLED"),
    ("circle", {}, None, "none", "UNKNOWN"),
    ("nowhere", {}, None, "none", "UNKNOWN"),
])
def test_a_flag_says_value_variant_and_reason(
    key: str, attributes: dict[str, Any], value: object, variant: str, reason: str
) -> None:
    found = Flags.load(PAYLOAD).evaluate(key, attributes)

    assert (found.value, found.variant, found.reason) == (value, variant, reason)


def test_a_forced_variation_is_no_split_and_no_exposure() -> None:
    told: list[Exposure] = []
    flags = Flags.load(PAYLOAD, on_exposure=told.append)

    found = flags.evaluate("split", Context(attributes={"id": "1"}, forced_variations={"exp": 1}))

    assert (found.value, found.reason, told) == ("new", "TARGETING_MATCH", [])


def test_an_exposure_is_handed_over_once_for_a_unit_and_an_experiment() -> None:
    told: list[Exposure] = []
    flags = Flags.load(PAYLOAD, on_exposure=told.append)

    for unit in ("1", "2", 1, "1"):
        flags.evaluate("split", {"id": unit})
    flags.evaluate("asks_split", {"id": "2"})
    flags.evaluate("asks_split", {"id": "3"})

    assert [exposure.identity for exposure in told] == [("exp", "id", unit) for unit in ("1", "2", "3")]


def test_an_exposure_is_what_a_tracking_callback_is_given() -> None:
    found = Flags.load(PAYLOAD).evaluate("split", {"id": "1"})
    (exposure,) = found.evaluation.exposures

    tracking = exposure.tracking()

    assert json.loads(json.dumps(tracking)) == tracking
    assert tracking["experiment"] == EXPERIMENT
    assert tracking["result"]["key"] == found.variant
    assert tracking["result"]["value"] == found.value


def test_who_asks_twice_has_one_exposure_though_two_rules_ask() -> None:
    assert len(Flags.load(PAYLOAD).evaluate("asks_split", {"id": "3"}).evaluation.exposures) == 1


def test_a_callback_that_fails_is_asked_again() -> None:
    told: list[str] = []

    def fails_once(exposure: Exposure) -> None:
        told.append(exposure.experiment.key)
        if len(told) == 1:
            raise OSError("no room")

    flags = Flags.load(PAYLOAD, on_exposure=fails_once)
    with pytest.raises(OSError, match="no room"):
        flags.evaluate("split", {"id": "1"})
    flags.evaluate("split", {"id": "1"})

    assert told == ["exp", "exp"]


def test_a_payload_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(PAYLOAD), encoding="utf-8")

    assert Flags.load(file).is_on("static", {})
    assert "static" in Flags.load(file)


def test_what_was_given_is_kept_when_weights_change() -> None:
    unit = unit_in((0.5, 1.0), "exp")
    before = Flags.load(PAYLOAD).evaluate("split", Context(attributes={"id": unit}, sticky={}))
    changed = {"features": {"split": {"defaultValue": "off", "rules": [{**EXPERIMENT, "weights": [1, 0]}]}}}

    hashed = Flags.load(changed).evaluate("split", {"id": unit})
    kept = Flags.load(changed).evaluate("split", Context(attributes={"id": unit}, sticky=before.evaluation.sticky))

    assert (before.variant, hashed.variant, kept.variant) == ("treatment", "control", "treatment")
