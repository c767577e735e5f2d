"""Judge: a running experiment that does harm is ended by the next run; a person may take that back, and is obeyed."""

from __future__ import annotations

import itertools
import json

from regulars.experiments.experiment import Experiment
from regulars.pipeline.assign import ended_by, is_running
from regulars.pipeline.experiment import experiment_report
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.experiments import Decision


def judge_experiments(workspace: Workspace) -> Steps:
    """Read every running experiment, and return everybody to the control where a guardrail says so."""
    running = [
        each for each in workspace.project.experiments
        if each.stop.at_guardrail and each.guardrails and is_running(workspace, each)
        and len(workspace.book.experiments.assignments(each.name))
    ]
    tripped = []
    for n, experiment in enumerate(running):
        if trip(workspace, experiment) is not None:
            tripped.append(experiment.name)
        yield Checkpoint(done=n + 1, total=len(running), note=experiment.name)
    note = f"back to the control: {', '.join(tripped)}" if tripped else "nothing does harm"
    return Work(rows_in=len(running), rows_out=len(tripped), note=note, facts={"tripped": len(tripped)})


def trip(workspace: Workspace, experiment: Experiment) -> Decision | None:
    """End an experiment whose guardrail is broken, with the report as evidence; None where nothing is to be done.

    A guardrail that a person has overruled once does not end the experiment again.
    """
    book = workspace.book.experiments
    found = experiment_report(workspace, experiment.name)
    if found.verdict.decision != "stop" or found.verdict.reason in overruled(book.decisions(experiment.name)):
        return None
    return book.decide(
        experiment.name, kind="tripped", by="regulars", reason=found.verdict.reason,
        detail=json.dumps({"variant": experiment.control, "report": found.to_dict()}), at=workspace.clock.now(),
    )


def overruled(decisions: list[Decision]) -> set[str]:
    """Return the reasons for which an experiment was ended and a person took it back."""
    return {
        one.reason for one, following in itertools.pairwise(decisions)
        if one.kind == "tripped" and following.kind == "undone"
    }


def served(workspace: Workspace, experiment: Experiment) -> str | None:
    """Return the variant that everybody gets since the experiment was decided; None: each unit gets its own.

    The control where it was stopped or tripped, the winner where there is one.
    """
    ended = ended_by(workspace.book.experiments.decisions(experiment.name))
    if ended is None:
        return None
    winner = json.loads(ended.detail).get("variant") if ended.kind == "winner" else None
    return str(winner or experiment.control)


def served_everywhere(workspace: Workspace) -> dict[str, str]:
    """Return the declared experiments that are decided, with the variant that everybody gets."""
    found = {each.name: served(workspace, each) for each in workspace.project.experiments}
    return {name: variant for name, variant in found.items() if variant is not None}
