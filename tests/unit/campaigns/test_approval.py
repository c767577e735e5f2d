"""Versions of a template and who let them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from regulars.campaigns.approval import Action, Decision, Refused, standing, take, version
from regulars.campaigns.template import Template

TEMPLATE = Template(name="offer", channel="sms", text="Hi")
ONE = version(TEMPLATE)


def decision(action: Action, *, minute: int, by: str = "Ann", of: str = ONE) -> Decision:
    return Decision(version=of, action=action, by=by, at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))


def test_a_version_is_its_content_whatever_it_is_called() -> None:
    assert version(replace(TEMPLATE, name="other")) == ONE
    assert version(replace(TEMPLATE, text="Hi!")) != ONE


def test_an_edited_template_begins_as_a_draft_again() -> None:
    decisions = [decision("approve", minute=1), decision("activate", minute=2)]

    assert standing(decisions, ONE).may_be_sent
    assert standing(decisions, version(replace(TEMPLATE, text="Hi!"))).status == "draft"


def test_only_what_is_approved_can_be_activated() -> None:
    assert take([], decision("activate", minute=1)) == Refused(reason="cannot activate what is draft: it has to be approved")
    assert take([decision("approve", minute=1)], decision("activate", minute=2)) == decision("activate", minute=2)


def test_an_author_cannot_approve_where_two_pairs_of_eyes_are_wanted() -> None:
    assert isinstance(take([], decision("approve", minute=1, by="Ann"), author="Ann"), Refused)
    assert isinstance(take([], decision("approve", minute=1, by="Bob"), author="Ann"), Decision)


def test_the_order_of_the_records_never_matters() -> None:
    decisions = [decision("approve", minute=1), decision("activate", minute=2), decision("archive", minute=3)]

    assert standing(decisions, ONE) == standing(reversed(decisions), ONE)
    assert standing(decisions, ONE).status == "archived"


def test_a_withdrawn_version_has_to_be_approved_again() -> None:
    now = standing([decision("approve", minute=1), decision("activate", minute=2), decision("withdraw", minute=3)], ONE)

    assert (now.status, now.approved_by, now.may_be_sent) == ("draft", None, False)
