"""What a plan says of a message: marks that name places, never values, and the strictest policy of all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from regulars.sources.tracking.judge import Judge, Verdict
from regulars.sources.tracking.plan import declare

ORDER = {
    "required": ["total"], "additionalProperties": False,
    "properties": {
        "total": {"type": "number"}, "plan": {"enum": ["day", "month"]},
        "products": {"type": "array", "items": {"properties": {"price": {"type": "number"}}}},
    },
}


def judged(plan: dict[str, Any], *, event: str = "Order", kind: str = "track", **message: Any) -> Verdict | None:
    said = {"type": kind, "userId": "u1", **message}
    return Judge.of(declare("site", plan)).verdict(json.dumps(said).encode(), kind=kind, event=event)


def marks(verdict: Verdict | None) -> tuple[str, ...]:
    return verdict.marks if verdict else ()


@pytest.mark.parametrize(("properties", "expected"), [
    ({"total": 1, "plan": "day"}, []),
    ({}, ["missing properties.total"]),
    (None, ["missing properties.total"]),
    ([1], ["wrong_type properties"]),
    ({"total": "1"}, ["wrong_type properties.total"]),
    ({"total": 1, "plan": "year"}, ["invalid properties.plan"]),
    ({"total": 1, "nick": "x", "age": 3}, ["unplanned_property properties.age", "unplanned_property properties.nick"]),
    ({"total": 1, "products": [{}, {"price": "x"}]}, ["wrong_type properties.products[].price"]),
])
def test_a_violation_is_named_by_kind_and_place(properties: Any, expected: list[str]) -> None:
    verdict = judged({"track": {"Order": {"properties": ORDER}}}, properties=properties)

    assert marks(verdict) == tuple(expected)


def test_what_is_omitted_is_marked_and_all_the_rest_stays() -> None:
    verdict = judged(
        {"on_violation": "omit", "track": {"Order": {"properties": ORDER}}}, messageId="m1",
        properties={"total": "1", "nick": "x", "plan": "day", "products": [{"price": "x", "name": "a"}, {"price": 2}]},
    )

    assert verdict is not None
    assert json.loads(verdict.message) == {
        "type": "track", "userId": "u1", "messageId": "m1",
        "properties": {"plan": "day", "products": [{"name": "a"}, {"price": 2}]},
    }
    assert {mark for mark in verdict.marks if mark.startswith("omitted")} == {
        "omitted properties.nick", "omitted properties.products[].price", "omitted properties.total",
    }


def test_a_part_that_is_no_object_is_omitted_whole() -> None:
    verdict = judged({"on_violation": "omit", "track": {"Order": {"properties": ORDER}}}, properties=[1])

    assert verdict is not None
    assert "properties" not in json.loads(verdict.message)


def test_the_strictest_policy_of_all_that_is_wrong_holds() -> None:
    plan = {"on_violation": "quarantine", "needs_consent": ["ads"], "track": {"Order": {"properties": ORDER}}}
    denied = {"consent": {"categoryPreferences": {"ads": False}}}

    verdict = judged(plan, context=denied)

    assert verdict is not None
    assert (verdict.policy, verdict.problem) == ("block", "no_consent")
    assert verdict.marks == ("missing properties.total", "no_consent ads")


@pytest.mark.parametrize(("preferences", "expected"), [
    ({"ads": True, "analytics": True}, None),
    ({"ads": False, "analytics": True}, ("quarantine", ("no_consent ads",))),
    ({"ads": True}, ("allow", ("unknown_consent analytics",))),
    ({"ads": "yes", "analytics": True}, ("allow", ("unknown_consent ads",))),
    ("everything", ("allow", ("unknown_consent ads", "unknown_consent analytics"))),
])
def test_consent_is_asked_of_plan_and_event_and_never_guessed(preferences: Any, expected: Any) -> None:
    plan = {"needs_consent": ["analytics"], "on_no_consent": "quarantine", "track": {"Order": {"needs_consent": ["ads"]}}}

    verdict = judged(plan, context={"consent": {"categoryPreferences": preferences}})

    assert (verdict and (verdict.policy, verdict.marks)) == expected


def test_an_event_that_a_plan_does_not_name_is_unplanned_and_a_type_it_leaves_out_is_not_looked_at() -> None:
    plan = {"on_unplanned": "block", "track": {"Order": None}}

    assert judged(plan) is None
    assert marks(judged(plan, event="Order Complted")) == ("unplanned Order Complted",)
    assert judged(plan, kind="page", event="Pricing") is None
    assert judged({"identify": {}}, event="Anything") is None


@pytest.mark.parametrize(("version", "expected"), [
    (None, ["missing properties.b"]), (2, ["missing properties.b"]), ("1", ["missing properties.a"]),
    (3, ["unplanned Order version 3"]),
])
def test_a_message_is_held_against_its_version_and_against_the_last_when_it_says_none(
    version: Any, expected: list[str]
) -> None:
    versions = {number: {"properties": {"required": [name]}} for number, name in (("1", "a"), ("2", "b"))}

    verdict = judged(
        {"track": {"Order": {"versions": versions}}}, context={"protocols": {"event_version": version}}, properties={}
    )

    assert marks(verdict) == tuple(expected)


def test_what_holds_for_every_message_holds_for_the_unplanned_too() -> None:
    plan = {"every": {"context": {"required": ["library"]}}, "track": {"Order": {"properties": ORDER}}}

    assert marks(judged(plan, properties={"total": 1})) == ("missing context.library",)
    assert marks(judged(plan, event="Other")) == ("missing context.library", "unplanned Other")
    assert marks(judged(plan, kind="page")) == ("missing context.library",)


def test_marks_are_few_and_short_whatever_is_sent() -> None:
    verdict = judged(
        {"track": {"Order": {"properties": ORDER}}}, properties={"total": 1, **{f"{'x' * 500}{n}": n for n in range(999)}}
    )

    assert len(marks(verdict)) <= 20
    assert max(map(len, marks(verdict))) <= 100
