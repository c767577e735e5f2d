"""Experiments: which there are, what one says, what was decided of it, and deciding."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec

from regulars.experiments.report import Report
from regulars.pipeline.experiment import decide, decisions, experiment_list, experiment_named, experiment_report
from regulars.storage.book.experiments import Decision, Exposed
from regulars.web.api.customers import Some
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Change, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentLine:
    """A declared experiment and how it stands."""

    experiment: str
    title: str
    unit: str
    audience: str | None
    begins: date | None
    ends: date | None
    state: str                               # draft, waits, runs, ended, or how a decision ended it
    units: int
    decision: str | None                     # the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantShare:
    """A variant and how much of the units it gets."""

    variant: str
    percent: float                           # of the units
    is_control: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OneExperiment:
    """A declared experiment, how it stands, and what it asks."""

    experiment: ExperimentLine
    hypothesis: str
    variants: list[VariantShare]
    metrics: list[str]                       # what is asked for first stands first


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """One line of an experiment's log."""

    number: int                              # from 1, in the order they were taken
    at: datetime
    kind: str
    by: str
    reason: str
    evidence: dict[str, Any]                 # what was known at that moment


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """What is decided, and why."""

    kind: Literal["winner", "stopped", "undone"]
    reason: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=2000)]
    variant: str | None = None               # the winner


def experiments(ask: Ask) -> Page[ExperimentLine]:
    """Return every declared experiment."""
    return Page(items=[ExperimentLine(**row) for row in experiment_list(ask.workspace)])


def experiment(ask: Ask) -> OneExperiment:
    """Return one of them."""
    declared = experiment_named(ask.workspace, ask.path["experiment"])
    [row] = experiment_list(ask.workspace, name=declared.name)
    return OneExperiment(
        experiment=ExperimentLine(**row), hypothesis=declared.hypothesis, metrics=list(declared.metrics),
        variants=[
            VariantShare(variant=each.name, percent=float(each.weight), is_control=each.name == declared.control)
            for each in declared.variants
        ],
    )


def reported(ask: Ask) -> Report:
    """Return what an experiment says as of now."""
    return experiment_report(ask.workspace, ask.path["experiment"])


def exposed(ask: Ask) -> Page[Exposed]:
    """Return who has seen which variant."""
    query: Some = ask.query
    name = experiment_named(ask.workspace, ask.path["experiment"]).name
    after = place_in(query.cursor, tuple[str, str])
    found = ask.workspace.book.experiments.exposed(name, limit=query.limit + 1, after=after)
    return page_of(
        [{"exposed": each} for each in found], limit=query.limit, row=lambda row: row["exposed"],
        place=lambda row: (row["exposed"].unit, row["exposed"].variant),
    )


def decided(ask: Ask) -> Page[DecisionLine]:
    """Return an experiment's log."""
    return Page(items=[_line(each) for each in decisions(ask.workspace, ask.path["experiment"])])


def decision(ask: Ask) -> Change:
    """Write a decision into an experiment's log."""
    name, said = ask.path["experiment"], ask.body
    before = decisions(ask.workspace, name)
    made = decide(
        ask.workspace, name, kind=said.kind, by=f"key:{ask.key.name}", reason=said.reason, variant=said.variant
    )
    return Change(
        what="experiment.decide", subject=f"{name}/{made.number}", before=before or None, after=[*before, made],
        answer=_line(made),
    )


def _line(made: Decision) -> DecisionLine:
    return DecisionLine(
        number=made.number, at=made.at, kind=made.kind, by=made.by, reason=made.reason,
        evidence=json.loads(made.detail) if made.detail else {},
    )


ROUTES = (
    ApiRoute(
        name="listExperiments", path="/experiments", answer=experiments, gives=Page[ExperimentLine],
        sentence="Every declared experiment and how it stands.",
    ),
    ApiRoute(
        name="getExperiment", path="/experiments/{experiment}", answer=experiment, gives=OneExperiment,
        sentence="One experiment: how it stands, its variants and what it asks.", errors=(404,),
    ),
    ApiRoute(
        name="getReport", path="/experiments/{experiment}/report", answer=reported, gives=Report,
        sentence="What an experiment says as of now: trust, verdict, answers with their intervals.", errors=(404,),
    ),
    ApiRoute(
        name="listExposures", path="/experiments/{experiment}/exposures", answer=exposed, gives=Page[Exposed],
        query=Some, sentence="Which units have seen which variant, and when first, by unit.", errors=(404,),
    ),
    ApiRoute(
        name="listDecisions", path="/experiments/{experiment}/decisions", answer=decided, gives=Page[DecisionLine],
        sentence="What was decided of an experiment, the oldest first.", errors=(404,),
    ),
    ApiRoute(
        name="addDecision", path="/experiments/{experiment}/decisions", answer=decision, gives=DecisionLine,
        method="POST", scope="write", body=NewDecision, errors=(404,),
        sentence="Decide, with a reason; what the report says at this moment is kept with it.",
    ),
)
