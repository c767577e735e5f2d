"""The results of a campaign: its account, how far people came by variant, what it brought, what its experiment says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.funnel import STAGES, funnel, lost
from regulars.campaigns.results import MEASURES, Better, Difference, Share, better, counted, differences, share
from regulars.campaigns.subset import FirstTest, first_test
from regulars.errors import NotFound
from regulars.experiments.verdict import Answer, Verdict
from regulars.pipeline.account import Account, account
from regulars.pipeline.brought import Brought, Spent, asked, brought, done, spent_on
from regulars.pipeline.experiment import experiment_named, experiment_report
from regulars.pipeline.kept import Question, ask, keep
from regulars.pipeline.winner import compared
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.winners import Winner

LASTS_SECONDS = 600
"""How long an answer is given again at most while nobody writes: it says as of when it is."""
OF_LATE = timedelta(days=60)
MOST = 20
"""Of which campaigns a run works out the results: as many, that began so lately, the latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How many people of a variant came so far."""

    stage: str
    people: int | None                       # null: the channel cannot tell, or nobody said what converting is
    of: int                                  # people of the stage that has to come before
    lost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Why people of a variant came no further than a stage before delivery."""

    stage: str                               # the first they did not reach: tagged, sent or delivered
    reason: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """What came of one variant; without variants there is one, whose name is the empty text."""

    variant: str
    funnel: list[Step]
    lost: list[Lost]                         # the most first
    shares: dict[str, Share]                 # clicked, replied, agreed, left, complained


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What came of one occurrence."""

    account: Account
    as_of: datetime
    variants: list[VariantResult]
    differences: list[Difference]            # to the control, of one look: while it is sent they say little
    better: Better
    test: FirstTest | None                   # which is why only who was sent to before the winner is compared
    winner: Winner | None                    # of the test; null: not decided yet
    goals: list[Brought]                     # none before anything was derived
    spent: Spent | None                      # null: the campaign does not say what it costs
    experiment: str | None
    verdict: Verdict | None                  # of what people did afterwards, which is what decides
    conversions: list[Answer]                # of the experiment's primary metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an experiment says; nothing while nobody is in it."""

    verdict: Verdict | None = None
    conversions: list[Answer] = field(default_factory=list)


def results(workspace: Workspace, one: Occurrence) -> Results:
    """Return what came of an occurrence.

    It is as of now, or of the last run of the day if nothing that it follows from has changed since; or of an earlier
    moment, at most LASTS_SECONDS ago, since when nobody wrote into the book: every table of the lake has its version
    there, so all that is read is the same, and only the hour could change the answer.
    """
    now = workspace.clock.now()
    # The mark is taken before anything is read: what is written meanwhile makes the next answer another.
    same = (
        workspace.book.marks.now(), workspace.project, now.astimezone(ZoneInfo(workspace.zone)).date(),
        now.timestamp() // LASTS_SECONDS,
    )
    return workspace.answers.get((results, one), lambda: ask(workspace, _question(workspace, one)), while_=same)


def keep_results(workspace: Workspace) -> Steps:
    """Work out what came of the campaigns of late, so that whoever asks first does not wait for it."""
    declared = {each.name: each for each in workspace.project.campaigns}
    since = workspace.clock.now() - OF_LATE
    every = workspace.book.campaigns.occurrences()
    late = [one for one in every if one.campaign in declared and one.starts_at >= since][:MOST]
    kept = 0
    for n, one in enumerate(late, 1):
        experiment = declared[one.campaign].experiment
        if experiment is not None:
            keep(workspace, _judging(workspace, experiment))
        kept += keep(workspace, _question(workspace, one))
        yield Checkpoint(done=n, total=len(late), note=one.campaign)
    return Work(rows_in=len(late), rows_out=kept)


def _question(workspace: Workspace, one: Occurrence) -> Question[Results]:
    campaign = _campaign(workspace, one)
    longest = max((goal.within for goal in (campaign.goals if campaign is not None else ())), default=timedelta())
    named = None if campaign is None else campaign.experiment
    standing = workspace.book.campaigns.standing(one.campaign_id, since=one.starts_at - longest)
    return Question(
        name=f"results of {one.campaign_id}", kind=Results, make=lambda: _results(workspace, one),
        standing=[one, str(standing), None if named is None else workspace.book.experiments.standing(named)],
    )


def _judging(workspace: Workspace, experiment: str) -> Question[Judged]:
    return Question(
        name=f"verdict of {experiment}", kind=Judged, make=lambda: _judged(workspace, experiment),
        standing=workspace.book.experiments.standing(experiment),
    )


def _campaign(workspace: Workspace, one: Occurrence) -> Campaign | None:
    return next((each for each in workspace.project.campaigns if each.name == one.campaign), None)


def _results(workspace: Workspace, one: Occurrence) -> Results:
    found, ways = account(workspace.book, one), workspace.book.ways.of(one.campaign_id)
    winner = workspace.book.winners.find(one.campaign_id)
    counts = counted(compared(ways, until=None if winner is None else winner.decided_at))
    campaign = _campaign(workspace, one)
    experiment = None if campaign is None else campaign.experiment
    control = experiment_named(workspace, experiment).control if experiment is not None else ""
    # The variant that is compared with may be one that gets nothing: then the first of those that get something is.
    control = control if control in counts else min(counts, default="")
    test = None if campaign is None else first_test(campaign.test, starts_at=one.starts_at)
    apart = differences(counts, control=control)
    judged = Judged() if experiment is None else ask(workspace, _judging(workspace, experiment))
    goals, spent, reached = _goals(workspace, campaign, one, ways, judged.verdict)
    return Results(
        account=found, as_of=workspace.clock.now(), variants=_variants(ways, counts, reached),
        differences=apart, better=_of_test(test, winner) or better(
            counts, apart, control=control, is_over=not found.waiting
        ), test=test, winner=winner, goals=goals, spent=spent, experiment=experiment,
        verdict=judged.verdict, conversions=judged.conversions,
    )


def _of_test(test: FirstTest | None, winner: Winner | None) -> Better | None:
    """What a test says of its variants; None of a campaign without one."""
    if test is None:
        return None
    if winner is None:
        return Better(winner=None, measure=None, reason="the test is not over")
    return Better(winner=winner.variant, measure=None, reason=f"{winner.reason}, by {winner.measure}")


def _goals(
    workspace: Workspace, campaign: Campaign | None, one: Occurrence, ways: pa.Table, verdict: Verdict | None
) -> tuple[list[Brought], Spent | None, pa.Table | None]:
    """What the goals came to, what was spent, and who converted to the first; nothing of a campaign that is gone."""
    if campaign is None:
        return [], None, None
    spent = spent_on(workspace, campaign, one)
    if not campaign.goals:
        return [], spent, None
    of = asked(workspace, campaign, one, ways)
    every = [each for each in (done(workspace, of, goal) for goal in campaign.goals) if each is not None]
    is_trusted = verdict is None or verdict.decision != "not_trusted"
    silent = sorted(name for name, template in campaign.templates.items() if template is None)
    held_out = silent[0] if silent and is_trusted else None
    # Before anything was derived for the first goal nobody knows who converted.
    first = next((each.people for each in every if each.goal == campaign.goals[0]), None)
    return brought(workspace, of, every, spent=spent, held_out=held_out), spent, first


def _variants(
    ways: pa.Table, counts: Mapping[str, Mapping[str, int]], reached: pa.Table | None
) -> list[VariantResult]:
    # To the funnel each variant is a campaign of its own; a reason is the same whomever it names.
    reasons = pc.replace_substring_regex(ways["reason"], r"\bc_\w+", "…")
    people = ways.set_column(ways.schema.get_field_index("reason"), "reason", reasons)
    people = people.append_column("campaign", ways["variant"]).append_column("converted_at", _converted(ways, reached))
    by_variant: dict[str, list[Step]] = {}
    for each in funnel(people):
        is_seen = each.stage != STAGES[-1] or reached is not None
        by_variant.setdefault(each.campaign, []).append(Step(
            stage=each.stage, people=each.people if is_seen else None, of=each.of, lost=each.lost if is_seen else None,
        ))
    gone: dict[str, list[Lost]] = {}
    for why in lost(people):
        gone.setdefault(why.campaign, []).append(Lost(stage=why.stage, reason=why.reason, people=why.people))
    nobody = dict.fromkeys(("sent", *MEASURES), 0)
    return [
        VariantResult(variant=variant, funnel=steps, lost=gone.get(variant, []), shares={
            name: share(counts.get(variant, nobody)[name], of=counts.get(variant, nobody)["sent"]) for name in MEASURES
        })
        for variant, steps in by_variant.items()
    ]


def _converted(ways: pa.Table, reached: pa.Table | None) -> pa.ChunkedArray:
    """When each person converted, in the order of ways."""
    if reached is None:
        return pa.chunked_array([pa.nulls(ways.num_rows, pa.timestamp("us"))])
    places = pc.index_in(ways["customer"], reached["message"].combine_chunks())
    return reached["converted_at"].take(places)


def _judged(workspace: Workspace, experiment: str) -> Judged:
    try:
        found = experiment_report(workspace, experiment)
    except NotFound:
        return Judged()
    return Judged(
        verdict=found.verdict, conversions=[answer for answer in found.answers if answer.role == "primary"]
    )
