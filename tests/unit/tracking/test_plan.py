"""A tracking plan says what it means, or says on which line it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.check import Finding
from regulars.errors import DeclarationError
from regulars.project import Project, check_project
from regulars.project.tracking import read_tracking_plans

PLAN = """\
on_unplanned: quarantine
track:
  Order Completed:
    on_violation: omit
    properties:
      required: [total]
      properties:
        total: {type: number}
"""


def business(folder: Path, *, plan: str, name: str = "site") -> Path:
    for place, text in {
        "regulars.toml": '[business]\nname = "Shop"\ntimezone = "UTC"\n', "sources/site.yaml": "kind: door\n",
        "sources/sent.yaml": "kind: messages\n", f"tracking_plans/{name}.yaml": plan,
    }.items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def problems(folder: Path) -> list[Finding]:
    return [one for one in check_project(Project.read(folder, environment={})) if one.status == "failed"]


def test_a_plan_holds_for_the_door_of_its_name(tmp_path: Path) -> None:
    made = business(tmp_path, plan=PLAN)

    assert problems(made) == []
    [plan] = Project.load(made, environment={}).tracking_plans
    assert read_tracking_plans(made) == {"site": plan}
    assert plan.track is not None
    assert plan.track["Order Completed"].policies["violation"] == "omit"


@pytest.mark.parametrize(("change", "line", "message", "hint"), [
    (("on_unplanned: quarantine", "on_unplanned: ignore"), 1, "'ignore' is no policy", "quarantine"),
    (("on_unplanned: quarantine", "on_unplanned: omit"), 1, "'omit' is no policy", "allow, quarantine, block"),
    (("on_unplanned", "on_unplaned"), 1, "'on_unplaned' means nothing", "did you mean 'on_unplanned'?"),
    (("type: number", "type: numbr"), 8, "'numbr' is no type", "number"),
    (("type: number", "type: [number, null]"), 8, "is no type", "'null' in quotes"),
    (("{type: number}", "{type: number, minimun: 0}"), 8, "no word 'minimun'", "did you mean 'minimum'?"),
    (("{type: number}", "{type: number, required: true}"), 8, "`required` is a list", "beside `properties`"),
    (("{type: number}", "{pattern: '(?=a)b'}"), 8, "cannot be used", "does not look around"),
    (("{type: number}", "{format: emial}"), 8, "emial", ""),
    (("{type: number}", "{$ref: 'https://example.com/total.json'}"), 5, "Retrieval is disabled", ""),
    (("on_unplanned: quarantine", "needs_consent: analytics"), 1, "no list of categories", "[analytics"),
    (("on_unplanned: quarantine", "source: sent"), 1, "takes no messages", "kind: door"),
    (("on_unplanned: quarantine", "source: sit"), 1, "there is no source 'sit'", "did you mean"),
])
def test_what_a_plan_cannot_mean_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, message: str, hint: str
) -> None:
    made = business(tmp_path, plan=PLAN.replace(*change))

    [problem] = problems(made)

    assert problem.where == f"tracking_plans/site.yaml:{line}"
    assert message in problem.message
    assert hint in problem.hint


def test_a_door_has_one_plan(tmp_path: Path) -> None:
    business(tmp_path, plan=PLAN)
    made = business(tmp_path, plan=f"source: site\n{PLAN}", name="zweite")

    [problem] = problems(made)

    assert (problem.where, "has a plan already" in problem.message) == ("tracking_plans/zweite.yaml:1", True)


def test_a_door_does_not_open_over_a_plan_with_a_mistake(tmp_path: Path) -> None:
    made = business(tmp_path, plan=PLAN.replace("omit", "forget"))

    with pytest.raises(DeclarationError, match=r"tracking_plans/site\.yaml:4: 'forget' is no policy"):
        read_tracking_plans(made)
