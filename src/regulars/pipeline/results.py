"""The results of a campaign: its account, how far people came by variant, and what the experiment behind it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir
import pyarrow as pa

from regulars.campaigns.funnel import STAGES, funnel
from regulars.campaigns.results import MEASURES, Better, Difference, Share, better, counted, differences, share
from regulars.errors import NotFound
from regulars.experiments.verdict import Answer, Verdict
from regulars.pipeline.account import Account, account
from regulars.pipeline.experiment import experiment_named, experiment_report
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How many people of a variant came so far."""

    stage: str
    people: int | None                       # null: the channel cannot tell
    of: int                                  # people of the stage that has to come before
    lost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """What came of one variant; without variants there is one, whose name is the empty text."""

    variant: str
    funnel: list[Step]
    shares: dict[str, Share]                 # clicked, replied, agreed, left, complained


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What came of one occurrence."""

    account: Account
    as_of: datetime
    variants: list[VariantResult]
    differences: list[Difference]            # to the control, of one look: while it is sent they say little
    better: Better
    experiment: str | None
    verdict: Verdict | None                  # of what people did afterwards, which is what decides
    conversions: list[Answer]                # of the experiment's primary metrics


def results(workspace: Workspace, one: Occurrence) -> Results:
    """Return what came of an occurrence as of now."""
    found, ways = account(workspace.book, one), workspace.stores.engine.arrow(workspace.book.ways.of(one.campaign_id))
    rows = workspace.rows(counted(ways))
    counts: dict[str, dict[str, int]] = {
        row["variant"]: {name: row[name] for name in ("sent", *MEASURES)} for row in rows
    }
    experiment = next((each.experiment for each in workspace.project.campaigns if each.name == one.campaign), None)
    control = experiment_named(workspace, experiment).control if experiment is not None else ""
    # The variant that is compared with may be one that gets nothing: then the first of those that get something is.
    control = control if control in counts else min(counts, default="")
    apart = differences(counts, control=control)
    verdict, conversions = _experiment(workspace, experiment)
    return Results(
        account=found, as_of=workspace.clock.now(), variants=_variants(workspace, ways, counts), differences=apart,
        better=better(counts, apart, control=control, is_over=not found.waiting), experiment=experiment,
        verdict=verdict, conversions=conversions,
    )


def _variants(
    workspace: Workspace, ways: ir.Table, counts: Mapping[str, Mapping[str, int]]
) -> list[VariantResult]:
    # To the funnel each variant is a campaign of its own; what came after the campaign is the experiment's to say.
    people = ways.mutate(campaign=ways.variant, converted_at=ways.replied_at.nullif(ways.replied_at))
    steps: pa.Table = workspace.fetch(funnel(people)).sort_by([("campaign", "ascending"), ("place", "ascending")])
    by_variant: dict[str, list[Step]] = {}
    for row in steps.to_pylist():
        if row["stage"] in STAGES[:-1]:
            step = Step(stage=row["stage"], people=row["people"], of=row["of"], lost=row["lost"])
            by_variant.setdefault(row["campaign"], []).append(step)
    nobody = dict.fromkeys(("sent", *MEASURES), 0)
    return [
        VariantResult(variant=variant, funnel=funnel_, shares={
            name: share(counts.get(variant, nobody)[name], of=counts.get(variant, nobody)["sent"]) for name in MEASURES
        })
        for variant, funnel_ in by_variant.items()
    ]


def _experiment(workspace: Workspace, name: str | None) -> tuple[Verdict | None, list[Answer]]:
    if name is None:
        return None, []
    try:
        found = experiment_report(workspace, name)
    except NotFound:
        return None, []
    return found.verdict, [answer for answer in found.answers if answer.role == "primary"]
