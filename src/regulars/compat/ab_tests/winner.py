"""Which variant wins, if any: the reference's reasons in its order, and what it leaves out before a name falls."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.compat.ab_tests.significance import Comparison
from regulars.compat.ab_tests.summary import Analysis, Standing
from regulars.experiments.verdict import Decision

CONTROL = "A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A winner with its decision, or the reason why there is none."""

    winner: str | None
    reason: str                              # significant, no_responses, tied_results, insufficient_confidence, ...
    decision: Decision
    sentence: str                            # for people, with what to do


def judge(standing: Standing, found: Analysis, *, threshold: float) -> Judgement:
    """Return who wins at a confidence of at least `threshold`: one minus p, at one look and at any number of looks.

    A broken sample ratio forbids reading on. `too_early` is said where one look would name a winner, but the
    recipients, the days or the evidence for looking at any time are not there yet.
    """
    if nobody := _nobody(standing, found, threshold=threshold):
        return nobody
    said = found.assigned
    if missing := _missing(standing, found, threshold=threshold):
        return _none("too_early", "too_early", f"{said.leading} leads. Too early to name a winner: {missing}.")
    if _harms(found.negative, said.leading, alpha=1 - threshold):
        return _none(
            "guardrail:negative_responses", "stop",
            f"{said.leading} does better and gets more negative replies too: a person must weigh them.",
        )
    held = standing.rules.holdout_percent
    return Judgement(
        winner=said.leading, reason="significant", decision="keep_control" if said.leading == CONTROL else "ship",
        sentence=f"Send {said.leading} to the remaining recipients{f', but for {held} % held back' if held else ''}.",
    )


def _nobody(standing: Standing, found: Analysis, *, threshold: float) -> Judgement | None:
    """Why not even one look at the end would name somebody; None where it would."""
    said = found.assigned
    if found.split.state == "failed" and not standing.is_acknowledged:
        return _none("sample_ratio_mismatch", "not_trusted", found.split.sentence)
    did = ("replied", "converted")
    if not any(standing.total(kind, variant=name) for kind in did for name in ("A", "B")):
        return _none("no_responses", _open(standing), "Nobody has replied yet.")
    if said.leading is None:
        return _none("tied_results", _open(standing), "Both variants do exactly alike.")
    if said.p is None or 1 - said.p < threshold:
        return _none("insufficient_confidence", _open(standing), f"{said.leading} leads; that may be chance.")
    return None


def _missing(standing: Standing, found: Analysis, *, threshold: float) -> str | None:
    """What a winner still needs, in words."""
    rules, p = standing.rules, found.assigned.p_any_time
    days = rules.min_duration_days if rules.horizon_days is None else rules.horizon_days
    if found.least < rules.min_sample_size:
        return f"{rules.min_sample_size} recipients in each variant, the smaller has {found.least}"
    if standing.days < days:
        needed = "a day" if days == 1 else f"{days:g} days"
        return f"{needed} since the first message, of which {standing.days:.1f} have passed"
    if rules.horizon_days is None and (p is None or 1 - p < threshold):
        return "the evidence does not yet hold for looking at any time; let replies come in"
    return None


def _harms(negative: Comparison, leading: str | None, *, alpha: float) -> bool:
    return negative.leading == leading and negative.p is not None and negative.p < alpha


def _open(standing: Standing) -> Decision:
    return "no_difference" if standing.campaign.status in {"complete", "archived"} else "go_on"


def _none(reason: str, decision: Decision, sentence: str) -> Judgement:
    return Judgement(winner=None, reason=reason, decision=decision, sentence=sentence)
