"""Judge: a run ends an experiment that does harm, or has what it was planned for; a person may take that back."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from regulars.experiments.experiment import Experiment
from regulars.pipeline.assign import ended_by, is_running, shift
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.experiments import Decision

if TYPE_CHECKING:
    from regulars.experiments.report import Report


def judge_experiments(workspace: Workspace) -> Steps:
    """Read every running experiment that may end or shift by itself, and do what its report says."""
    running = [
        each for each in workspace.project.experiments
        if _is_judged(each) and is_running(workspace, each) and workspace.book.experiments.size(each.name)
    ]
    ended: dict[str, list[str]] = {"tripped": [], "completed": []}
    for n, experiment in enumerate(running):
        if (decision := judge(workspace, experiment)) is not None:
            ended[decision.kind].append(experiment.name)
        yield Checkpoint(done=n + 1, total=len(running), note=experiment.name)
    said = {"tripped": "back to the control", "completed": "has the power it was planned for"}
    notes = [f"{said[kind]}: {', '.join(names)}" for kind, names in ended.items() if names]
    return Work(
        rows_in=len(running), rows_out=sum(map(len, ended.values())), note="; ".join(notes) or "nothing ends",
        facts={kind: len(names) for kind, names in ended.items()},
    )


def judge(workspace: Workspace, experiment: Experiment) -> Decision | None:
    """End an experiment where its report says so, with the report as evidence; None where nothing is to be done.

    Everybody returns to the control where a guardrail is broken; where the power that was planned is reached, nobody
    new gets in and everybody keeps the variant. What a person has overruled once does not end the experiment again.
    A bandit that goes on gives those who come its new shares.
    """
    from regulars.pipeline.experiment import experiment_report  # noqa: PLC0415  most days nothing is read that may end

    book = workspace.book.experiments
    found = experiment_report(workspace, experiment.name)
    ending = _ending(experiment, found)
    if ending is None or ending[1] in overruled(book.decisions(experiment.name)):
        if found.shares is not None:
            shift(workspace, experiment, found.shares)
        return None
    kind, reason = ending
    variant = experiment.control if kind == "tripped" else None
    return book.decide(
        experiment.name, kind=kind, by="regulars", reason=reason,
        detail=json.dumps({"variant": variant, "report": found.to_dict()}), at=workspace.clock.now(),
    )


def overruled(decisions: list[Decision]) -> set[str]:
    """Return the reasons for which an experiment was ended and a person took it back."""
    return {
        one.reason for one, following in itertools.pairwise(decisions)
        if one.kind in {"tripped", "completed"} and following.kind == "undone"
    }


def _is_judged(experiment: Experiment) -> bool:
    guarded = bool(experiment.stop.at_guardrail and experiment.guardrails)
    return guarded or experiment.stop.power is not None or experiment.allocation == "bandit"


def _ending(experiment: Experiment, found: Report) -> tuple[str, str] | None:
    """Return the kind of decision that a report asks for, and the reason."""
    if found.verdict.decision == "stop":
        return ("tripped", found.verdict.reason) if experiment.stop.at_guardrail else None
    # Less than a week, or a broken split, is no end: its power is one on paper.
    if found.power is None or not found.power.is_enough or found.verdict.decision in {"not_trusted", "too_early"}:
        return None
    wanted, lift = (f"{100 * share:.3g} %" for share in (found.power.wanted, found.power.lift))
    return "completed", f"a power of {wanted} for a lift of {lift}"


def served(workspace: Workspace, experiment: Experiment) -> str | None:
    """Return the variant that everybody gets since the experiment was decided; None: each unit gets its own.

    The control where it was stopped or tripped, the winner where there is one; units of a completed one keep theirs.
    """
    ended = ended_by(workspace.book.experiments.decisions(experiment.name))
    if ended is None or ended.kind == "completed":
        return None
    winner = json.loads(ended.detail).get("variant") if ended.kind == "winner" else None
    return str(winner or experiment.control)


def served_everywhere(workspace: Workspace) -> dict[str, str]:
    """Return the declared experiments that are decided, with the variant that everybody gets."""
    found = {each.name: served(workspace, each) for each in workspace.project.experiments}
    return {name: variant for name, variant in found.items() if variant is not None}
