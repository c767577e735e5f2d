"""An experiment from the first day to its verdict: assigned by a run, read from what people did, decided by a person."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.errors import DeclarationError, NotFound
from regulars.pipeline.assign import enrol_audience, is_running, shift
from regulars.pipeline.experiment import decide, experiment_list, experiment_report
from regulars.pipeline.flow import run
from regulars.pipeline.imported import import_assignments
from regulars.pipeline.judge import served
from regulars.pipeline.rehearse import prospect, rehearsals
from regulars.pipeline.seen import Sight, write_sights
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.experiments import EXPOSURES
from regulars.storage.book.identity import Ruling
from regulars.testing.gym import generate
from regulars.testing.gym.stage import staged

MONDAY = datetime(2026, 1, 5, 22, tzinfo=UTC)
DAY = timedelta(days=1)
EXPERIMENT = """\
title: Greeting
audience: regular
variants: {silent: 50, greeted: 50}
primary: {metric: visitors, within: 14 days}
secondary: visits
guardrails: [{metric: complaints, must_not: rise, margin: 50 %}]
runs: 2026-01-05 to 2026-01-25
"""
PROJECT = {
    "regulars.toml": '[business]\nname = "Desk"\ntimezone = "UTC"\n[stores]\nlanding = "file:./data/landing"\n'
                     'lake = "file:./data/lake"\nbook = "sqlite:./data/book.db"\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  members:
    files: members.csv
    mode: snapshot
    key: [id]
    fields: {id: {type: id, required: true}, name: text}
    profile: {id: id, name: name, exclusive: true}
  doors:
    files: "doors-*.csv"
    key: [id]
    fields: {id: {type: id, required: true}, member: id, at: {type: timestamp, required: true}, kind: text}
""",
    "events/visit.yaml": 'from: desk.doors\nwho: member\nwhen: at\nonly_if: kind == "visit"\n',
    "events/complaint.yaml": 'from: desk.doors\nwho: member\nwhen: at\nonly_if: kind == "complaint"\n',
    "segments/regular.yaml": "title: Regular\ndescription: Came lately.\nwhen: {count: visit, within: 60 days, at_least: 1}\n",
    "metrics/visits.yaml": "title: Visits\ndescription: Visits.\ncount: visit\n",
    "metrics/visitors.yaml": "title: Visitors\ndescription: Whoever came.\ndistinct: customers\nof: visit\n",
    "metrics/complaints.yaml": "title: Complaints\ndescription: Complaints.\ncount: complaint\n",
    "experiments/greeting.yaml": EXPERIMENT,
}
PEOPLE = 1_200


def _doors(folder: Path, name: str, rows: list[tuple[int, datetime, str]]) -> None:
    lines = [f"{name}-{n},{who},{at:%Y-%m-%dT%H:%M:%SZ},{kind}" for n, (who, at, kind) in enumerate(rows)]
    (folder / "inbox" / f"doors-{name}.csv").write_text("\n".join(["id,member,at,kind", *lines]) + "\n", encoding="utf-8")


def _open(folder: Path, at: datetime) -> Workspace:
    return open_workspace(folder, clock=FixedClock(at))


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The desk after the run in which the experiment began; every test begins on its own copy."""
    folder = tmp_path_factory.mktemp("desk")
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "inbox").mkdir()
    people = [f"{n},Person {n} Ünal{n * 7919 % 1000}" for n in range(PEOPLE)]
    (folder / "inbox" / "members.csv").write_text("\n".join(["id,name", *people]) + "\n", encoding="utf-8")
    rng = np.random.default_rng(3)
    _doors(folder, "before", [(n, MONDAY - DAY * float(rng.uniform(1, 40)), "visit") for n in range(PEOPLE - 50) for _ in range(2)])
    workspace = _open(folder, MONDAY)
    assert run(workspace).exit_code == 0
    workspace.close()
    return folder


@pytest.fixture
def desk(monday: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(monday, tmp_path / "desk"))


def _variants(workspace: Workspace, name: str = "greeting") -> dict[str, str]:
    """Member -> variant."""
    identity = {row["customer_id"]: row["profile_id"] for row in workspace.rows(workspace.table("identity"))}
    rows = workspace.book.experiments.assignments(name).to_pylist()
    return {identity[row["unit"]]: row["variant"] for row in rows}


def _let_people_come(
    folder: Path, *, rates: dict[str, float], complaints: dict[str, float] | None = None, name: str = "greeting",
) -> None:
    """Two weeks in which members of each variant come at a rate, by a coin that is the same for everybody."""
    workspace = _open(folder, MONDAY)
    variants = _variants(workspace, name)
    workspace.close()
    rng = np.random.default_rng(5)
    rows = []
    for member in sorted(variants, key=int):
        comes, complains, day = rng.random(), rng.random(), float(rng.uniform(0.5, 12))
        if comes < rates[variants[member]]:
            rows.append((int(member), MONDAY + DAY * day, "visit"))
        if complaints and complains < complaints[variants[member]]:
            rows.append((int(member), MONDAY + DAY * day, "complaint"))
    _doors(folder, "after", rows)
    workspace = _open(folder, MONDAY + 14 * DAY)
    assert run(workspace).exit_code == 0
    workspace.close()


def test_segments_killed_between_the_book_and_the_lake_are_made_whole_by_the_next_run(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _doors(desk, "more", [(n, MONDAY + DAY / 2, "visit") for n in range(PEOPLE - 50, PEOPLE)])
    workspace = _open(desk, MONDAY + DAY)
    monkeypatch.setattr("regulars.pipeline.segment.memberships", lambda *_: 1 / 0)
    assert run(workspace).exit_code == 1
    monkeypatch.undo()

    assert run(workspace).exit_code == 0

    assert workspace.lake.rows("transitions") == len(workspace.book.memberships.transitions())
    assert workspace.lake.rows("memberships") == PEOPLE
    workspace.close()


def test_a_run_assigns_the_audience_once_and_exposes_the_control_too(desk: Path) -> None:
    workspace = _open(desk, MONDAY)
    book = workspace.book.experiments
    first, seen = book.assignments("greeting"), book.exposures("greeting")

    assert run(workspace).exit_code == 0

    assert len(first) == PEOPLE - 50
    assert set(first["variant"].to_pylist()) == set(seen["variant"].to_pylist()) == {"silent", "greeted"}
    assert (book.assignments("greeting").equals(first), book.exposures("greeting").equals(seen)) == (True, True)
    assert [each.kind for each in book.decisions("greeting")] == ["started"]
    assert experiment_list(workspace)[0] | {"title": ""} == {
        "experiment": "greeting", "title": "", "unit": "customer", "audience": "regular", "begins": date(2026, 1, 5),
        "ends": date(2026, 1, 25), "state": "runs", "units": PEOPLE - 50, "decision": "started",
    }
    workspace.close()


def test_an_effect_that_is_there_is_found_and_named_in_words(desk: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45})
    workspace = _open(desk, MONDAY + 14 * DAY)

    found = experiment_report(workspace, "greeting")

    variants = _variants(workspace)
    came = Counter(variants[row["profile_id"]] for row in workspace.rows(workspace.table("events"))
                   if row["event_type"] == "visit" and row["occurred_at"] > MONDAY.replace(tzinfo=None))
    of_all = Counter(variants.values())
    answer = next(each for each in found.answers if each.role == "primary")
    assert [check.state for check in found.checks] == ["passed"] * 5
    assert answer.level == pytest.approx(came["greeted"] / of_all["greeted"], abs=0.02)     # what came before is taken out
    assert answer.is_significant
    assert answer.low > 0
    assert (found.verdict.decision, found.verdict.winner) == ("ship", "greeted")
    assert "greeted raises visitors" in found.verdict.sentence
    assert found.units == dict(of_all)
    assert json.loads(json.dumps(found.to_dict()))["verdict"]["winner"] == "greeted"
    workspace.close()


def test_segments_are_told_apart_by_who_was_in_them_when_exposed(desk: Path) -> None:
    (desk / "segments" / "keen.yaml").write_text(
        "title: Keen\ndescription: Came often.\nwhen: {count: visit, within: 30 days, at_least: 2}\n", encoding="utf-8")
    (desk / "experiments" / "greeting.yaml").write_text(EXPERIMENT + "by: [regular, keen]\n", encoding="utf-8")
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45})
    workspace = _open(desk, MONDAY + 14 * DAY)

    found = experiment_report(workspace, "greeting")

    groups = {each.group: each for each in found.groups}
    whole = next(each for each in found.answers if each.role == "primary")
    assert set(groups) == {"in regular", "not in regular", "in keen", "not in keen"}
    assert groups["in regular"].units == whole.units
    assert groups["not in regular"].units == 0
    assert groups["not in regular"].value is None
    assert groups["in keen"].units == 0                       # the segment was declared after everybody had been exposed
    workspace.close()


def test_no_effect_names_nobody_and_says_to_go_on(desk: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.3, "greeted": 0.3})
    workspace = _open(desk, MONDAY + 14 * DAY)

    said = experiment_report(workspace, "greeting").verdict

    assert (said.decision, said.winner, said.reason) == ("go_on", None, "insufficient_confidence")
    workspace.close()


def test_on_the_first_evening_it_is_too_early_and_no_number_is_told(desk: Path) -> None:
    workspace = _open(desk, MONDAY)

    found = experiment_report(workspace, "greeting")

    assert (found.verdict.decision, found.verdict.winner, found.verdict.leading) == ("too_early", None, None)
    assert (found.answers, found.days) == ((), ())
    assert "it has run for 1" in found.verdict.advice
    workspace.close()


def test_the_command_writes_the_page_but_no_picture_of_what_may_not_be_shown(desk: Path, tmp_path: Path) -> None:
    page, picture = tmp_path / "out" / "greeting.html", tmp_path / "out" / "greeting.png"
    asked = ["experiment", "report", "greeting", "--project", str(desk), "--as-of", "2026-01-05"]

    ended = CliRunner().invoke(main_group, [*asked, "--html", str(page), "--png", str(picture)])

    assert isinstance(ended.exception, NotFound)
    assert "too early" in ended.output
    assert "○ too early" in page.read_text(encoding="utf-8")
    assert not picture.exists()


def test_the_command_writes_page_csv_and_a_picture_for_each_question(desk: Path, tmp_path: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45})
    files = [tmp_path / f"greeting.{kind}" for kind in ("html", "csv", "png")]
    asked = ["experiment", "report", "greeting", "--project", str(desk), "--as-of", "2026-01-19"]

    ended = CliRunner().invoke(
        main_group, [*asked, "--html", str(files[0]), "--csv", str(files[1]), "--png", str(files[2])]
    )

    assert ended.exit_code == 0
    assert all(file.stat().st_size for file in [*files, tmp_path / "greeting-greeted.png"])
    assert "experiment decide greeting --winner greeted" in ended.output


def test_harm_stops_it_whatever_else_it_does(desk: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45}, complaints={"silent": 0.1, "greeted": 0.5})
    workspace = _open(desk, MONDAY + 14 * DAY)

    said = experiment_report(workspace, "greeting").verdict

    assert (said.decision, said.reason, said.winner) == ("stop", "guardrail:complaints", None)
    workspace.close()


def test_the_next_run_returns_everybody_to_the_control_and_a_person_may_overrule_it(desk: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45}, complaints={"silent": 0.1, "greeted": 0.5})
    workspace = _open(desk, MONDAY + 15 * DAY)
    experiment = workspace.project.experiments[0]

    tripped = workspace.book.experiments.decisions("greeting")[-1]
    after_trip = (served(workspace, experiment), is_running(workspace, experiment))
    decide(workspace, "greeting", kind="undone", by="Ada", reason="the complaints were about parking")
    assert run(workspace).exit_code == 0

    assert (tripped.kind, tripped.reason, tripped.by) == ("tripped", "guardrail:complaints", "regulars")
    assert json.loads(tripped.detail)["report"]["verdict"]["decision"] == "stop"
    assert after_trip == ("silent", False)
    assert [each.kind for each in workspace.book.experiments.decisions("greeting")] == ["started", "tripped", "undone"]
    assert (served(workspace, experiment), is_running(workspace, experiment)) == (None, True)
    workspace.close()


def test_it_takes_no_more_units_than_it_asked_for(desk: Path) -> None:
    declared = desk / "experiments" / "greeting.yaml"
    declared.write_text(EXPERIMENT + "stop: {units: 1000}\n", encoding="utf-8")
    workspace = _open(desk, MONDAY + DAY)

    assert not is_running(workspace, workspace.project.experiments[0])
    assert experiment_list(workspace)[0]["state"] == "ended"
    workspace.close()


def test_it_ends_with_the_power_it_was_planned_for_and_everybody_keeps_the_variant(desk: Path) -> None:
    (desk / "experiments" / "greeting.yaml").write_text(EXPERIMENT + "stop: {power: 80 %, lift: 60 %}\n", encoding="utf-8")
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.2})
    workspace = _open(desk, MONDAY + 15 * DAY)
    experiment, units = workspace.project.experiments[0], workspace.book.experiments.size("greeting")

    completed = workspace.book.experiments.decisions("greeting")[-1]
    _doors(desk, "late", [(n, MONDAY + 14 * DAY, "visit") for n in range(PEOPLE - 50, PEOPLE)])
    assert run(workspace).exit_code == 0
    found = experiment_report(workspace, "greeting")

    assert (completed.kind, completed.reason) == ("completed", "a power of 80 % for a lift of 60 %")
    assert (workspace.book.experiments.size("greeting"), is_running(workspace, experiment)) == (units, False)
    assert served(workspace, experiment) is None
    assert (found.is_over, found.verdict.decision) == (True, "no_difference")
    assert found.power is not None
    assert found.power.is_enough
    workspace.close()


def test_a_quota_is_as_exact_among_the_keen_and_the_others_as_on_the_whole(desk: Path) -> None:
    (desk / "segments" / "keen.yaml").write_text(
        "title: Keen\ndescription: Came often.\nwhen: {count: visit, within: 30 days, at_least: 2}\n", encoding="utf-8")
    (desk / "experiments" / "letter.yaml").write_text(
        "audience: regular\nvariants: {none: 70, sent: 30}\nprimary: visitors\nruns: 2026-01-05\nallocation: quota\n"
        "strata: [keen]\n", encoding="utf-8")
    workspace = _open(desk, MONDAY)

    assert run(workspace).exit_code == 0

    memberships = workspace.rows(workspace.table("memberships"))
    keen = {row["customer_id"] for row in memberships if row["segment"] == "keen"}
    rows = workspace.book.experiments.assignments("letter").to_pylist()
    for units in (rows, [row for row in rows if row["unit"] in keen], [row for row in rows if row["unit"] not in keen]):
        assert len(units) > 100
        assert abs(sum(row["variant"] == "sent" for row in units) - 0.3 * len(units)) < 1
    workspace.close()


BANDIT = """\
audience: regular
variants: [plain, bright]
primary: {metric: visitors, within: 14 days}
runs: 2026-01-05 to 2026-03-01
allocation: bandit
floor: 10 %
"""


@pytest.fixture(scope="module")
def learnt(monday: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks in which a bandit's second variant worked, and the run that saw it."""
    desk = Path(shutil.copytree(monday, tmp_path_factory.mktemp("learnt") / "desk"))
    (desk / "experiments" / "greeting.yaml").unlink()
    (desk / "experiments" / "tune.yaml").write_text(BANDIT, encoding="utf-8")
    workspace = _open(desk, MONDAY)
    assert run(workspace).exit_code == 0
    workspace.close()
    _let_people_come(desk, rates={"plain": 0.2, "bright": 0.45}, name="tune")
    return desk


@pytest.fixture
def bandit(learnt: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learnt, tmp_path / "desk"))


def test_a_bandit_gives_new_units_more_of_what_worked_and_takes_nothing_from_anybody(bandit: Path) -> None:
    workspace = _open(bandit, MONDAY + 15 * DAY)
    book = workspace.book.experiments
    before = book.assignments("tune")
    _doors(bandit, "late", [(n, MONDAY + 14.5 * DAY, "visit") for n in range(PEOPLE - 50, PEOPLE)])

    assert run(workspace).exit_code == 0

    setups = [json.loads(epoch.setup) for epoch in book.epochs("tune")]
    after = book.assignments("tune").to_pylist()
    late = [row for row in after if row["epoch"] == 2]
    assert [(each["epoch"], each["weights"]) for each in setups] == [
        (1, {"plain": "50", "bright": "50"}), (2, {"plain": "10", "bright": "90"}),
    ]
    assert [row for row in after if row["epoch"] == 1] == before.to_pylist()
    assert len(late) == 50
    assert {(row["variant"], row["propensity"], row["how"]) for row in late} == {
        ("plain", 0.1, "bandit"), ("bright", 0.9, "bandit"),
    }
    workspace.close()


def test_a_bandit_is_read_by_its_chances_and_says_so(bandit: Path) -> None:
    workspace = _open(bandit, MONDAY + 14 * DAY)

    found = experiment_report(workspace, "tune")
    asked = ["experiment", "report", "tune", "--project", str(bandit), "--as-of", "2026-01-19"]
    screen = CliRunner().invoke(main_group, asked)

    answer = found.answers[0]
    assert [check.state for check in found.checks] == ["passed"] * 5
    assert (found.verdict.decision, found.verdict.winner) == ("ship", "bright")
    assert answer.low < 0.25 < answer.high
    assert found.shares == {"plain": 0.1, "bright": 0.9}
    assert "weighed by the chances that were logged (AIPW)" in screen.output
    assert "Nothing from before the exposure is adjusted for" in screen.output
    workspace.close()


def test_a_bandit_shifts_once_a_day_however_often_it_runs(bandit: Path) -> None:
    workspace = _open(bandit, MONDAY + 14 * DAY)

    moved = shift(workspace, workspace.project.experiments[0], {"plain": 0.5, "bright": 0.5})

    assert not moved
    assert len(workspace.book.experiments.epochs("tune")) == 2
    workspace.close()


def test_a_bandits_variants_are_for_its_whole_life(bandit: Path) -> None:
    (bandit / "experiments" / "tune.yaml").write_text(BANDIT.replace("bright]", "bright, loud]"), encoding="utf-8")
    workspace = _open(bandit, MONDAY + 15 * DAY)

    with pytest.raises(DeclarationError, match="begin another experiment"):
        experiment_report(workspace, "tune")
    with pytest.raises(DeclarationError, match="begin another experiment"):
        enrol_audience(workspace, workspace.project.experiments[0])
    workspace.close()


def test_too_little_power_ends_nothing(desk: Path) -> None:
    (desk / "experiments" / "greeting.yaml").write_text(EXPERIMENT + "stop: {power: 80 %, lift: 5 %}\n", encoding="utf-8")
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45})
    workspace = _open(desk, MONDAY + 14 * DAY)

    found = experiment_report(workspace, "greeting").power

    assert found is not None
    assert 0 < found.reached < 0.8
    assert is_running(workspace, workspace.project.experiments[0])
    workspace.close()


def test_the_winner_is_what_everybody_gets(desk: Path) -> None:
    workspace = _open(desk, MONDAY)

    decide(workspace, "greeting", kind="winner", by="Ada", reason="so we do", variant="greeted")

    assert served(workspace, workspace.project.experiments[0]) == "greeted"
    workspace.close()


def test_lost_units_hide_every_lift(desk: Path) -> None:
    _let_people_come(desk, rates={"silent": 0.2, "greeted": 0.45})
    workspace = _open(desk, MONDAY + 14 * DAY)
    lost = [("silent", n) for n in range(300)]
    rows = pa.table({"unit": [f"ghost {n}" for _, n in lost], "variant": [v for v, _ in lost], "epoch": [1] * 300,
                     "propensity": [0.5] * 300, "assigned_at": [MONDAY.replace(tzinfo=None)] * 300, "how": ["hash"] * 300})
    workspace.book.experiments.assign("greeting", rows)

    found = experiment_report(workspace, "greeting")

    assert found.verdict.decision == "not_trusted"
    assert found.verdict.reason == "sample_ratio"
    assert (found.answers, found.days, found.verdict.winner) == ((), (), None)
    workspace.close()


def test_weights_changed_after_the_start_are_refused_and_a_new_epoch_keeps_who_is_in(desk: Path) -> None:
    declared = desk / "experiments" / "greeting.yaml"
    declared.write_text(EXPERIMENT.replace("silent: 50, greeted: 50", "silent: 10, greeted: 90"), encoding="utf-8")
    workspace = _open(desk, MONDAY + DAY)
    before = workspace.book.experiments.assignments("greeting")
    result = run(workspace)

    assert "epoch: 2" in next(step.error or "" for step in result.steps if step.name == "assign")

    workspace.close()
    declared.write_text(declared.read_text(encoding="utf-8") + "epoch: 2\n", encoding="utf-8")
    _doors(desk, "more", [(n, MONDAY + DAY / 2, "visit") for n in range(PEOPLE - 50, PEOPLE)])
    workspace = _open(desk, MONDAY + DAY)
    assert run(workspace).exit_code == 0
    after = workspace.book.experiments.assignments("greeting").to_pylist()
    new = [row for row in after if row["epoch"] == 2]
    assert [row for row in after if row["epoch"] == 1] == before.to_pylist()
    assert len(new) == 50
    assert sum(row["variant"] == "greeted" for row in new) > 35
    workspace.close()


def test_what_applications_showed_is_kept_even_while_a_change_of_the_weights_is_refused(desk: Path) -> None:
    declared = desk / "experiments" / "greeting.yaml"
    declared.write_text(EXPERIMENT.replace("silent: 50, greeted: 50", "silent: 10, greeted: 90"), encoding="utf-8")
    workspace = _open(desk, MONDAY + DAY)
    sights = [Sight(experiment=name, unit="c_new", variant="greeted", propensity=0.9, at=MONDAY) for name in ("greeting", "other")]

    assert (write_sights(workspace, sights), write_sights(workspace, sights)) == (2, 0)

    found = workspace.book.experiments.assigned("greeting", "c_new")
    assert found is not None
    assert (found.variant, found.epoch) == ("greeted", 1)
    assert len(workspace.book.experiments.exposures("other")) == 1
    workspace.close()


def test_who_turns_out_to_be_one_person_keeps_the_first_variant_and_is_told_of(desk: Path) -> None:
    workspace = _open(desk, MONDAY)
    variants = _variants(workspace)
    one = next(member for member, variant in variants.items() if variant == "silent")
    other = next(member for member, variant in variants.items() if variant == "greeted")
    workspace.book.identity.add_ruling(Ruling(
        ruling_id="r1", verdict="same", left_source="desk", left_id=one, right_source="desk", right_id=other,
        reason="told so", ruled_by="Ada", ruled_at=MONDAY,
    ))
    workspace.close()
    workspace = _open(desk, MONDAY + 8 * DAY)
    assert run(workspace).exit_code == 0

    found = experiment_report(workspace, "greeting")

    assert sum(found.units.values()) == PEOPLE - 51
    assert "1 of 1,149 units met two variants" in next(c.sentence for c in found.checks if c.name == "crossovers")
    assert enrol_audience(workspace, workspace.project.experiments[0]) == 0
    workspace.close()


def test_a_decision_needs_a_reason_ends_the_intake_and_can_be_taken_back(desk: Path) -> None:
    workspace = _open(desk, MONDAY)
    experiment = workspace.project.experiments[0]
    with pytest.raises(DeclarationError, match="needs a reason"):
        decide(workspace, "greeting", kind="winner", by="Ada", reason=" ", variant="greeted")
    with pytest.raises(DeclarationError, match="no variant of greeting"):
        decide(workspace, "greeting", kind="winner", by="Ada", reason="so", variant="C")

    decide(workspace, "greeting", kind="winner", by="Ada", reason="the boss likes it", variant="greeted")
    ended = is_running(workspace, experiment)
    decide(workspace, "greeting", kind="undone", by="Ada", reason="the boss was wrong")

    assert (ended, is_running(workspace, experiment)) == (False, True)
    log = workspace.book.experiments.decisions("greeting")
    assert [each.kind for each in log] == ["started", "winner", "undone"]
    assert json.loads(log[1].detail)["report"]["verdict"]["decision"] == "too_early"
    workspace.close()


@pytest.mark.parametrize(("asked", "said"), [
    (["new", "../elsewhere"], "is no name"), (["check", "greting"], "there is no experiment 'greting'"),
])
def test_a_name_that_cannot_be_or_is_not_there_is_an_error(desk: Path, asked: list[str], said: str) -> None:
    ended = CliRunner().invoke(main_group, ["experiment", *asked, "--project", str(desk), "--json"])

    assert ended.exit_code != 0
    assert said in str(ended.exception)
    assert sorted(path.name for path in (desk / "experiments").iterdir()) == ["greeting.yaml"]


def test_an_unknown_experiment_is_answered_with_the_closest(desk: Path) -> None:
    workspace = _open(desk, MONDAY)

    with pytest.raises(NotFound, match="greting") as error:
        experiment_report(workspace, "greting")

    assert "greeting" in str(error.value.hint)
    workspace.close()


def test_a_second_variant_seen_is_a_crossover_and_the_own_one_counts(desk: Path) -> None:
    workspace = _open(desk, MONDAY + 8 * DAY)
    assert run(workspace).exit_code == 0
    units = workspace.book.experiments.assignments("greeting").slice(0, 3)
    other = pa.array(["silent" if v == "greeted" else "greeted" for v in units["variant"].to_pylist()])
    seen = pa.table({"unit": units["unit"], "variant": other, "exposed_at": [(MONDAY + DAY).replace(tzinfo=None)] * 3,
                     "by": ["flag"] * 3}, schema=EXPOSURES)
    before = experiment_report(workspace, "greeting").units
    workspace.book.experiments.expose("greeting", seen)

    found = experiment_report(workspace, "greeting")

    assert found.units == before
    assert "3 of 1,150 units met two variants" in next(c.sentence for c in found.checks if c.name == "crossovers")
    workspace.close()


def test_the_past_says_what_can_be_found_and_how_often_it_would_be_wrong(desk: Path) -> None:
    workspace = _open(desk, MONDAY)

    hope = prospect(workspace, "greeting")
    none, big = rehearsals(workspace, "greeting", lifts=(0.0, 1.0), runs=200)

    assert hope.waiting == PEOPLE - 50
    assert [each.units for each in hope.needed] == sorted((each.units for each in hope.needed), reverse=True)
    assert none.declared <= 0.06
    assert none.peeked > 2 * none.single
    assert big.declared > none.declared
    workspace.close()


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, list[dict]]]:
    folder, day = tmp_path_factory.mktemp("gym"), date(2026, 1, 3)
    with staged(generate(folder / "world", seed=4, scale=0.3), folder, day=day) as stage:
        workspace = stage.open(day)
        assert run(workspace).exit_code == 0
        yield workspace, [
            pq.read_table(stage.world.truth / f"{name}.parquet").to_pylist() for name in ("experiment", "accounts")
        ]
        workspace.close()


@pytest.mark.slow
def test_the_gyms_experiment_says_what_the_truth_says(gym: tuple[Workspace, list]) -> None:
    workspace, (trial, accounts) = gym
    account = {row["person_id"]: row["profile_id"] for row in accounts if row["source"] == "capitan"}
    rows = pa.Table.from_pylist([
        {"source": "capitan", "id": account[row["person_id"]], "variant": row["variant"],
         "at": datetime.combine(row["exposed_day"], datetime.min.time()) + timedelta(hours=18)}
        for row in trial
    ])
    name = workspace.project.experiments[0].name
    broken = rows.slice(0, 1).set_column(1, "id", pa.array(["nobody"]))

    done = import_assignments(workspace, name, pa.concat_tables([rows, broken]))
    found = experiment_report(workspace, name)

    joined = Counter(row["variant"] for row in trial if row["has_joined"])
    of_all = Counter(row["variant"] for row in trial)
    assert (done.added, dict(done.refused)) == (len(trial), {"nobody here is called so": 1})
    assert import_assignments(workspace, name, rows).added == 0
    assert found.units == dict(of_all)
    for answer in found.answers:
        if answer.role == "primary":
            assert answer.level == pytest.approx(joined[answer.variant] / of_all[answer.variant], abs=0.015)
            assert answer.low < {"two_week_pass": 0.08, "half_price_visit": 0.03}[answer.variant] < answer.high
