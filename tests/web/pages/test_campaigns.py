"""The pages of campaigns: who gets it and who not, sent by a button, followed, halted; unknown messages, replies, flows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import asked, lost, made, opened
from pages_server import Shown, showing

from regulars.pipeline.flow import run
from regulars.pipeline.unclear import message_of
from regulars.storage.book.audit import AuditLine


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of its own: campaigns of it are really ordered."""
    folder = tmp_path_factory.mktemp("campaigns")
    made(folder / "desk", name="Desk", stores=folder)
    (folder / "desk" / "campaigns" / "priced.yaml").write_text(
        "title: Priced\naudience: everybody\nchannel: sms\npurpose: transactional\nby: texts\ntext: Hi\ncosts: {each: 0.05}\n"
        "hours: {weekdays: 09:00-18:00, saturday: 10:00-16:00}\nstarts: 2026-03-02 10:00\n"
        "repeat: {type: weekly, interval: 2, days_of_week: [0, 3]}\ncaps: [{of: customer, limit: 2, window: 7 days}]\n",
        encoding="utf-8",
    )
    workspace = opened(folder / "desk")
    assert run(workspace).exit_code == 0
    workspace.close()
    return folder / "desk"


@pytest.fixture(scope="module")
def shown(desk: Path) -> Iterator[Shown]:
    with showing(desk) as found:
        yield found


def _press(shown: Shown, path: str, **said: str) -> tuple[int, str]:
    answer = shown.client.post(path, data={"csrf_token": shown.token, **said})
    return answer.status_code, answer.headers.get("location", answer.text)


def _audit(desk: Path, *, limit: int = 1) -> list[AuditLine]:
    workspace = opened(desk)
    lines = workspace.book.audit.lines(limit=limit)
    workspace.close()
    return lines


def test_a_campaign_says_who_gets_it_who_not_and_why_and_leads_to_these_people(shown: Shown) -> None:
    text = shown.text("/campaigns/priced")
    reasons = re.findall(r'href="(/campaigns/priced/people\?state=skipped[^"]+)">[^<]+</a></th><td class="n">(\d+)</td>', text)
    answer = re.search(r'<p class="answer">(\d+) of (\d+) people would get it, (\d+) would not\.', text)

    assert answer is not None
    assert sum(int(number) for _, number in reasons) == int(answer[3]) == int(answer[2]) - int(answer[1]) > 0
    for path, number in reasons:
        people = shown.client.get(path.replace("&amp;", "&")).text
        assert (people.count("✗ no"), people.count("✓ yes")) == (min(int(number), 50), 0)


def test_it_shows_real_peoples_messages_segments_cost_and_when_it_goes(shown: Shown) -> None:
    text, plan = shown.text("/campaigns/priced"), shown.client.get("/campaigns/priced.json").json()["plan"]

    assert text.count('<p class="said">Hi</p>') == min(3, plan["sendable"])
    assert plan["cost"] == 5 * plan["segments"] > 0
    for words in ("Mon to Fri 09:00-18:00, Sat 10:00-16:00", "every 2 weeks on Mon, Thu", "2 to a customer in 7 days",
                  "Mon 2 Mar 2026, 10:00 (UTC)", f"{plan['cost'] / 100:.2f} USD"):
        assert words in text


def test_a_campaign_is_sent_paused_resumed_and_stopped_by_buttons_and_all_that_is_in_the_audit(desk: Path, shown: Shown) -> None:
    before = shown.text("/campaigns/news")
    (button,) = re.findall(r"<button class=\"chief\">(Send \d+ messages?)</button>", before)

    states = []
    for verb, said in (("start", {}), ("pause", {"reason": "wrong words"}), ("resume", {}), ("stop", {"reason": "enough"})):
        assert _press(shown, f"/campaigns/news/{verb}", **said) == (303, "/campaigns/news")
        needs = "See why news rests" in shown.text("/")
        assert needs == (verb == "pause")
        states.append(re.findall(r'<p class="answer">(.+?)</p>', shown.text("/campaigns/news"))[0])

    planned = shown.client.get("/campaigns/news.json").json()["results"]["account"]
    assert button == f"Send {planned['waiting']} messages"
    assert [state.partition(":")[0] for state in states] == ["It is being sent", "It rests", "It is being sent", "It was stopped"]
    assert "wrong words" in states[1]
    lines = _audit(desk, limit=4)
    assert [line.what for line in lines] == ["campaign.stopped", "campaign.sending", "campaign.paused", "campaign.start"]
    assert {line.by for line in lines} == {"Ada"}
    assert _press(shown, "/campaigns/news/resume")[0] == 409


def test_a_campaign_being_sent_is_followed_without_scripts_as_long_as_somebody_wants_to(shown: Shown) -> None:
    _press(shown, "/campaigns/tested/start")

    still, follows = shown.client.get("/campaigns/tested"), shown.client.get("/campaigns/tested?follow=true")
    _press(shown, "/campaigns/tested/stop")
    over = shown.client.get("/campaigns/tested?follow=true")

    assert ("refresh" in still.headers, follows.headers["refresh"], "refresh" in over.headers) == (False, "5", False)
    assert "Stop following" in follows.text
    assert "Follow it" in still.text


def test_words_are_approved_and_withdrawn_on_the_page_of_their_campaign(shown: Shown) -> None:
    assert _press(shown, "/campaigns/priced/approve") == (303, "/campaigns/priced")
    approved = shown.text("/campaigns/priced")
    _press(shown, "/campaigns/priced/withdraw", reason="a slip")

    assert "✓ active" in approved
    assert "Take the approval back" in approved
    assert "Approve these words" in shown.text("/campaigns/priced")


def test_somebody_says_what_became_of_an_unknown_message_and_why(desk: Path, shown: Shown) -> None:
    workspace = opened(desk)
    message = lost(workspace)
    workspace.close()
    listed = shown.text("/messages?state=unknown")

    silent = _press(shown, f"/messages/{message}/ruling", ruling="sent")
    done = _press(shown, f"/messages/{message}/ruling", ruling="sent", reason="their log has it")

    workspace = opened(desk)
    one = message_of(workspace.book, message)
    workspace.close()
    assert message in listed
    assert (silent[0], "A ruling has a reason" in silent[1]) == (422, True)
    assert done == (303, "/messages?state=unknown")
    assert (one.state, one.reason) == ("sent", "ruled by Ada: their log has it")
    assert (_audit(desk)[0].what, _audit(desk)[0].subject) == ("message.sent", message)


def test_messages_are_narrowed_by_state_campaign_and_reason(shown: Shown) -> None:
    _press(shown, "/campaigns/news/start")
    skipped = shown.client.get("/messages.json", params={"campaign": "news", "state": "skipped"}).json()["rows"]
    mine = shown.client.get("/messages.json", params={"campaign": "news", "reason": skipped[0]["reason"]}).json()

    assert {row["state"] for row in skipped} == {"skipped"}
    assert {row["reason"] for row in mine["rows"]} == {skipped[0]["reason"]}
    assert ["campaign", "of news"] in mine["chosen"]
    assert "take away what narrows the list" in shown.text("/messages?campaign=nothing")


def test_a_reply_that_waits_is_read_and_decided(desk: Path, shown: Shown) -> None:
    workspace = opened(desk)
    review = asked(workspace, "leave me be, 254-867-5309")
    workspace.close()
    before, overview = shown.text("/replies"), shown.text("/")

    done = _press(shown, f"/replies/{review}/verdict", verdict="opt_out")

    assert 'href="/replies">Read 1 reply that may be an opt-out' in overview
    assert "leave me be" in before
    assert "867-5309" not in before
    assert done == (303, "/replies")
    assert "leave me be" not in shown.text("/replies")
    assert (_audit(desk)[0].what, _audit(desk)[0].subject) == ("consent.opt_out", review)


def test_a_flow_is_drawn_with_how_many_rest_at_each_step_and_leads_to_them(shown: Shown) -> None:
    text, told = shown.text("/flows/welcome"), shown.client.get("/flows/welcome.json").json()
    waiting = {step["step"]: step["waiting"] for step in told["steps"]}

    assert '<svg class="flow" role="img"' in text
    for step, number in waiting.items():
        assert f">{step}</text>" in text
        assert f">{number:,} rest</text>" in text
    (busy,) = [step for step, number in waiting.items() if number]
    rows = shown.client.get("/flows/welcome.json", params={"step": busy}).json()["people"]
    assert len(rows) == min(waiting[busy], 50)
    assert {row["step"] for row in rows} == {busy}


def test_a_flow_rests_and_goes_on_by_a_button_with_the_reason(desk: Path, shown: Shown) -> None:
    _press(shown, "/flows/welcome/pause", reason="wrong words")
    rests = shown.text("/flows")
    _press(shown, "/flows/welcome/resume")

    assert "wrong words" in rests
    assert "● runs" in shown.text("/flows")
    assert [line.what for line in _audit(desk, limit=2)] == ["flow.running", "flow.paused"]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_may_not_send_sees_everything_and_is_offered_nothing(desk: Path, role: str) -> None:
    with showing(desk, as_=role) as found:  # type: ignore[arg-type]  # a role
        pages = [found.text(path) for path in ("/campaigns/priced", "/flows/welcome", "/messages", "/replies")]
        refused = [_press(found, path)[0] for path in ("/campaigns/priced/start", "/flows/welcome/pause", "/campaigns/priced/approve")]

    assert [re.findall(r'<form[^>]+action="/(?:campaigns|flows|messages|replies)/[^"]+"', page) for page in pages] == [[], [], [], []]
    assert refused == [403, 403, 403]


def test_a_business_without_campaigns_or_flows_is_told_what_will_be_there(tmp_path: Path) -> None:
    made(tmp_path / "new", name="New", stores=tmp_path)
    for folder in ("campaigns", "flows"):
        for file in (tmp_path / "new" / folder).iterdir():
            file.unlink()

    workspace = opened(tmp_path / "new")
    assert run(workspace).exit_code == 0
    workspace.close()
    with showing(tmp_path / "new") as found:
        pages = {path: found.text(path) for path in ("/campaigns", "/flows", "/messages", "/replies")}

    assert "regulars campaign new NAME writes the first one" in pages["/campaigns"]
    assert "flows/*.yaml" in pages["/flows"]
    assert "Nothing was planned yet" in pages["/messages"]
    assert "Nothing waits: every reply was clear." in pages["/replies"]
