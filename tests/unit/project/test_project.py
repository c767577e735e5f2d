"""A project is loaded whole, or every problem of it is told with file, line and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.check import Finding
from regulars.config import HOME
from regulars.errors import DeclarationError
from regulars.project import Project, check_project
from regulars.project.layout import fingerprint
from regulars.project.remembered import was_right

FILES = {
    "regulars.toml": '[business]\nname = "Summit Climbing"\ntimezone = "America/Chicago"\nown_emails = ["desk@summit.example"]\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  visits:
    files: "*.csv"
    key: visit_id
    fields:
      visit_id: {type: id, required: true}
      member: id
      email: text
      paid: money
      at: {type: timestamp, required: true}
    profile:
      id: member
      email: email
      traits: {first_desk: email}
    money:
      - {kind: sale, amount: paid, when: at, who: member}
    family:
      - {who: member, whom_email: email, whom_is: guardian}
    roster: {id: visit_id, who: member}
""",
    "events/visited.yaml": """\
from: desk.visits
who: member
when: at
what:
  email: email
  amount: paid
""",
    "events/bought.yaml": """\
from: money
who: profile_id
when: occurred_at
only_if: kind == "sale"
what:
  amount: amount
""",
    "segments/regular.yaml": """\
when:
  all:
    - {count: visited, where: {email: a@x.org}, within: 90 days, at_least: 3}
    - {trait: first_desk, is: present}
examples:
  - {given: [{visited: 1 day ago, email: a@x.org}], expect: out}
""",
    "segments/loyal.yaml": """\
when: {member_of: regular}
examples:
  - {given: [], expect: out}
""",
    "metrics/visits.yaml": "count: visited\n",
    "metrics/buyers.yaml": "distinct: customers\nof: bought\n",
    "metrics/share.yaml": "ratio: [buyers, visits]\n",
    "experiments/card.yaml": """\
audience: regular
variants: {as_it_is: 50, card: 50}
primary: visits
guardrails: [{metric: buyers, must_not: fall}]
layer: {name: desk, below: 5000}
runs: 2026-01-05 to 2026-02-16
""",
    "holdouts.yaml": "everybody: {share: 5 %}\n",
}


class Engine:
    def __init__(self) -> None:
        self.connection = ibis.duckdb.from_connection(duckdb.connect())

    def arrow(self, table: pa.Table, /) -> ir.Table:
        return self.connection.create_table(ibis.util.gen_name("table"), table, temp=True)

    def fetch(self, expr: ir.Table, /) -> pa.Table:
        return self.connection.to_pyarrow(expr)


def written(folder: Path, **changes: Any) -> Path:
    files = {**FILES, **{name: text for name, text in changes.items() if text is not None}}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> list[Finding]:
    return list(Project.read(folder, environment={}).problems)


def test_a_sound_project_is_loaded_whole(tmp_path: Path) -> None:
    project = Project.load(written(tmp_path), environment={})

    assert [source.name for source in project.sources] == ["desk"]
    assert [event.name for event in project.events] == ["bought", "visited"]
    assert [segment.name for segment in project.segments] == ["loyal", "regular"]
    assert [metric.name for metric in project.metrics] == ["buyers", "share", "visits"]
    assert [experiment.name for experiment in project.experiments] == ["card"]
    assert [holdout.name for holdout in project.holdouts] == ["everybody"]
    assert project.stream("desk.visits").key == ("visit_id",)
    assert project.traits == ("first_desk",)
    assert project.identifier_rules.own_emails == ("desk@summit.example",)


def test_a_sound_project_checks_with_its_examples(tmp_path: Path) -> None:
    findings = check_project(Project.read(written(tmp_path), environment={}), engine=Engine())

    assert [(finding.name, finding.status, finding.where) for finding in findings] == [
        ("declaration", "ok", ""),
        ("segment-examples", "ok", "segments/regular.yaml"),
        ("segment-examples", "ok", "segments/loyal.yaml"),
    ]


TYPOS = [
    ("sources/desk.yaml", "kind: files", "kind: file", 1, "did you mean 'files'?"),
    ("sources/desk.yaml", "folder: inbox", "foldr: inbox", 2, "did you mean 'folder'?"),
    ("sources/desk.yaml", "key: visit_id", "key: vist_id", 6, "did you mean 'visit_id'?"),
    ("sources/desk.yaml", "member: id", "member: idd", 9, "did you mean 'id'?"),
    ("sources/desk.yaml", "      email: email\n      traits", "      email: emial\n      traits", 15, "did you mean 'email'?"),
    ("sources/desk.yaml", "      id: member\n", "      id: membr\n", 14, "did you mean 'member'?"),
    ("sources/desk.yaml", "first_desk: email}", "first_desk: email, phone: email}", 16, "every profile has 'phone' already"),
    ("sources/desk.yaml", "amount: paid", "amount: payed", 18, "did you mean 'paid'?"),
    ("sources/desk.yaml", "when: at,", "when: att,", 18, "did you mean 'at'?"),
    ("sources/desk.yaml", "whom_email: email", "whom_email: emial", 20, "did you mean 'email'?"),
    ("sources/desk.yaml", "whom_is: guardian", "whom_is: gardian", 20, "did you mean 'guardian'? Or translate"),
    ("sources/desk.yaml", "roster: {id: visit_id", "roster: {id: vist_id", 21, "did you mean 'visit_id'?"),
    ("sources/desk.yaml", "kind: sale", "kind: sail", 18, "did you mean 'sale'?"),
    ("sources/desk.yaml", "      member: id\n", "      member: id\n      member: text\n", 10, "the other one is on line 9"),
    ("events/visited.yaml", "from: desk.visits", "from: desk.vists", 1, "did you mean 'desk.visits'?"),
    ("events/visited.yaml", "who: member", "who: membr", 2, "did you mean 'member'?"),
    ("events/visited.yaml", "who: member", "who: {source: desc, id: member}", 2, "did you mean 'desk'?"),
    ("events/visited.yaml", "when: at", "wen: at", 3, "did you mean 'when'?"),
    ("events/visited.yaml", "when: at", "when: att", 3, "did you mean 'at'?"),
    ("events/visited.yaml", "when: at", "when: email", 3, "'email' is no time"),
    ("events/visited.yaml", "  email: email", "  email: lowr(email)", 5, "did you mean 'lower'?"),
    ("events/visited.yaml", "  amount: paid", "  amount: paidd", 6, "did you mean 'paid'?"),
    ("events/visited.yaml", "  amount: paid", "  amount: email", 6, "'amount' is string here and int64 in 'bought'"),
    ("events/visited.yaml", "  amount: paid", " amount: paid", 6, "this is no YAML"),
    ("segments/regular.yaml", "count: visited", "count: visitd", 3, "did you mean 'visited'?"),
    ("segments/regular.yaml", "where: {email:", "where: {emial:", 3, "did you mean 'email'?"),
    ("segments/regular.yaml", "within: 90 days", "within: 90 dayz", 3, "90 dayz"),
    ("segments/regular.yaml", "at_least: 3", "at_lest: 3", 3, "did you mean 'at_least'?"),
    ("segments/regular.yaml", "trait: first_desk", "trait: frist_desk", 4, "did you mean 'first_desk'?"),
    ("segments/loyal.yaml", "member_of: regular", "member_of: reguler", 1, "did you mean 'regular'?"),
    ("segments/loyal.yaml", "when: {member_of: regular}", "whn: {member_of: regular}", 1, "did you mean 'when'?"),
    ("metrics/visits.yaml", "count: visited", "cont: visited", 1, "did you mean 'count'?"),
    ("metrics/buyers.yaml", "of: bought", "of: bougt", 2, "did you mean 'bought'?"),
    ("metrics/share.yaml", "[buyers, visits]", "[buyers, vists]", 1, "did you mean 'visits'?"),
    ("metrics/share.yaml", "[buyers, visits]", "[share, visits]", 1, "is a ratio itself"),
    ("experiments/card.yaml", "audience: regular", "audience: reguler", 1, "did you mean 'regular'?"),
    ("experiments/card.yaml", "{as_it_is: 50", "{as_it_is: 40", 2, "in these proportions: {as_it_is: 44, card: 56}"),
    ("experiments/card.yaml", "primary: visits", "primry: visits", 3, "did you mean 'primary'?"),
    ("experiments/card.yaml", "primary: visits", "primary: vists", 3, "did you mean 'visits'?"),
    ("experiments/card.yaml", "metric: buyers", "metric: byers", 4, "did you mean 'buyers'?"),
    ("experiments/card.yaml", "must_not: fall", "must_not: fal", 4, "did you mean 'fall'?"),
    ("experiments/card.yaml", "below: 5000", "below: 50000", 5, "whole numbers, 0 to 10000"),
    ("experiments/card.yaml", "runs: 2026-01-05", "runs: 2026-31-05", 6, "month must be in 1..12"),
    ("holdouts.yaml", "share: 5 %", "shar: 5 %", 1, "`{share: 5 %}`"),
]


@pytest.mark.parametrize("typo", TYPOS, ids=lambda typo: f"{typo[0]}: {typo[2].strip()}")
def test_a_typo_is_told_once_with_file_line_and_what_would_be_right(
    tmp_path: Path, typo: tuple[str, str, str, int, str]
) -> None:
    file, right, wrong, line, says = typo
    assert right in FILES[file]

    found = problems(written(tmp_path, **{file: FILES[file].replace(right, wrong)}))

    assert [problem.where for problem in found] == [f"{file}:{line}"]
    assert says in f"{found[0].message} ({found[0].hint})"


def test_all_problems_are_told_together_in_the_order_of_the_files(tmp_path: Path) -> None:
    folder = written(tmp_path, **{
        "events/visited.yaml": "from: desk.visits\nwho: membr\nwhen: at\nwhat:\n  email: emial\n  amount: paidd\n",
        "segments/regular.yaml": "when: {count: visitd}\n",
        "metrics/visits.yaml": "cont: visited\n",
    })

    with pytest.raises(DeclarationError) as error:
        Project.load(folder, environment={})

    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [
        "events/visited.yaml:2", "events/visited.yaml:5", "events/visited.yaml:6", "metrics/visits.yaml:1",
        "segments/regular.yaml:1",
    ]


def test_an_experiment_is_loaded_with_the_segment_and_metrics_it_names(tmp_path: Path) -> None:
    offer = """\
unit: household
audience: first_day_pass
variants: {no_offer: 20, two_week_pass: 40, half_price_visit: 40}
primary: joined_within_30_days
guardrails: [revenue_per_customer, unsubscribe_rate]
runs: 2026-01-05 to 2026-02-16
"""
    named = {f"metrics/{name}.yaml": "count: visited\n" for name in (
        "joined_within_30_days", "revenue_per_customer", "unsubscribe_rate",
    )}

    project = Project.load(written(tmp_path, **{
        "experiments/day_pass_offer_2026_01.yaml": offer, "segments/first_day_pass.yaml": "when: {count: visited}\n", **named,
    }), environment={})

    found = next(each for each in project.experiments if each.name == "day_pass_offer_2026_01")
    assert [(variant.name, int(variant.weight)) for variant in found.variants] == [
        ("no_offer", 20), ("two_week_pass", 40), ("half_price_visit", 40),
    ]


def test_two_experiments_that_want_the_same_of_a_layer_are_told(tmp_path: Path) -> None:
    other = FILES["experiments/card.yaml"].replace("below: 5000", "from: 4000")

    found = problems(written(tmp_path, **{"experiments/poster.yaml": other}))

    assert [problem.where for problem in found] == ["experiments/poster.yaml:5"]
    assert found[0].hint == "free: {name: desk, from: 5000, below: 10000}"


def test_an_experiment_about_a_metric_with_a_problem_is_not_told_too(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{"metrics/visits.yaml": "cont: visited\n", "metrics/share.yaml": "count: visited\n"}))

    assert [problem.where for problem in found] == ["metrics/visits.yaml:1"]


def test_an_experiment_may_be_an_object_of_a_python_file(tmp_path: Path) -> None:
    made = """\
from fractions import Fraction
from regulars.experiments.experiment import Experiment, Goal, Variant
DECLARATIONS = [Experiment(
    name="poster", control="a", primary=(Goal(metric="vists"),),
    variants=(Variant(name="a", weight=Fraction(50)), Variant(name="b", weight=Fraction(50))),
)]
"""

    found = problems(written(tmp_path, **{"experiments/poster.py": made}))

    assert [(problem.where, problem.hint) for problem in found] == [("experiments/poster.py", "did you mean 'visits'?")]


def test_segments_that_ask_each_other_in_a_circle_are_told_once(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{
        "segments/regular.yaml": "when: {member_of: loyal}\n", "segments/loyal.yaml": "when: {member_of: regular}\n",
    }))

    assert len(found) == 1
    assert "circle" in found[0].message


def test_an_example_that_comes_out_wrong_or_cannot_be_read_says_where(tmp_path: Path) -> None:
    folder = written(tmp_path, **{
        "segments/regular.yaml": FILES["segments/regular.yaml"].replace("expect: out", "expect: in"),
        "segments/loyal.yaml": "when: {member_of: regular}\nexamples:\n  - {given: [{visted: 1 day ago}], expect: out}\n",
    })

    found = check_project(Project.read(folder, environment={}), engine=Engine())

    wrong = [(finding.where, finding.status) for finding in found if finding.status == "failed"]
    assert sorted(wrong) == [("segments/loyal.yaml:3", "failed"), ("segments/regular.yaml", "failed")]


def test_examples_of_what_hangs_on_a_problem_wait(tmp_path: Path) -> None:
    folder = written(tmp_path, **{"segments/regular.yaml": "when: {count: visitd}\n"})

    found = check_project(Project.read(folder, environment={}), engine=Engine())

    assert [(f.where, f.status) for f in found] == [
        ("segments/regular.yaml:1", "failed"), ("segments/loyal.yaml", "skipped"),
    ]


def test_a_python_file_builds_the_same_declarations(tmp_path: Path) -> None:
    code = (
        "from regulars.rules.segment import declare\n"
        "DECLARATIONS = [declare(f'came_{n}', {'when': {'count': 'visited', 'at_least': n}}) for n in (1, 2)]\n"
    )

    project = Project.load(written(tmp_path, **{"segments/came.py": code}), environment={})

    assert {"came_1", "came_2"} < {segment.name for segment in project.segments}


@pytest.mark.parametrize(("code", "line", "says"), [
    ("x = 1\nDECLARATIONS = [\n", 2, "SyntaxError"), ("x = 1\n1 / 0\n", 2, "ZeroDivisionError"),
])
def test_a_python_file_that_breaks_says_its_line(tmp_path: Path, code: str, line: int, says: str) -> None:
    found = problems(written(tmp_path, **{"segments/came.py": code}))

    assert found[0].where == f"segments/came.py:{line}"
    assert says in found[0].message


def test_a_python_file_without_declarations_says_what_it_needs(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{"segments/came.py": "x = 1\n"}))

    assert "DECLARATIONS" in found[0].message


def test_a_condition_of_the_projects_own_is_found_by_its_files_name(tmp_path: Path) -> None:
    code = (
        "from regulars.rules.declare import declare_condition\n"
        "def declare(data, path):\n"
        "    return declare_condition({'count': 'visited', 'at_least': data['times']}, path)\n"
    )
    segment = "when: {condition: often, times: 5}\n"

    project = Project.load(
        written(tmp_path, **{"conditions/often.py": code, "segments/often.yaml": segment}), environment={}
    )

    assert "often" in project.vocabulary.conditions
    assert "often" in {segment.name for segment in project.segments}


def test_one_name_declared_twice_is_told(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{"metrics/visits.yml": "count: visited\n"}))

    assert "declared twice" in found[0].message


def test_a_folder_with_a_letter_missing_is_told(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{"segment/x.yaml": "when: {count: visited}\n"}))

    assert [(problem.where, problem.hint) for problem in found] == [("segment", "did you mean 'segments'?")]


def test_a_broken_source_does_not_blame_the_events_made_of_it(tmp_path: Path) -> None:
    found = problems(written(tmp_path, **{"sources/desk.yaml": "kind: fils\n"}))

    assert [problem.where for problem in found] == ["sources/desk.yaml:1"]


def test_a_source_put_first_that_is_not_there_is_told(tmp_path: Path) -> None:
    toml = FILES["regulars.toml"] + '[identity]\nsource_priority = ["desc"]\n'

    found = problems(written(tmp_path, **{"regulars.toml": toml}))

    assert [(problem.where, problem.hint) for problem in found] == [("regulars.toml", "did you mean 'desk'?")]


def test_categories_are_read_and_their_faults_told(tmp_path: Path) -> None:
    rules = "rules:\n  - name: day\n    category: Day Pass\n    words: [day pass]\n"

    assert Project.load(written(tmp_path, **{"categories.yaml": rules}), environment={}).categories.rules[0].name == "day"

    wrong = problems(written(tmp_path, **{"categories.yaml": rules.replace("words", "word")}))

    assert [problem.where for problem in wrong] == ["categories.yaml:4"]
    assert "did you mean 'words'?" in wrong[0].hint


TRANSFERS = "from: desk.visits\nwho: member\nwhen: at\ntext: email\nkinds:\n  entry_pass: email is not null\n"
TREATED = "from: transfers\nwho: purchaser_profile_id\nwhen: checkin_datetime\nwhat:\n  pass_type: pass_type\n"


def test_events_may_be_made_of_transfers_where_these_are_declared(tmp_path: Path) -> None:
    project = Project.load(written(tmp_path, **{"transfers.yaml": TRANSFERS, "events/treated.yaml": TREATED}), environment={})

    assert project.transfers is not None
    assert project.transfers.stream == "desk.visits"
    assert project.vocabulary.events is not None
    assert project.vocabulary.events["treated"] == {"pass_type"}


@pytest.mark.parametrize(("files", "where", "message"), [
    ({"events/treated.yaml": TREATED}, "events/treated.yaml:1", "there is no stream 'transfers'"),
    ({"transfers.yaml": TRANSFERS.replace("desk.visits", "desk.visit")}, "transfers.yaml:1", "there is no stream 'desk.visit'"),
    ({"transfers.yaml": TRANSFERS.replace("email is not null", "email")}, "transfers.yaml:6", "'email' is no condition"),
    ({"transfers.yaml": TRANSFERS + "wen: at\n", "events/treated.yaml": TREATED}, "transfers.yaml:7", "'wen' means nothing here"),
    ({"transfers.yaml": TRANSFERS, "events/treated.yaml": TREATED.replace("_id", "")}, "events/treated.yaml:2", "there is no field"),
])
def test_what_is_wrong_about_transfers_is_told_once_with_its_place(
    tmp_path: Path, files: dict[str, str], where: str, message: str
) -> None:
    found = problems(written(tmp_path, **files))

    assert [problem.where for problem in found] == [where]
    assert message in found[0].message


NO_STREAM = FILES["events/visited.yaml"].replace("desk.visits", "desk.no_such_stream")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / HOME).mkdir()
    return written(tmp_path)


def test_a_project_that_holds_is_remembered(home: Path) -> None:
    Project.load(home, environment={})

    digest = fingerprint(home, environment={})
    assert digest is not None
    assert was_right(home, digest)


def test_a_remembered_project_is_loaded_as_it_was(home: Path) -> None:
    first, second = (Project.load(home, environment={}) for _ in range(2))

    assert list(first.streams) == list(second.streams)
    assert [one.name for one in (*first.events, *first.segments)] == [
        one.name for one in (*second.events, *second.segments)
    ]
    assert second.problems == ()


def test_a_change_after_it_was_right_is_looked_at(home: Path) -> None:
    Project.load(home, environment={})
    (home / "events" / "visited.yaml").write_text(NO_STREAM, encoding="utf-8")

    with pytest.raises(DeclarationError, match="no_such_stream"):
        Project.load(home, environment={})


def test_a_project_with_a_problem_is_never_remembered(home: Path) -> None:
    (home / "events" / "visited.yaml").write_text(NO_STREAM, encoding="utf-8")

    for _ in range(2):
        with pytest.raises(DeclarationError, match="no_such_stream"):
            Project.load(home, environment={})


def test_nothing_is_remembered_of_a_project_with_python_files(home: Path) -> None:
    (home / "conditions").mkdir(exist_ok=True)
    (home / "conditions" / "lucky.py").write_text("def declare(data, path):\n    return None\n", encoding="utf-8")

    assert fingerprint(home, environment={}) is None


def no_longer(home: Path) -> None:
    (home / "events" / "visited.yaml").unlink()


def another_word(home: Path) -> None:
    file = home / "events" / "visited.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")


def one_letter_off(home: Path) -> None:
    (home / "segmets").mkdir()
    (home / "segmets" / "came_back.yaml").write_text("title: Came back\n", encoding="utf-8")


def one_beside(home: Path) -> None:
    (home / "holdouts.yaml").write_text("{}\n", encoding="utf-8")


@pytest.mark.parametrize("change", [no_longer, another_word, one_letter_off, one_beside])
def test_a_project_that_says_something_else_has_another_fingerprint(home: Path, change: Callable[[Path], None]) -> None:
    before = fingerprint(home, environment={})

    change(home)

    assert fingerprint(home, environment={}) != before


def test_a_fingerprint_tells_which_variables_are_set_and_not_what_they_are(home: Path) -> None:
    (home / "sources" / "shop.yaml").write_text("kind: rest\nbase_url: ${SHOP_URL}\n", encoding="utf-8")

    unset, *told = (
        fingerprint(home, environment=each)
        for each in ({"OTHER": "1"}, {"SHOP_URL": "a"}, {"SHOP_URL": "b"}, {"SHOP_URL": "b", "OTHER": "1"})
    )

    assert len(set(told)) == 1
    assert unset not in told
