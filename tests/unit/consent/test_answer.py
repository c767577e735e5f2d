"""What follows from a reply: one text at most, and every word of it written down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from regulars.consent.answer import Answer, answer_to, texts
from regulars.consent.keyword import read_reply

AT = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


def answer(text: str, state: Any = "unknown", *, is_confirming: bool = False) -> Answer:
    return answer_to(
        read_reply(text, is_confirming=is_confirming), text=text, address_hash="a", channel="sms", state=state, at=AT,
        source="twilio", evidence="SM1", business="Summit",
    )


def test_a_stop_is_written_down_as_it_was_typed_and_answered_once() -> None:
    first, second = answer("Stop!!", "granted"), answer("Stop!!", "revoked")

    assert (first.status, second.status) == ("opted_out", "already_opted_out")
    assert first.text is not None
    assert second.text is None
    assert [(e.action, e.purpose, e.wording, e.evidence) for e in first.entries + second.entries] == [
        ("revoke", "any", "Stop!!", "SM1")
    ] * 2


def test_a_start_permits_again_what_a_stop_forbade() -> None:
    found = answer("START", "revoked")

    assert (found.status, [e.purpose for e in found.entries]) == ("opted_in", ["marketing", "transactional"])


def test_a_start_of_somebody_who_never_left_changes_nothing_and_sends_nothing() -> None:
    assert answer("START", "granted") == Answer(status="already_opted_in")


def test_a_yes_to_a_campaign_is_no_opt_in() -> None:
    assert answer("Yes, interested!", "granted").status == "none"


def test_help_is_answered_and_changes_nothing() -> None:
    found = answer("HELP", "revoked")

    assert (found.status, found.entries) == ("help", ())
    assert found.text is not None


def test_what_is_not_clear_is_suppressed_until_a_person_has_read_it() -> None:
    assert answer("not interested") == Answer(status="review", is_suppressed=True)


@pytest.mark.parametrize("language", ["en", "es", "fr", "pt"])
def test_every_answer_names_the_business_and_says_how_to_change_ones_mind(language: str) -> None:
    said = texts("Summit", language)

    assert all("Summit" in text for text in (said.opted_out, said.opted_in, said.help))
    assert "START" in said.opted_out
    assert "STOP" in said.opted_in


def test_an_answer_is_in_the_language_of_the_reply() -> None:
    assert answer("dejen de molestar", "granted").text == texts("Summit", "es").opted_out
