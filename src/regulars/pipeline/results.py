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
from regulars.pipeline.kept import Question, ask, keep, kept
from regulars.pipeline.winner import compared
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.campaigns import Counted, Occurrence
from regulars.storage.book.ways import packed, unpacked
from regulars.storage.book.winners import Winner

LASTS_SECONDS = 600
"""How long an answer is given again at most while nobody writes: it says as of when it is."""
LATE = timedelta(hours=1)
"""How much later than it says something may be written into the book, whose clocks differ."""
MOST_PEOPLE = 100_000
"""Of a campaign up to which a run keeps how far each of them came: two megabytes."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """As few numbers, what was sent so far."""

    numbers: str
    experiment: tuple[int, ...]              # `ExperimentBook.standing` of the campaign's


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysThen:
    """How far the people of an occurrence had come, and where its messages are."""

    read_at: datetime
    ways: bytes                              # `storage.book.ways.packed`
    tally: list[Counted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What an occurrence brought and cost, and who converted to its first goal."""

    goals: list[Brought] = field(default_factory=list)
    spent: Spent | None = None
    converted: dict[str, datetime] | None = None     # when (UTC), by the customer of the message; None: nobody knows


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
    made = 0
    for n, one in enumerate(late, 1):
        campaign = declared[one.campaign]
        sent = _sent(workspace, campaign, one)
        if sum(workspace.book.campaigns.counts(one.campaign_id).values()) <= MOST_PEOPLE:
            keep(workspace, _coming(workspace, one, sent))
        if campaign.experiment is not None:
            keep(workspace, _judging(workspace, campaign.experiment, sent.experiment))
        keep(workspace, _bringing(workspace, campaign, one, sent))
        made += keep(workspace, _question(workspace, one))
        yield Checkpoint(done=n, total=len(late), note=one.campaign)
    return Work(rows_in=len(late), rows_out=made)


def _question(workspace: Workspace, one: Occurrence) -> Question[Results]:
    sent = _sent(workspace, _campaign(workspace, one), one)
    return Question(
        name=f"results of {one.campaign_id}", kind=Results, make=lambda: _results(workspace, one, sent), standing=[
            one, sent, str(workspace.book.campaigns.told_so_far(one.campaign_id)),
        ],
    )


def _coming(workspace: Workspace, one: Occurrence, sent: Sent) -> Question[WaysThen]:
    """Ask how far people had come: as long as no message changes, whatever was told of them since can be added."""
    def make() -> WaysThen:
        now = workspace.clock.now()          # before anything is read
        return WaysThen(
            read_at=now, ways=packed(workspace.book.ways.of(one.campaign_id)),
            tally=workspace.book.campaigns.tally(one.campaign_id),
        )

    return Question(name=f"ways of {one.campaign_id}", kind=WaysThen, make=make, standing=[one.starts_at, sent])


def _ways(workspace: Workspace, one: Occurrence, then: WaysThen | None) -> pa.Table:
    """Return how far people came, from where a run found them if it kept that."""
    if then is None:
        return workspace.book.ways.of(one.campaign_id)
    return workspace.book.ways.as_now(one.campaign_id, unpacked(then.ways), since=then.read_at - LATE)


def _bringing(workspace: Workspace, campaign: Campaign | None, one: Occurrence, sent: Sent) -> Question[Goals]:
    """Ask what goals came to: of what was told and answered since then nothing follows for them."""
    return Question(
        name=f"goals of {one.campaign_id}", kind=Goals, make=lambda: _goals(workspace, campaign, one, sent),
        standing=[one.starts_at, sent],
    )


def _sent(workspace: Workspace, campaign: Campaign | None, one: Occurrence) -> Sent:
    """Return what changes with every message of an occurrence, and of all that may have a part in what it brought."""
    longest = max((goal.within for goal in (campaign.goals if campaign is not None else ())), default=timedelta())
    sent = workspace.book.campaigns.sent_so_far(one.campaign_id, since=one.starts_at - longest)
    named = None if campaign is None else campaign.experiment
    return Sent(
        numbers=str(sent), experiment=() if named is None else workspace.book.experiments.standing(named)
    )


def _judging(workspace: Workspace, experiment: str, standing: tuple[int, ...]) -> Question[Judged]:
    return Question(
        name=f"verdict of {experiment}", kind=Judged, make=lambda: _judged(workspace, experiment), standing=standing
    )


def _campaign(workspace: Workspace, one: Occurrence) -> Campaign | None:
    return next((each for each in workspace.project.campaigns if each.name == one.campaign), None)


def _results(workspace: Workspace, one: Occurrence, sent: Sent) -> Results:
    then = kept(workspace, _coming(workspace, one, sent))
    found = account(workspace.book, one, tally=None if then is None else then.tally)
    ways = _ways(workspace, one, then)
    winner = workspace.book.winners.find(one.campaign_id)
    counts = counted(compared(ways, until=None if winner is None else winner.decided_at))
    campaign = _campaign(workspace, one)
    experiment = None if campaign is None else campaign.experiment
    control = experiment_named(workspace, experiment).control if experiment is not None else ""
    # The variant that is compared with may be one that gets nothing: then the first of those that get something is.
    control = control if control in counts else min(counts, default="")
    test = None if campaign is None else first_test(campaign.test, starts_at=one.starts_at)
    apart = differences(counts, control=control)
    judged = _said(workspace, campaign, sent)
    brought_ = ask(workspace, _bringing(workspace, campaign, one, sent))
    return Results(
        account=found, as_of=workspace.clock.now(), variants=_variants(ways, counts, brought_.converted),
        differences=apart, better=_of_test(test, winner) or better(
            counts, apart, control=control, is_over=not found.waiting
        ), test=test, winner=winner, goals=brought_.goals, spent=brought_.spent, experiment=experiment,
        verdict=judged.verdict, conversions=judged.conversions,
    )


def _of_test(test: FirstTest | None, winner: Winner | None) -> Better | None:
    """What a test says of its variants; None of a campaign without one."""
    if test is None:
        return None
    if winner is None:
        return Better(winner=None, measure=None, reason="the test is not over")
    return Better(winner=winner.variant, measure=None, reason=f"{winner.reason}, by {winner.measure}")


def _said(workspace: Workspace, campaign: Campaign | None, sent: Sent) -> Judged:
    """Return what the experiment of a campaign says."""
    if campaign is None or campaign.experiment is None:
        return Judged()
    return ask(workspace, _judging(workspace, campaign.experiment, sent.experiment))


def _goals(workspace: Workspace, campaign: Campaign | None, one: Occurrence, sent: Sent) -> Goals:
    """What the goals came to, what was spent, and who converted to the first; nothing of a campaign that is gone."""
    if campaign is None:
        return Goals()
    spent = spent_on(workspace, campaign, one)
    if not campaign.goals:
        return Goals(spent=spent)
    of = asked(workspace, campaign, one, _ways(workspace, one, kept(workspace, _coming(workspace, one, sent))))
    every = [each for each in (done(workspace, of, goal) for goal in campaign.goals) if each is not None]
    verdict = _said(workspace, campaign, sent).verdict
    is_trusted = verdict is None or verdict.decision != "not_trusted"
    silent = sorted(name for name, template in campaign.templates.items() if template is None)
    held_out = silent[0] if silent and is_trusted else None
    # Before anything was derived for the first goal nobody knows who converted.
    first = next((each.people for each in every if each.goal == campaign.goals[0]), None)
    came = None if first is None else first.filter(pc.is_valid(first["converted_at"]))
    return Goals(
        goals=brought(workspace, of, every, spent=spent, held_out=held_out), spent=spent,
        converted=None if came is None else dict(zip(
            came["message"].to_pylist(), came["converted_at"].to_pylist(), strict=True
        )),
    )


def _variants(
    ways: pa.Table, counts: Mapping[str, Mapping[str, int]], converted: Mapping[str, datetime] | None
) -> list[VariantResult]:
    # To the funnel each variant is a campaign of its own; a reason is the same whomever it names.
    reasons = pc.replace_substring_regex(ways["reason"], r"\bc_\w+", "…")
    people = ways.set_column(ways.schema.get_field_index("reason"), "reason", reasons)
    people = people.append_column("campaign", ways["variant"])
    people = people.append_column("converted_at", _converted(ways, converted or {}))
    by_variant: dict[str, list[Step]] = {}
    for each in funnel(people):
        is_seen = each.stage != STAGES[-1] or converted is not None
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


def _converted(ways: pa.Table, converted: Mapping[str, datetime]) -> pa.ChunkedArray:
    """When each person converted, in the order of ways."""
    places = pc.index_in(ways["customer"], pa.array(list(converted), pa.string()))
    return pa.chunked_array([pa.array(list(converted.values()), pa.timestamp("us"))]).take(places)


def _judged(workspace: Workspace, experiment: str) -> Judged:
    try:
        found = experiment_report(workspace, experiment)
    except NotFound:
        return Judged()
    return Judged(
        verdict=found.verdict, conversions=[answer for answer in found.answers if answer.role == "primary"]
    )
