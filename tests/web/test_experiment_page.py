"""The page of an experiment: trust before lifts, words before numbers, and no number where none may be."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from invented import STARTED, shown

from regulars.cli.experiment_screen import show_report
from regulars.experiments.aging import Aging, Week
from regulars.storage.book.experiments import Decision
from regulars.web.answers import COLUMNS, Shown, rows, to_csv
from regulars.web.chart import png
from regulars.web.experiment import experiment_page, render
from regulars.web.experiment_charts import course, early_days, intervals, pictures

LIFT = re.compile(r"[+\u2212]\d[\d,.]*\u202f%")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")


def page(found: Shown) -> str:
    return render(experiment_page(found, business="Summit & Sons", as_of="Mon 2 Feb, 09:00", timezone="UTC", program="0"))


def printed(found: Shown, capsys: pytest.CaptureFixture[str]) -> str:
    show_report(found)
    return capsys.readouterr().out


def test_trust_comes_before_the_verdict_and_the_verdict_before_the_numbers() -> None:
    text = page(shown())

    assert text.index("Can it be trusted?") < text.index("What it says") < text.index("What the variants did")


def test_every_check_stands_with_its_state_and_its_sentence() -> None:
    found = shown(days=4)

    text = page(found)

    assert [check.sentence for check in found.report.checks if check.sentence not in text] == []
    assert (text.count("✓ passed"), text.count("○ not yet")) == (4, 1)


def test_the_verdict_says_what_was_found_and_what_to_do() -> None:
    found = shown()

    text = page(found)

    assert "✓ ship" in text
    assert found.report.verdict.sentence in text
    assert found.report.verdict.advice in text


def test_a_row_has_its_levels_its_lift_with_the_interval_drawn_and_said_and_its_units() -> None:
    text = page(shown())

    (row,) = re.findall(r'<tr role="row"><th role="rowheader".*?</tr>', text, re.DOTALL)
    assert "10\u202f%" in row
    assert "20\u202f%" in row
    assert row.count("+100\u202f% [") == 2                 # for eyes and for ears
    assert '<svg class="interval sure"' in row
    assert "differs" in row
    assert "2,800" in row


def test_where_a_check_failed_no_lift_is_anywhere_and_the_page_says_why() -> None:
    found = shown(daily=(100, 130), guarded=(0.05, 0.05))

    text = page(found)

    assert "The lifts are hidden: sample ratio failed" in text
    assert "▲ failed" in text
    assert not LIFT.search(text)
    assert 'class="interval' not in text
    assert text.count('<span class="silent">hidden</span>') == 2


def test_early_on_there_are_words_in_the_place_of_numbers() -> None:
    text = page(shown(days=4))

    assert "○ too early" in text
    assert '<span class="silent">too early</span>' in text
    assert not LIFT.search(text)


def test_days_that_were_too_early_say_so_in_the_course() -> None:
    found = shown(days=28, daily=(30, 30))

    (chart,) = course(found).values()

    assert len(early_days(found.report)) == 6
    assert [row[-1] for row in chart.rows[:6]] == ["too early"] * 6
    assert all(LIFT.match(str(row[-1])) for row in chart.rows[6:])


def test_units_too_few_make_a_day_early_however_many_days_went_by() -> None:
    found = shown(days=28, daily=(10, 10))

    assert len(early_days(found.report)) == 9              # the tenth day has a hundred


def test_an_interval_without_an_end_is_an_arrow_and_says_no_end() -> None:
    text = page(shown(daily=(12, 12), rates=(0.02, 0.12)))

    assert 'class="arrow"' in text
    assert re.search(r"\+567\u202f% \[\d+, no end\]", text)


def test_a_guardrail_says_its_margin_and_its_state() -> None:
    text = page(shown(guarded=(0.05, 0.15)))

    assert "must not rise by more than 5.0\u202f%" in text
    assert "▲ tripped: past the margin" in text
    assert 'class="margin"' in text


def test_without_guardrails_the_page_says_that_nothing_is_watched() -> None:
    assert "nothing is watched for harm" in page(shown())


def test_units_stand_against_the_weights() -> None:
    text = page(shown(daily=(100, 130)))

    assert "43\u202f% of units, weight 50\u202f%" in text
    assert "57\u202f% of units, weight 50\u202f%" in text


def test_the_log_of_decisions_names_the_winner_who_and_why() -> None:
    won = Decision(
        number=2, at=datetime(2026, 2, 2, 9, tzinfo=UTC), kind="winner", by="Ann", reason="Cheap & good",
        detail=json.dumps({"variant": "new", "report": {}}),
    )

    text = page(shown(decisions=(STARTED, won)))

    assert text.index("its first day has come") < text.index("2026-02-02 09:00")
    assert "winner: new" in text
    assert "Cheap &amp; good" in text


def test_a_log_without_lines_says_what_will_be_there() -> None:
    assert "Nothing is decided yet" in page(shown(decisions=()))


@pytest.mark.parametrize(("method", "words"), [
    ("sequential", "hold at all looks at once"), ("group_sequential", "4 planned looks"),
    ("fixed", "speaks once, at its end"), ("bayesian", "not safe to stop by"),
])
def test_the_page_says_what_looking_again_does(method: str, words: str) -> None:
    assert words in page(shown(method=method))  # type: ignore[arg-type]  # one of the four


def test_a_fixed_test_shows_nothing_before_its_end_and_its_lift_at_the_end() -> None:
    before, after = page(shown(method="fixed")), page(shown(method="fixed", is_over=True))

    assert "nothing before the end" in before
    assert not LIFT.search(before)
    assert LIFT.search(after)
    assert "This analysis speaks on planned days alone" in after


def test_a_bayesian_analysis_shows_the_chance_to_win() -> None:
    assert re.search(r'data-name="chance to win">\d+ %', page(shown(method="bayesian")))


def test_names_are_escaped_and_keep_their_letters() -> None:
    found = shown(
        names=("<b>old</b>", "Wöchen & 茶"), title="<script>alert(1)</script>", hypothesis='"Größer" <i>wins</i>',
        guarded=(0.05, 0.05),
    )

    text = page(found)

    assert not re.search(r"<script|<b>old|<i>wins", text)
    assert "Wöchen &amp; 茶" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "Größer" in text


def test_a_page_asks_nothing_of_the_network_and_runs_nothing() -> None:
    text = page(shown(guarded=(0.05, 0.05)))

    assert not re.search(r"<script|@import|url\(|src=|href=\"(?!#)", text)
    assert "default-src 'none'" in text


def test_regions_that_scroll_can_be_reached_by_keyboard_and_have_a_name() -> None:
    text = page(shown(guarded=(0.05, 0.05)))

    regions = re.findall(r'<div class="scroll[^"]*"([^>]*)>', text)
    assert len(regions) == 5
    assert all('tabindex="0"' in each and "aria-label=" in each for each in regions)
    assert 'href="#verdict"' in text


def test_every_variant_has_a_course_of_its_own_on_the_same_axis() -> None:
    found = shown(names=("a", "b", "c"), daily=(100, 100, 100), rates=(0.1, 0.12, 0.2))

    charts = course(found)

    assert list(charts) == ["b", "c"]
    domains = {json.dumps(chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"]) for chart in charts.values()}
    assert len(domains) == 1


def test_the_picture_for_slides_says_the_control_the_sample_and_the_day() -> None:
    chart = intervals(shown(guarded=(0.05, 0.05)))

    assert chart is not None
    assert chart.title == "Invented: lift over as_it_is, 5,600 customer units until 2026-02-01"
    assert [row[0] for row in chart.rows] == ["joined", "complaints"]
    assert png(chart).startswith(b"\x89PNG")


def test_there_is_no_picture_of_what_may_not_be_shown() -> None:
    assert pictures(shown(daily=(100, 130))) == {}


def test_the_csv_has_a_line_for_each_metric_and_variant_with_the_numbers_of_the_report() -> None:
    found = shown(guarded=(0.05, 0.05))

    lines = list(csv.DictReader(io.StringIO(to_csv(found))))

    assert tuple(lines[0]) == COLUMNS
    assert [(line["metric"], line["variant"]) for line in lines] == [("joined", "new"), ("complaints", "new")]
    assert float(lines[0]["lift"]) == found.report.answers[0].lift
    assert lines[1]["guardrail"] == found.report.answers[1].guarded


def test_the_csv_of_a_broken_experiment_has_its_lines_and_no_numbers() -> None:
    (line,) = csv.DictReader(io.StringIO(to_csv(shown(daily=(100, 130)))))

    assert (line["decision"], line["metric"], line["lift"], line["p"]) == ("not_trusted", "joined", "", "")


def test_money_is_told_in_major_units_with_its_currency() -> None:
    found = shown(rates=(0.5, 0.6))
    paid = Shown(report=found.report, experiment=found.experiment, units={"joined": "money"}, currency="EUR")

    (row,) = rows(paid)

    assert (row.control_level, row.level) == ("0.00 EUR", "0.01 EUR")


def test_a_difference_takes_the_place_of_a_lift_that_has_no_control_to_divide_by() -> None:
    (row,) = rows(shown(rates=(0.0, 0.2)))

    assert row.axis == "joined"
    assert row.effect.startswith("+0.200 a unit [")


def test_the_terminal_says_the_same_with_the_interval_in_characters(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(guarded=(0.05, 0.15))

    text = printed(found, capsys)

    assert text.index("✓ passed  Sample ratio") < text.index(found.report.verdict.sentence)
    assert re.search(r"joined +new +10\u202f% +20\u202f% +┊ +├─+●─+┤ +\+100\u202f% \[64, 149\] +< 0\.001 +differs", text)
    assert "▲ tripped" in text
    assert "must not rise by more than 5.0\u202f%" in text
    assert "its first day has come" in text
    assert "It helps." in text


def test_the_terminal_hides_what_may_not_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(shown(daily=(100, 130)), capsys)

    assert "The lifts are hidden" in text
    assert not LIFT.search(text)


def test_names_in_brackets_are_no_markup_of_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(shown(names=("old", "[red]new"), daily=(12, 12), rates=(0.02, 0.12)), capsys)

    assert "[red]new" in text
    assert re.search(r"▸ +\+567\u202f% \[\d+, no end\]", text)


def test_segments_that_are_told_apart_have_a_table_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown()
    answer = found.report.answers[0]
    apart = replace(found, report=replace(found.report, groups=(replace(answer, group="in <keen>"), replace(answer, group="not in <keen>"))))

    text, lines = page(apart), list(csv.DictReader(io.StringIO(to_csv(apart))))

    assert "By segment" not in page(found)
    assert "new, in &lt;keen&gt;" in text
    assert "new, not in <keen>" in printed(apart, capsys)
    assert [line["group"] for line in lines] == ["", "in <keen>", "not in <keen>"]


def test_the_weeks_since_exposure_are_told_with_what_becomes_of_the_effect(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown()
    weeks = tuple(Week(variant="new", week=n, units=400, low=0.1 / n, value=0.2 / n, high=0.3 / n) for n in (1, 2))
    aged = replace(found, report=replace(found.report, aging=(Aging(variant="new", course="wears off", p=0.004, weeks=weeks),)))

    text = page(aged)

    assert "By week since exposure" not in page(found)
    assert "new: wears off with the weeks" in text
    assert "+0.100 [0.0500, 0.150]" in text
    assert "new by week since exposure: wears off" in printed(aged, capsys)
