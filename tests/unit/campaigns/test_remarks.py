"""What a careful reader finds in words before they go out, and where it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.remarks import remarks, remarks_on
from regulars.campaigns.template import Template
from regulars.cli.main import main_group
from regulars.consent.channel import Purpose
from regulars.project import Project, check_project
from regulars.testing.mailing import write_flow, write_mailing

URL = "https://gateway.gym.example"


def names(text: str, *, purpose: Purpose = "marketing") -> list[str]:
    return [one.name for one in remarks_on(Template(name="t", channel="sms", text=text), purpose=purpose)]


def test_a_careful_reader_finds_what_costs_and_what_is_left_out() -> None:
    assert names("Fête today") == ["segment-alphabet", "says-how-to-leave"]
    assert names("Sale today. Reply STOP to opt out") == []


@pytest.mark.parametrize("text", [
    "Sale today", "Stop by and climb", "Stop in this week", "Cancel anytime", "Your season never ends. Quit winter",
    "Let us send you off: the nonstop sale",
])
def test_words_that_tell_nobody_how_to_leave_are_remarked(text: str) -> None:
    assert names(text) == ["says-how-to-leave"]


@pytest.mark.parametrize("text", [
    "Sale. STOP to end", "Sale. Txt STOPALL", "Sale. To leave: {{ unsubscribe_url }}", "Sale. Opt-out: reply END",
    "Rebajas. Responde BAJA", "Rebajas. Envia ALTO", "Soldes. Repondez ARRET", "Soldes. ARRÊT pour finir",
    "Sale. Reply 'QUIT' and no more come", "Sale. Text cancel to leave", "Sale: unsubscribe any time",
])
def test_words_that_say_how_to_leave_in_any_language_are_not(text: str) -> None:
    assert "says-how-to-leave" not in names(text)


def test_what_is_no_marketing_needs_no_way_out() -> None:
    assert names("Your class begins at 6", purpose="transactional") == []


def test_a_subject_in_capitals_is_remarked() -> None:
    mail = Template(name="t", channel="email", subject="SALE", text="Hi {{ unsubscribe_url }}")

    assert [one.name for one in remarks_on(mail, purpose="marketing")] == ["subject-shouts"]


def test_each_variant_is_read_and_one_that_says_nothing_is_not() -> None:
    campaign = Campaign(
        name="n", title="N", audience=None, channel="sms", purpose="marketing", destination="d",
        templates={"as_it_is": None, "bare": Template(name="b", channel="sms", text="Sale")},
    )

    assert [(one.where, one.name) for one in remarks(campaign)] == [("variants.bare", "says-how-to-leave")]


def test_a_check_warns_of_campaigns_and_flows_and_refuses_nothing(tmp_path: Path) -> None:
    folder = write_mailing(tmp_path, url=URL, purpose="marketing")
    write_flow(folder)
    for file, before, after in (
        ("campaigns/news.yaml", " Reply STOP to opt out", ""),
        ("flows/welcome.yaml", "purpose: transactional", "purpose: marketing"),
    ):
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")

    found = [one for one in check_project(Project.read(folder)) if one.name == "says-how-to-leave"]
    checked = CliRunner().invoke(main_group, ["check", "--json", "--project", str(folder)])

    assert [(one.status, one.where) for one in found] == [
        ("warning", "campaigns/news.yaml"), ("warning", "flows/welcome.yaml (hello)"),
    ]
    assert checked.exit_code == 0
    assert sum(one["name"] == "says-how-to-leave" for one in json.loads(checked.stdout)) == 2
