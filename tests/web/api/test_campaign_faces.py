"""What programs see and do of campaigns and flows: who would get one, what it reads like, who is where, what to rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_server import NOW, Served, asked, lost, opened, serving

from regulars.pipeline.workspace import Workspace
from regulars.web.api.route import ROOT


@pytest.fixture(scope="module")
def desk(business: Path) -> Iterator[Served]:
    with serving(business / "default") as found:
        yield found


def _get(desk: Served, path: str, **query: object) -> Any:
    answer = desk.client.get(ROOT + path, headers=desk.headers("read"), params={k: str(v) for k, v in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _post(desk: Served, path: str, body: Any = None, *, status: int = 201) -> Any:
    answer = desk.client.post(ROOT + path, headers=desk.headers("write"), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def _all(desk: Served, path: str, *, limit: int, **query: object) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = _get(desk, path, limit=limit, **query, **({} if cursor is None else {"cursor": cursor}))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def _with(desk: Served, act: Callable[[Workspace], Any]) -> Any:
    workspace = opened(desk.folder)
    try:
        return act(workspace)
    finally:
        workspace.close()


def test_everybody_of_an_audience_is_told_with_the_reason_as_the_plan_counts_them(desk: Served) -> None:
    plan, people = _get(desk, "/campaigns/news/plan"), _all(desk, "/campaigns/news/recipients", limit=7)

    assert len(people) == plan["audience"]
    assert sum(one["state"] == "planned" for one in people) == plan["sendable"]
    for why in plan["skipped"]:
        mine = _all(desk, "/campaigns/news/recipients", limit=500, reason=why["reason"], state="skipped")
        assert len(mine) == why["people"]
    assert [one["customer_id"] for one in people] == sorted(one["customer_id"] for one in people)


def test_a_preview_reads_as_it_will_be_read_and_counts_its_segments(desk: Served) -> None:
    texts, mails = (_get(desk, f"/campaigns/{name}/preview", limit=2)["items"] for name in ("news", "tested"))

    assert [(one["text"], one["segments"]) for one in texts] == [("We moved", 1), ("We moved", 1)]
    assert {(one["variant"], one["subject"]) for one in mails} == {("a", "Hi"), ("b", "Ho")}
    assert all("•" in one["address"] for one in [*texts, *mails])


def test_a_flow_says_its_steps_and_who_is_at_which(desk: Served) -> None:
    line = _get(desk, "/flows/welcome")
    people = _all(desk, "/flows/welcome/people", limit=3, is_over=False)
    resting = _all(desk, "/flows/welcome/people", limit=500, step=people[0]["step"])

    assert [step["step"] for step in line["steps"]][:2] == ["hello", "branch"]
    assert line["on_the_way"] == len(people) > 3
    assert {one["step"] for one in resting} == {people[0]["step"]}
    told = _get(desk, f"/flows/welcome/people/{people[0]['customer_id']}")
    assert told["journeys"][0]["steps"][0]["step"] == "hello"


def test_a_flow_that_rests_says_why_and_goes_on_and_both_are_in_the_audit(desk: Served) -> None:
    rests = _post(desk, "/flows/welcome/pause", {"reason": "wrong words"})
    twice = _post(desk, "/flows/welcome/pause", {}, status=409)
    state = _get(desk, "/flows/welcome")["state"]
    runs = _post(desk, "/flows/welcome/resume")

    audit = desk.client.get(f"{ROOT}/audit", headers=desk.headers("admin")).json()["items"]
    assert (rests["state"], rests["reason"], state, runs["state"]) == ("paused", "wrong words", "rests", "running")
    assert twice["type"] == "urn:regulars:guard"
    assert [row["what"] for row in audit if row["subject"] == "welcome"][:2] == ["flow.running", "flow.paused"]


def test_what_a_flows_next_run_would_do_is_told_and_nothing_is_written(desk: Served) -> None:
    before = _get(desk, "/flows/welcome")

    found = _get(desk, "/flows/welcome/preview", examples=2)

    assert found["flow"] == "welcome"
    assert found["begin"] == 0                      # everybody who came is in it already
    assert _get(desk, "/flows/welcome") == before


@pytest.mark.parametrize(("ruling", "state", "campaign"), [
    ("sent", "sent", "done"), ("not_sent", "failed", "done"), ("send_again", "planned", "sending"),
])
def test_a_person_rules_what_became_of_a_message_nobody_knows_of(
    desk: Served, ruling: str, state: str, campaign: str
) -> None:
    message = _with(desk, lost)
    key = message.partition(".")[0]
    _with(desk, lambda workspace: workspace.book.campaigns.move(key, "done", at=NOW))

    found = _post(desk, f"/messages/{message}/ruling", {"ruling": ruling, "reason": "asked them"})
    again = _post(desk, f"/messages/{message}/ruling", {"ruling": "sent", "reason": "asked them"}, status=409)

    assert (found["state"], found["reason"].endswith("asked them")) == (state, True)
    assert again["type"] == "urn:regulars:guard"
    assert _with(desk, lambda workspace: workspace.book.campaigns.get(key)).state == campaign


def test_nothing_is_ruled_while_the_provider_can_be_asked_or_sent_again_of_what_was_stopped(desk: Served) -> None:
    asking, stopped = _with(desk, lambda one: lost(one, due_at=NOW + timedelta(hours=1))), _with(desk, lost)
    _with(desk, lambda one: one.book.campaigns.move(stopped.partition(".")[0], "stopped", at=NOW))

    for message in (asking, stopped):
        _post(desk, f"/messages/{message}/ruling", {"ruling": "send_again", "reason": "asked them"}, status=409)

    assert {one["state"] for one in _get(desk, "/messages", campaign="moved", state="unknown", limit=500)["items"]} == {"unknown"}


def test_a_reply_that_waits_is_decided_once_and_an_opt_out_stands_in_the_ledger(desk: Served) -> None:
    review = _with(desk, lambda one: asked(one, "call 254-867-5309, or rather leave me"))
    waits = {one["review_id"]: one for one in _all(desk, "/consent/reviews", limit=2)}

    found = _post(desk, f"/consent/reviews/{review}", {"verdict": "opt_out"})
    twice = _post(desk, f"/consent/reviews/{review}", {"verdict": "keep"}, status=404)

    assert "5309" not in waits[review]["text"].replace("•5309", "")
    assert (found["verdict"], found["settled_by"].startswith("key:")) == ("opt_out", True)
    assert twice["type"] == "urn:regulars:not-found"
    entries = _with(desk, lambda one: one.book.consent.of(review.removeprefix("v_"))).entries
    assert [(one.action, one.method) for one in entries] == [("revoke", "reply")]


def test_replies_are_listed_by_mood_and_campaign_without_anybodys_number(desk: Served) -> None:
    yes = _all(desk, "/replies", limit=1, campaign="news", mood="positive")

    assert yes
    assert {one["mood"] for one in yes} == {"positive"}
    assert all("867-5301" not in one["text"] and "8675301" not in str(one["address"]) for one in yes)
    assert _all(desk, "/replies", limit=9, mood="negative") == []
