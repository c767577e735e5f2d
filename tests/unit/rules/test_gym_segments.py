"""The gym's segments do what their examples say, and a wrong example is told with the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary
from regulars.rules.examples import run_examples
from regulars.rules.segment import declare
from regulars.storage.engines.open import open_engine

GYM = Path(__file__).parents[3] / "examples" / "gym"
OF_MONEY = {
    f"{name}": frozenset({"amount", "category", "units"})
    for name in ("day_pass_purchase", "membership_purchase", "membership_renewal", "retail_purchase", "refund")
}


def _vocabulary() -> Vocabulary:
    events = {
        path.stem: frozenset(yaml.safe_load(path.read_text(encoding="utf-8")).get("what", {}))
        for path in (GYM / "events").glob("*.yaml")
    }
    return Vocabulary(events=events | OF_MONEY, segments=frozenset(p.stem for p in (GYM / "segments").glob("*.yaml")))


@pytest.fixture
def engine():
    engine = open_engine()
    yield engine
    engine.close()


def _gym_segments():
    return [
        declare(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")), known=_vocabulary())
        for path in sorted((GYM / "segments").glob("*.yaml"))
    ]


def test_all_fifteen_rules_and_their_shared_audience_come_out_as_their_examples_say(engine) -> None:
    segments = _gym_segments()

    findings = run_examples(segments, engine=engine, zone="America/Chicago", known=_vocabulary())

    assert len(findings) == 16
    assert [finding.message for finding in findings if finding.status != "ok"] == []
    assert all({example.expect for example in segment.examples} == {True, False} for segment in segments)
    assert all(segment.description for segment in segments)


def test_a_wrong_example_is_told_with_its_number_and_the_reason(engine) -> None:
    segment = declare("s", {
        "when": {"count": "visit", "within": "3 days"},
        "examples": [{"given": [{"visit": "1 day ago"}], "expect": "in"}, {"given": [{"visit": "4 days ago"}], "expect": "in"}],
    })

    finding = run_examples([segment], engine=engine)[0]

    assert finding.status == "failed"
    assert finding.message == "example 2 should be in: out: number of visit, in the last 3 days: at least 1 (it is 0)"
    assert finding.where == "segments/s.yaml"


def test_a_segment_without_examples_is_a_warning(engine) -> None:
    assert run_examples([declare("s", {"when": {"count": "visit"}})], engine=engine)[0].status == "warning"


@pytest.mark.parametrize(
    ("given", "path"),
    [({"vist": "1 day ago"}, "vist"), ({"visit": "lately"}, "visit"), ({"customer": 3}, None)],
)
def test_an_example_that_cannot_be_read_says_where(engine, given, path) -> None:
    segment = declare("s", {"when": {"count": "visit"}, "examples": [{"given": [given], "expect": "in"}]})

    with pytest.raises(DeclarationError) as refused:
        run_examples([segment], engine=engine, known=Vocabulary(events={"visit": frozenset()}))

    assert refused.value.path == ("examples", 0, "given", 0, *([path] if path else []))
