"""Flows out of YAML: what they mean, and what is said when they mean nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import time, timedelta
from pathlib import Path

import pytest
from courses import DRIP, HEAD, flow

from regulars.errors import DeclarationError
from regulars.flows.flow import Branch, DayOf, Edge, Message, OnDate, OnSegment


def test_steps_are_known_by_their_names_and_lie_behind_their_waits() -> None:
    found = flow(DRIP)

    assert [step.name for step in found.steps] == ["day_3", "day_7", "day_14"]
    assert found.first == Edge(to="day_3", delays=(DayOf(3),))
    assert found.trigger == OnSegment(segment="lapsed")
    assert found.offsets == (3, 7, 14)


def test_a_message_is_a_campaign_of_its_own_with_what_the_flow_says_for_all() -> None:
    message = flow(DRIP).messages[0]

    assert message.campaign.name == "winback.day_3"
    assert (message.campaign.channel, message.campaign.purpose, message.campaign.destination) == (
        "sms", "marketing", "texts"
    )
    assert (message.at, message.late) == (time(10), timedelta(days=2))


def test_the_wait_at_the_end_of_a_way_is_part_of_it() -> None:
    text = HEAD + """
steps:
  - branch: {not_member_of: member}
    yes: [{message: a, text: a}, {wait: 2 days}]
  - {message: b, text: b}
"""
    branch, message = flow(text).steps[:2]

    assert isinstance(branch, Branch)
    assert isinstance(message, Message)
    assert branch.no == Edge(to="b")
    assert message.then.to == "b"
    assert len(message.then.delays) == 1


def test_words_may_speak_of_the_occasion_and_of_totals() -> None:
    text = """
trigger: {date: party_day, of: party_hosted, occasion: party_id}
starts: 2026-01-01
channel: sms
by: texts
totals: {guests: {count: party_rsvp, where: {attending: "yes"}, same: party_id}}
steps:
  - wait: {until: 6 days before}
  - {message: six, text: "{{ occasion.child_name }} has {{ total.guests }} guests on {{ occasion.day }}"}
"""
    found = flow(text)

    assert isinstance(found.trigger, OnDate)
    assert not found.is_one_at_a_time
    assert "occasion.child_name" in found.messages[0].campaign.further


def test_a_holdout_is_an_experiment_of_those_who_come() -> None:
    found = flow(DRIP, holdout={"share": "10 %", "primary": {"metric": "joins", "within": "30 days"}}).holdout

    assert found is not None
    assert (found.name, found.flow, found.control) == ("winback_holdout", "winback", "held_out")
    assert [float(variant.weight) for variant in found.variants] == [10.0, 90.0]


@pytest.mark.parametrize(("text", "said", "path"), [
    (DRIP.replace("entered: lapsed", "entered: lapse"), "no segment 'lapse'", ("trigger", "entered")),
    (DRIP.replace("entered", "enters"), "who comes into it", ("trigger",)),
    (DRIP.replace("starts: 2026-01-01", ""), "when it starts", ()),
    (DRIP.replace("day_7", "day_3"), "two steps 'day_3'", ("steps", 3, "message")),
    (DRIP.replace("text: three", "text: '{{ first_nam }}'"), "no variable 'first_nam'", ("steps", 1, "text")),
    (DRIP.replace("until: day 3", "until: day three"), "until when", ("steps", 0, "wait", "until")),
    (DRIP.replace("message: day_3", "mesage: day_3"), "is no step", ("steps", 1)),
    (HEAD, "has steps", ("steps",)),
    (HEAD + "steps: [{wait: {for: check_in}}]", "for ever", ("steps", 0, "wait")),
    (HEAD + "steps: [{branch: {member_of: membr}}]", "no segment 'membr'", ("steps", 0, "branch", "member_of")),
    (DRIP + "late: soon", "length of time", ("steps", 1, "late")),
    (DRIP + "opt_out: ignore", "opt_out is 'ignore'", ("opt_out",)),
])
def test_what_means_nothing_is_told_with_its_place(text: str, said: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(DeclarationError) as caught:
        flow(text)

    assert said in caught.value.message
    assert caught.value.path == path


def test_the_version_follows_the_way_and_not_the_words() -> None:
    assert flow(DRIP).version == flow(DRIP.replace("three", "3")).version
    assert flow(DRIP).version != flow(DRIP.replace("until: day 7", "until: day 8")).version


def test_the_version_is_the_same_in_another_process() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from courses import DRIP, flow; "
        "print(flow(DRIP).version)"
    )

    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert other.stdout.strip() == flow(DRIP).version
