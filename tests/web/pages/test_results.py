"""Experiments within the dashboard: the list, and a result with its trust before its numbers."""

from __future__ import annotations

from pathlib import Path

from api_server import PEOPLE, opened
from pages_server import Shown, showing

from regulars.pipeline.experiment import decide


def test_every_experiment_stands_with_its_state(pages: Shown) -> None:
    text = pages.text("/experiments")

    assert "● runs" in text
    assert f'<td class="n">{PEOPLE}</td>' in text


def test_trust_comes_before_the_verdict_and_that_before_the_numbers(pages: Shown) -> None:
    text = pages.text("/experiments/greeting")

    assert text.index("Can it be trusted?") < text.index("What it says") < text.index("What the variants did")
    assert "○ not yet" in text


def test_the_json_of_a_result_is_the_report_and_its_csv_the_rows(pages: Shown) -> None:
    assert pages.client.get("/experiments/greeting.json").json()["experiment"] == "greeting"
    assert pages.text("/experiments/greeting.csv").startswith("experiment,as_of,decision")


def test_a_result_that_is_kept_says_a_new_decision_at_once(desk: Path) -> None:
    with showing(desk) as shown:
        before = shown.text("/experiments/greeting")
        workspace = opened(desk)
        decide(workspace, "greeting", kind="stopped", by="Ada", reason="The desk is closed <for> good.")
        decide(workspace, "greeting", kind="undone", by="Ada", reason="It is not.")
        workspace.close()
        after = shown.text("/experiments/greeting")

    assert "The desk is closed" not in before
    assert "The desk is closed &lt;for&gt; good." in after
