"""The door keeps a tracking plan: marks, leaves out, sets aside, keeps out, and loses nothing silently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import POLICIES, declare

ORDER = {"properties": {"required": ["total"], "properties": {"total": {"type": "number"}}}}
GOOD = {"type": "track", "event": "Order", "userId": "u1", "messageId": "m1", "properties": {"total": 42.5}}
BAD = {**GOOD, "properties": {"total": "a secret", "plan": "day"}}
DENIED = {"consent": {"categoryPreferences": {"analytics": False}}}


def plan(opened: Any, **data: Any) -> None:
    """Give `site` a plan for orders."""
    opened.door.judges = {"site": Judge.of(declare("site", {"track": {"Order": ORDER}, **data}))}


def test_what_is_as_planned_is_stored_as_without_a_plan(opened: Any) -> None:
    opened.post("/v1/track", GOOD)
    plan(opened)
    opened.post("/v1/track", {**GOOD, "messageId": "m2"})

    [before, after] = opened.lines()

    assert {**after, "messageId": "m1", "door": {**after["door"], "id": "m1"}} == before


def test_what_is_otherwise_is_stored_with_a_mark_that_tells_no_value(opened: Any) -> None:
    plan(opened)

    assert opened.post("/v1/track", BAD).json()["stored"] == 1

    [line] = opened.lines()
    assert line["properties"] == BAD["properties"]
    assert line["door"]["plan"] == ["wrong_type properties.total"]


def test_what_is_omitted_is_not_stored_and_the_message_counts_once(opened: Any) -> None:
    plan(opened, on_violation="omit")

    answers = [opened.post("/v1/batch", {"batch": [BAD, GOOD]}).json(), opened.post("/v1/track", BAD).json()]

    assert [(one["stored"], one["duplicate"]) for one in answers] == [(1, 1), (0, 1)]
    [line] = opened.lines()
    assert line["properties"] == {"plan": "day"}
    assert line["door"]["plan"] == ["omitted properties.total", "wrong_type properties.total"]


@pytest.mark.parametrize(("message", "reason", "field"), [
    (BAD, "off_plan", "wrong_type properties.total"),
    ({**GOOD, "event": "Ordr"}, "unplanned", "unplanned Ordr"),
    ({**GOOD, "context": DENIED}, "no_consent", "no_consent analytics"),
])
def test_what_is_set_aside_says_why_and_is_kept_as_it_came(message: Any, reason: str, field: str, opened: Any) -> None:
    plan(
        opened, on_violation="quarantine", on_unplanned="quarantine", on_no_consent="quarantine",
        needs_consent=["analytics"],
    )

    assert opened.post("/v1/track", message).json()["quarantined"] == 1

    [row] = opened.lines("quarantined")
    assert row["reason"] == reason
    assert field in row["field"].split("; ")
    assert json.loads(row["raw"]) == message


def test_what_is_set_aside_is_answered_by_a_corrected_message(opened: Any) -> None:
    plan(opened, on_violation="quarantine")
    opened.post("/v1/track", BAD)
    [row] = opened.lines("quarantined")

    answer = opened.post(f"/v1/track?repairs={row['file']}", GOOD)

    assert answer.json()["stored"] == 1
    assert [line["file"] for line in opened.lines("answered")] == [row["file"]]


def test_of_what_is_blocked_nothing_is_kept_but_its_number(opened: Any) -> None:
    plan(opened, needs_consent=["analytics"])

    answer = opened.post("/v1/batch", {"context": DENIED, "batch": [GOOD, {**GOOD, "messageId": "m2"}]})

    assert answer.json() == {"success": True, "stored": 0, "duplicate": 0, "quarantined": 0, "blocked": 2}
    assert opened.counts() == {
        "source": "site", "received": 2, "stored": 0, "duplicate": 0, "quarantined": 0, "blocked": 2,
    }
    assert opened.lines("blocked") == ["no_consent", "no_consent"]


def test_what_a_person_forbids_is_not_set_aside_for_another_fault(opened: Any) -> None:
    plan(opened, needs_consent=["analytics"], on_unplanned="block")
    faulty = [{"type": "track", "context": DENIED}, {**GOOD, "userId": None, "context": DENIED}, {"type": "sing", "context": DENIED}]

    assert opened.post("/v1/batch", {"batch": faulty}).json()["blocked"] == 3

    assert opened.lines("quarantined") == []


def test_consent_that_a_batch_says_for_all_may_be_said_otherwise_by_a_message(opened: Any) -> None:
    plan(opened, needs_consent=["analytics"])
    allowed = {"consent": {"categoryPreferences": {"analytics": True}}}

    answer = opened.post("/v1/batch", {"context": DENIED, "batch": [GOOD, {**GOOD, "messageId": "m2", "context": allowed}]})

    assert (answer.json()["stored"], answer.json()["blocked"]) == (1, 1)


def test_a_message_that_was_kept_out_counts_when_it_comes_again_as_it_should(opened: Any) -> None:
    plan(opened, on_violation="block")

    assert [opened.post("/v1/track", one).json()["stored"] for one in (BAD, GOOD)] == [0, 1]


def test_other_clients_messages_are_held_against_the_plan_too(opened: Any) -> None:
    opened.door.judges = {"posthog": Judge.of(declare("posthog", {"on_violation": "block", "track": {"Order": ORDER}}))}
    said = {"event": "Order", "distinct_id": "u1", "properties": {"total": "x"}}

    answer = opened.post("/batch", {"api_key": "phc_TEST", "batch": [said]}, headers={})

    assert answer.json()["blocked"] == 1


def test_a_source_without_a_plan_takes_what_it_took(opened: Any) -> None:
    opened.door.judges = {"other": Judge.of(declare("other", {"on_unplanned": "block", "track": {}}))}

    assert opened.post("/v1/track", BAD).json()["stored"] == 1


OF_PROPERTIES = tuple(policy for policy in POLICIES if policy != "omit")
PLANS = st.fixed_dictionaries({
    "on_violation": st.sampled_from(POLICIES), "on_unplanned": st.sampled_from(OF_PROPERTIES),
    "on_no_consent": st.sampled_from(OF_PROPERTIES), "on_unknown_consent": st.sampled_from(OF_PROPERTIES),
    "needs_consent": st.lists(st.just("analytics"), max_size=1),
})
MESSAGES = st.fixed_dictionaries({
    "type": st.sampled_from(["track", "identify", "sing"]), "event": st.sampled_from(["Order", "Ordr", ""]),
    "userId": st.sampled_from(["u1", None]), "messageId": st.integers(1, 10**9).map(str),
    "properties": st.one_of(st.just({"total": 1}), st.just({"total": "x"}), st.just([1]), st.none()),
    "context": st.one_of(st.none(), st.just({}), *(
        st.just({"consent": {"categoryPreferences": {"analytics": said}}}) for said in (True, False)
    )),
})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLANS, st.lists(MESSAGES, min_size=1, max_size=20))
def test_whatever_the_policies_nothing_that_was_received_is_lost(
    opened: Any, data: dict[str, Any], messages: list[dict[str, Any]]
) -> None:
    plan(opened, **data)
    before = opened.counts()

    told = opened.post("/v1/batch", {"batch": messages}).json()

    after = opened.counts()
    outcomes = ("stored", "duplicate", "quarantined", "blocked")
    assert sum(told[outcome] for outcome in outcomes) == len(messages)
    assert after["received"] - before["received"] == len(messages)
    assert all(after[outcome] - before[outcome] == told[outcome] for outcome in outcomes)
    assert all(len(opened.lines(outcome)) == after[outcome] for outcome in outcomes)
