"""Flags as a project declares them: what they answer, and where a mistake stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regulars.check import Finding
from regulars.flags import Flags, positions
from regulars.flags.declare import definitions_of
from regulars.flags.feature import Definitions
from regulars.project import Project, check_project

FILES = {
    "regulars.toml": '[business]\nname = "Summit Climbing"\ntimezone = "America/Chicago"\n',
    "attributes.yaml": "country: two letters\nplan: free or pro\nhousehold: who lives together\n",
    "flags/checkout.yaml": "type: boolean\ndefault: true\n",
    "flags/new_checkout.yaml": """\
type: string
default: old
unit: household
rules:
  - when: {country: {$in: [US, CA]}, plan: pro}
    requires: {checkout: true}
    value: new
  - name: early
    share: 25 %
    value: new
  - experiment: checkout_2026_01
    when: {$not: {plan: pro}}
    share: 50 %
    namespace: {name: checkout, from: 0 %, to: 40 %}
    salt: second
    variants:
      control: {weight: 3, value: old}
      treatment: {weight: 1, value: new}
""",
    "flags/price.yaml": "type: number\ndefault: 10\nrules:\n  - value: 12\n",
}


def project(folder: Path, **changes: str) -> Project:
    for name, text in {**FILES, **changes}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Project.read(folder, environment={})


def definitions(folder: Path) -> Definitions:
    found = project(folder)
    assert found.problems == ()
    return definitions_of(found.flags)


def test_a_rule_is_for_those_it_says(tmp_path: Path) -> None:
    flags = Flags(definitions(tmp_path))

    assert flags.evaluate("new_checkout", {"household": "h1", "country": "US", "plan": "pro"}).variant == "rule_1"
    assert flags.evaluate("new_checkout", {"country": "FR", "plan": "pro"}).value == "old", "no household, no share"


def test_a_share_is_that_of_the_units(tmp_path: Path) -> None:
    flags = Flags(definitions(tmp_path))

    variants = [flags.evaluate("new_checkout", {"household": f"h{n}", "plan": "pro"}).variant for n in range(4000)]

    assert np.mean([variant == "early" for variant in variants]) == pytest.approx(0.25, abs=0.03)


def test_an_experiment_divides_the_part_of_its_namespace(tmp_path: Path) -> None:
    flags = Flags(definitions(tmp_path))
    units = [f"h{n}" for n in range(8000)]
    in_part = positions(units, seed="namespace.checkout", version=3) < 0.4
    early = positions(units, seed="new_checkout", version=3) <= 0.25

    variants = np.array([flags.evaluate("new_checkout", {"household": unit}).variant for unit in units])

    asked = variants[in_part & ~early]
    assert set(variants[~in_part & ~early]) == {"default"}
    assert np.mean(asked == "control") == pytest.approx(0.5 * 0.75, abs=0.03)
    assert np.mean(asked == "treatment") == pytest.approx(0.5 * 0.25, abs=0.03)


def test_a_numbers_flag_never_answers_a_whole_number(tmp_path: Path) -> None:
    found = Flags(definitions(tmp_path)).evaluate("price", {})

    assert isinstance(found.value, float)


def test_a_check_counts_flags(tmp_path: Path) -> None:
    findings = check_project(project(tmp_path))

    assert [finding.numbers["flags"] for finding in findings] == [3]


MISTAKES = [
    ("type: string", "type: strin", 1, "did you mean 'string'?"),
    ("default: old", "default: 3", 2, "a text, in quotes"),
    ("default: old", "defalt: old", 2, "did you mean 'default'?"),
    ("unit: household", "unit: houshold", 3, "did you mean 'household'?"),
    ("unit: household", "hash: fnv", 3, "known: growthbook, keyed"),
    ("{$in: [US, CA]}", "{$inn: [US, CA]}", 5, "did you mean '$in"),
    ("plan: pro}\n    req", "plam: pro}\n    req", 5, "did you mean 'plan'? or add it to attributes.yaml"),
    ("{checkout: true}", "{chekout: true}", 6, "did you mean 'checkout'?"),
    ("    value: new\n  - name", "    valu: new\n  - name", 7, "did you mean 'value'?"),
    ("share: 25 %", "share: 0.25", 9, "a percentage: 25 %"),
    ("share: 25 %", "share: 125 %", 9, "a percentage: 25 %"),
    ("{$not: {plan: pro}}", "{$not: {plam: pro}}", 12, "did you mean 'plan'?"),
    ("from: 0 %", "from: 40 %", 14, "`from:` below `to:`"),
    ("weight: 3,", "weight: -3,", 17, "a number, 0 or more"),
    ("value: new}", "value: true}", 18, "a text, in quotes"),
    ("      treatment: {weight: 1, value: new}\n", "", 16, "`variants: {old: {weight: 50"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "says"), MISTAKES)
def test_a_mistake_says_its_line_and_what_would_be_right(tmp_path: Path, right: str, wrong: str, line: int, says: str) -> None:
    text = FILES["flags/new_checkout.yaml"]
    assert text.count(right) == 1

    problems = project(tmp_path, **{"flags/new_checkout.yaml": text.replace(right, wrong)}).problems

    assert [problem.where for problem in problems] == [f"flags/new_checkout.yaml:{line}"]
    assert says in problems[0].hint


def test_flags_that_ask_about_each_other_are_refused(tmp_path: Path) -> None:
    asks = "type: boolean\nrules:\n  - requires: {OTHER: true}\n    value: true\n"
    changes = {"flags/a.yaml": asks.replace("OTHER", "b"), "flags/b.yaml": asks.replace("OTHER", "a")}

    problems = project(tmp_path, **changes).problems

    assert [_said(problem) for problem in problems] == [
        "flags/a.yaml:3: a asks about b, and that about it", "flags/b.yaml:3: b asks about a, and that about it",
    ]


def test_every_attribute_is_taken_where_none_is_declared(tmp_path: Path) -> None:
    text = FILES["flags/new_checkout.yaml"].replace("plan", "whatever")
    folder = tmp_path / "other"
    project(folder, **{"flags/new_checkout.yaml": text})
    (folder / "attributes.yaml").unlink()

    assert Project.read(folder, environment={}).problems == ()


def _said(problem: Finding) -> str:
    return f"{problem.where}: {problem.message}"
