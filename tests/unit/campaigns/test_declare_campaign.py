"""Campaigns and destinations out of YAML: what they mean, and what is wrong with them, by file and line."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.pace import Cap
from regulars.project import Project
from regulars.testing.mailing import NAME, write_mailing

URL = "https://gateway.gym.example"
EXPERIMENT = """\
unit: customer
audience: everybody
variants: {nothing_new: 50, offer: 50}
primary: visits
"""


def campaign(folder: Path, **written: str) -> Campaign:
    return Project.load(write_mailing(folder, url=URL, **written)).campaigns[0]  # type: ignore[arg-type]  # further lines


def problems(folder: Path) -> list[str]:
    return [f"{one.where}: {one.message}" for one in Project.read(folder).problems]


def test_everything_a_campaign_says_is_read(tmp_path: Path) -> None:
    found = campaign(tmp_path, campaign="""\
one_per: household
starts: 2026-03-02 10:00
zone: recipient
repeat: {type: weekly, interval: 2, days_of_week: [0]}
spread: 2 hours
expires: 3 days
hours: {weekdays: 09:00-18:00, saturday: 10:00-16:00}
caps: [{of: customer, limit: 1, window: 7 days, name: courtesy}]
pause_at: {bounced: 5 %}
""")

    assert (found.one_per, found.starts, found.spread) == ("household", datetime(2026, 3, 2, 10), timedelta(hours=2))  # noqa: DTZ001  a wall time
    assert (found.zone, campaign(tmp_path).zone) == ("recipient", "business")
    assert found.repeat is not None
    assert found.repeat.interval == 2
    assert found.hours == ("09:00-18:00",) * 5 + ("10:00-16:00", "")
    assert found.caps == (Cap(name="courtesy", of="customer", limit=1, window=timedelta(days=7)),)
    assert (found.brake.bounced, found.brake.complained) == (Fraction(5, 100), Fraction(1, 1000))
    assert found.expires == timedelta(days=3)


def test_another_word_is_another_version(tmp_path: Path) -> None:
    before = campaign(tmp_path).version
    path = tmp_path / "campaigns" / f"{NAME}.yaml"

    path.write_text(path.read_text(encoding="utf-8").replace("Elm", "Oak"), encoding="utf-8")

    assert Project.load(tmp_path).campaigns[0].version != before


def test_a_destination_may_be_slower_than_its_provider_and_never_faster(tmp_path: Path) -> None:
    more = "per_second: 1\nat_once: 5000\ndaily_limit: 125"

    found = Project.load(write_mailing(tmp_path, url=URL, destination=more)).destinations[0]

    assert (found.limits.per_second, found.limits.at_once) == (1, 32)
    assert [(cap.of, cap.limit, cap.window, cap.is_of_all) for cap in found.caps] == [("sender", 125, "day", True)]


@pytest.mark.parametrize(("more", "says"), [
    ("audiense: x", "campaigns/news.yaml:6: 'audiense' means nothing here"),
    ("one_per: person", "campaigns/news.yaml:6: 'person' is no one_per"),
    ("starts: 9999-12-31 23:59", "campaigns/news.yaml:6: '9999-12-31 23:59' is no time"),
    ("starts: soon", "campaigns/news.yaml:6: 'soon' is no time"),
    ("repeat: {type: daily}", "campaigns/news.yaml:6: what repeats has a first time"),
    ("starts: 2026-03-02 10:00\nrepeat: {type: yearly}", "campaigns/news.yaml:7: Recurrence type must be one of"),
    ("caps: [{of: city, limit: 1, window: 1 day}]", "campaigns/news.yaml:6: 'city' is no of"),
    ("caps: [{of: customer, limit: 0, window: 1 day}]", "campaigns/news.yaml:6: cap 'news.0': the limit is at least 1"),
    ("expires: 0 days", "campaigns/news.yaml:6: '0 days' is no time at all"),
    ("spread: ² hours", "campaigns/news.yaml:6: '² hours' is not a length of time"),
    ("expires: 9999999999 days", "campaigns/news.yaml:6: '9999999999 days' is not a length of time"),
    ("expires: 400000 weeks", "campaigns/news.yaml:6: '400000 weeks' is longer than a hundred years"),
    (
        "starts: 2026-03-02 10:00\nrepeat: {type: daily, end_date: 2026-03-01}",
        "campaigns/news.yaml:7: it ends on 2026-03-01, before it starts on 2026-03-02",
    ),
    ("starts: 2026-03-02 10:00\nrepeat: {type: daily, interval: '2'}", "campaigns/news.yaml:7: Recurrence interval is"),
    ("hours: {weekdays: all day}", "campaigns/news.yaml:6: "),
    ("zone: recipient", "campaigns/news.yaml:6: a zone is of a wall time"),
    ("starts: 2026-03-02 10:00\nzone: moon", "campaigns/news.yaml:7: 'moon' is no zone"),
    ("list: fair.csv", "campaigns/news.yaml:1: a list goes without 'audience'"),
    ("experiment: offers", "campaigns/news.yaml:6: an experiment and its variants belong together"),
    ("test: {share: 20 %, winner_by: clicked, after: 1 hour}", "campaigns/news.yaml:6: a test and its variants"),
    ("goals: {metric: visits}", "campaigns/news.yaml:6: there is no metric 'visits'"),
    ("goals: [{within: 3 days}]", "campaigns/news.yaml:6: {'within': '3 days'} names no metric"),
    ("costs: {each: cheap}", "campaigns/news.yaml:6: 'cheap' is no amount"),
    ("pause_at: {bounced: lots}", "campaigns/news.yaml:6: 'lots' is no share"),
])
def test_what_is_wrong_says_where(tmp_path: Path, more: str, says: str) -> None:
    found = problems(write_mailing(tmp_path, url=URL, campaign=more))

    assert len(found) == 1
    assert found[0].startswith(says)


def test_a_variable_nobody_knows_is_found_before_anybody_is_written_to(tmp_path: Path) -> None:
    path = write_mailing(tmp_path, url=URL) / "campaigns" / f"{NAME}.yaml"

    path.write_text(path.read_text(encoding="utf-8").replace("first_name", "frist_name"), encoding="utf-8")

    assert problems(tmp_path) == ["campaigns/news.yaml:5: text, line 1: no variable 'frist_name'"]


@pytest.mark.parametrize(("change", "says"), [
    (("by: gateway", "by: gatway"), "campaigns/news.yaml:4: there is no destination 'gatway'"),
    (("channel: sms", "channel: email\nsubject: Hi"), "campaigns/news.yaml:5: gateway sends by sms, not by email"),
    (("audience: everybody", "audience: lapsed"), "campaigns/news.yaml:1: no segment 'lapsed'"),
])
def test_what_a_campaign_says_of_others_has_to_be_so(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = write_mailing(tmp_path, url=URL) / "campaigns" / f"{NAME}.yaml"

    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")

    assert problems(tmp_path) == [says]


@pytest.mark.parametrize(("more", "says"), [
    ("per_second: 0", "destinations/gateway.yaml:6: 0 is no number above 0"),
    ("links: go.gym.example", "destinations/gateway.yaml:6: 'go.gym.example' is no origin"),
    ("batch: 0", "destinations/gateway.yaml:6: 0 messages a request"),
    ("colour: red", "destinations/gateway.yaml:6: 'colour' means nothing here"),
])
def test_a_destination_says_what_is_wrong_with_it(tmp_path: Path, more: str, says: str) -> None:
    assert problems(write_mailing(tmp_path, url=URL, destination=more)) == [says]


@pytest.mark.parametrize(("change", "says"), [
    ({"winner_by": "opened"}, "opens are made by mail programs: no winner is told by 'opened'"),
    ({"winner_by": "revenue"}, "no winner is told by 'revenue'"),
    ({"share": "100 %"}, "'100 %' leaves nobody on one side"), ({"unclear": "guess"}, "'guess' is no unclear"),
    ({"winer_by": "clicked"}, "'winer_by' means nothing here"),
])
def test_a_test_that_cannot_tell_a_winner_is_refused(tmp_path: Path, change: dict[str, str], says: str) -> None:
    test = {"share": "20 %", "winner_by": "clicked", "after": "4 hours"} | change
    path = write_mailing(tmp_path, url=URL) / "campaigns" / f"{NAME}.yaml"
    text = f"audience: everybody\nchannel: sms\npurpose: transactional\nby: gateway\ntest: {test}\n"

    path.write_text(text + "variants: {a: {text: Hi}, b: {text: Ho}}\n", encoding="utf-8")

    assert [one.partition(": ")[2] for one in problems(tmp_path)] == [says]


def test_every_variant_has_its_words_or_nothing(tmp_path: Path) -> None:
    write_mailing(tmp_path, url=URL)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "offers.yaml").write_text(EXPERIMENT, encoding="utf-8")
    text = "audience: everybody\nchannel: sms\npurpose: marketing\nby: gateway\nexperiment: offers\nvariants:\n"

    (tmp_path / "campaigns" / f"{NAME}.yaml").write_text(f"{text}  ofer: {{text: Hi STOP}}\n", encoding="utf-8")

    assert [one for one in problems(tmp_path) if one.startswith("campaigns")] == [
        "campaigns/news.yaml:6: nothing is said to variant 'nothing_new'",
        "campaigns/news.yaml:6: nothing is said to variant 'offer'",
        "campaigns/news.yaml:7: offers has no variant 'ofer'",
    ]


@pytest.mark.parametrize(("written", "channel"), [
    ('"+12545550100"', "sms"), ('"72345"', "sms"), ("Hello@Gym.example", "email"), ("555-0100", None), ("the desk", None),
])
def test_what_is_sent_from_says_the_channel(tmp_path: Path, written: str, channel: str | None) -> None:
    path = write_mailing(tmp_path, url=URL) / "destinations" / "gateway.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"+12545550100"', written), encoding="utf-8")

    assert [one.channel for one in Project.read(tmp_path).destinations] == ([channel] if channel else [])
