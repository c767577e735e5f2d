"""Order: which steps may begin now, decided by what each waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from regulars.runs.run import Step, StepResult


def startable(steps: Sequence[Step], *, begun: Collection[str], ended: Collection[str]) -> list[Step]:
    """Return the steps that may begin now, in the order given: what each waits for has ended, whichever way.

    A step waits for steps that stand before it alone, so that there is always one that may begin or has not ended.
    """
    names = [step.name for step in steps]
    return [
        step for place, step in enumerate(steps)
        if step.name not in begun and waited_for(step, before=names[:place]) <= set(ended)
    ]


def waited_for(step: Step, *, before: Sequence[str]) -> set[str]:
    """Return the names of the steps before it that a step waits for; all of them when it does not say."""
    return set(before) if step.after is None else {*step.needs, *step.after} & set(before)


def blocked(step: Step, results: Iterable[StepResult]) -> str:
    """Return why a step cannot begin, or an empty string when it can."""
    lost = {result.name: result.outcome for result in results if result.outcome != "done"}
    causes = [f"{name} {'failed' if lost[name] == 'failed' else 'was skipped'}" for name in step.needs if name in lost]
    return f"not tried because {' and '.join(causes)}" if causes else ""
