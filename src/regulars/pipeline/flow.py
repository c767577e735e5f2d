"""The product on one screen: what happens to a record, in order.

| step | from -> to | kept in |
|---|---|---|
| pull:SOURCE | outside -> landing | segments of raw items, then the cursor in the book |
| read:SOURCE | landing -> typed records, quarantine | lake |
| resolve | profiles -> customers | identity map in the book, lake |
| households | customers, family relations, contracts -> households, guardians, contacts | map in the book, lake |
| derive | records -> events, money lines | lake |
| standings | contacts, ledger of consent -> what it comes to, by address | lake |
| customers | profiles, customers, households, events -> what is known of each customer | lake |
| passes | check-ins on passes -> who may have bought each, and what says so | lake |
| transfer | passes, households -> transfers with their purchaser, their events | lake |
| connect | events, transfers -> interactions, connections, companions, communities | lake |
| segment | events -> transitions, memberships | ledger in the book, lake |
| assign | members of an audience -> assignments, exposures | book |
| flow | occasions, journeys -> journeys, messages that are due | book |
| judge | exposures, events -> harm, enough, a bandit's next shares | decisions, epochs in the book |
| measure | events, money -> metrics by day | lake |
| results | messages, what was told of them, events -> what came of campaigns of late | book |
| shops | what pixels told -> what each product was shown, put into carts and sold, by day | lake |
| check | everything -> findings | run ledger |
| copy | events, money -> the same by profile, for who reads one person | lake |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from regulars.pipeline.arrivals import is_pushed
from regulars.pipeline.connect import connect_customers
from regulars.pipeline.copy import copy_by_profile
from regulars.pipeline.derive import derive_facts
from regulars.pipeline.describe import describe_customers
from regulars.pipeline.erased import read_unerased
from regulars.pipeline.forget import begin, carry_out, verify
from regulars.pipeline.forget_shop import forget_shops
from regulars.pipeline.households import form_households
from regulars.pipeline.inspect import inspect_data
from regulars.pipeline.measure import measure_days
from regulars.pipeline.pull import pull_source
from regulars.pipeline.purge import begin as begin_purge
from regulars.pipeline.purge import carry_out_purges, verify_purges
from regulars.pipeline.resolve import resolve_people
from regulars.pipeline.retain import expire, expired
from regulars.pipeline.segment import as_of_now, segment_customers
from regulars.pipeline.transfer import find_transfers, read_passes
from regulars.pipeline.workspace import Workspace
from regulars.records.purged import Wanted
from regulars.runs.execute import execute
from regulars.runs.hold import held
from regulars.runs.run import Observer, RunResult, Step, Steps
from regulars.runs.workers import Todo
from regulars.sources.source import Source
from regulars.storage.book.audit import Changed


def steps(workspace: Workspace, sources: Sequence[Source], *, pulls: bool = True) -> list[Step]:
    """Return everything that is due, in order. A source that fails keeps only its own records from moving on.

    Sources do not wait for each other, nor do people and what happened to them until both are wanted.
    """
    pulled = _pulls(workspace, sources) if pulls else []
    read = [
        Step(
            name=f"read:{s.name}", do=partial(read_unerased, workspace, s),
            needs=(f"pull:{s.name}",) if pulls else (), after=(),
        )
        for s in sources
    ]
    records = tuple(step.name for step in read)
    experiments = _experiment_steps(workspace)
    return [
        *pulled,
        *read,
        Step(name="resolve", do=partial(resolve_people, workspace), after=records),
        Step(name="households", do=partial(form_households, workspace), needs=("resolve",), after=()),
        Step(name="derive", do=partial(derive_facts, workspace), after=records),
        Step(name="customers", do=partial(describe_customers, workspace), needs=("households", "derive"), after=()),
        Step(name="passes", do=partial(read_passes, workspace), needs=("resolve", "derive"), after=()),
        Step(name="transfer", do=partial(find_transfers, workspace), needs=("households", "passes"), after=()),
        Step(name="connect", do=partial(connect_customers, workspace), needs=("transfer",), after=()),
        Step(name="segment", do=partial(segment_customers, workspace), needs=("customers", "transfer"), after=()),
        *experiments,
        *_standing_steps(workspace),
        *_flow_steps(workspace, after=tuple(step.name for step in experiments)),
        Step(name="measure", do=partial(measure_days, workspace), needs=("transfer",), after=()),
        *_shop_steps(workspace),
        Step(
            name="check", do=partial(inspect_data, workspace), needs=("customers",),
            after=(*records, "derive", "transfer", "segment"),
        ),
        *_result_steps(workspace, after=tuple(step.name for step in experiments)),
        Step(name="copy", do=partial(copy_by_profile, workspace), needs=("transfer",), after=()),
    ]


def _pulls(workspace: Workspace, sources: Sequence[Source]) -> list[Step]:
    """Return the pulls. The door is one for all that is pushed, and lands for one of its sources at a time."""
    pulls: list[Step] = []
    pushed: tuple[str, ...] = ()
    for source in sources:
        after = pushed if is_pushed(source) else ()
        pulls.append(Step(name=f"pull:{source.name}", do=partial(pull_source, workspace, source), after=after))
        pushed = (pulls[-1].name,) if is_pushed(source) else pushed
    return pulls


def _experiment_steps(workspace: Workspace) -> list[Step]:
    """Return what experiments need, which is nothing while none has its days."""
    day, declared = as_of_now(workspace).day, workspace.project.experiments
    if not any(each.has_begun(day) and (each.ends is None or day <= each.ends) for each in declared):
        return []
    return [
        Step(name="assign", do=partial(_assign, workspace), needs=("segment",), after=()),
        Step(name="judge", do=partial(_judge, workspace), needs=("assign",), after=()),
    ]


def _assign(workspace: Workspace) -> Steps:
    from regulars.pipeline.assign import assign_units  # noqa: PLC0415  only who does the step waits for its mathematics

    return (yield from assign_units(workspace))


def _judge(workspace: Workspace) -> Steps:
    from regulars.pipeline.judge import judge_experiments  # noqa: PLC0415  the same

    return (yield from judge_experiments(workspace))


def _standing_steps(workspace: Workspace) -> list[Step]:
    """Return what planning campaigns needs, which is nothing while nothing is sent."""
    if not workspace.project.campaigns and not workspace.project.flows:
        return []
    return [Step(name="standings", do=partial(_standings, workspace), needs=("households",), after=())]


def _standings(workspace: Workspace) -> Steps:
    from regulars.pipeline.standings import copy_standings  # noqa: PLC0415  the same as of experiments

    return (yield from copy_standings(workspace))


def _result_steps(workspace: Workspace, *, after: tuple[str, ...]) -> list[Step]:
    """Return what whoever looks at campaigns wants to know, which is nothing while there are none."""
    if not workspace.project.campaigns:
        return []
    return [Step(name="results", do=partial(_results, workspace), needs=("segment",), after=after)]


def _results(workspace: Workspace) -> Steps:
    from regulars.pipeline.results import keep_results  # noqa: PLC0415  the same as of experiments

    return (yield from keep_results(workspace))


def _flow_steps(workspace: Workspace, *, after: tuple[str, ...]) -> list[Step]:
    """Return what flows need, which is nothing while there are none; variants are given out before."""
    if not workspace.project.flows:
        return []
    return [Step(name="flow", do=partial(_flow, workspace), needs=("segment",), after=after)]


def _flow(workspace: Workspace) -> Steps:
    from regulars.pipeline.journeys import carry_flows  # noqa: PLC0415  the same as of experiments

    return (yield from carry_flows(workspace))


def _shop_steps(workspace: Workspace) -> list[Step]:
    """Return what shops need, which is nothing while none is declared."""
    if not workspace.project.shops:
        return []
    return [Step(name="shops", do=partial(_shops, workspace), needs=("derive",), after=())]


def _shops(workspace: Workspace) -> Steps:
    from regulars.pipeline.shops import count_shops  # noqa: PLC0415  the same as of experiments

    return (yield from count_shops(workspace))


def run(workspace: Workspace, *, only: Sequence[str] = (), observer: Observer | None = None) -> RunResult:
    """Do everything that is due, or only for some sources. Raises LeaseHeld while another run is at work."""
    return _carried_out(workspace, partial(due, only=tuple(only)), "run", observer)


def due(workspace: Workspace, *, only: Sequence[str] = (), pulls: bool = True) -> list[Step]:
    """Return everything that is due, or only for some sources. Raises NotFound for one that is not declared."""
    sources = [workspace.source(name) for name in only] if only else workspace.project.sources
    return steps(workspace, sources, pulls=pulls)


def pull(workspace: Workspace, *, only: Sequence[str] = (), observer: Observer | None = None) -> RunResult:
    """Fetch what is new and land it; nothing is derived."""
    return _carried_out(workspace, partial(_only_pulls, only=tuple(only)), "pull", observer)


def _only_pulls(workspace: Workspace, *, only: Sequence[str]) -> list[Step]:
    return [step for step in due(workspace, only=only) if step.name.startswith("pull:")]


def backfill(
    workspace: Workspace, source: str, *, first: datetime, end: datetime, only: frozenset[str] = frozenset(),
    observer: Observer | None = None,
) -> RunResult:
    """Pull the records of a span of time from one source, then derive; cursors stay where they are."""
    todo = partial(_of_the_past, source=source, first=first, end=end, only=only)
    return _carried_out(workspace, todo, "backfill", observer)


def _of_the_past(
    workspace: Workspace, *, source: str, first: datetime, end: datetime, only: frozenset[str]
) -> list[Step]:
    past = partial(pull_source, workspace, workspace.source(source), only=only, window=(first, end))
    return [replace(step, do=past) if step.name == f"pull:{source}" else step for step in due(workspace, only=[source])]


def rebuild(workspace: Workspace, *, observer: Observer | None = None) -> RunResult:
    """Make every derived table again from the landing and the book. What we did ourselves is kept: ids, transitions."""
    with held(workspace.book.lease):
        for table in workspace.lake.stored():
            workspace.lake.drop(table)
    return _carried_out(workspace, partial(due, pulls=False), "rebuild", observer)


def forget(workspace: Workspace, customer_id: str | None, *, by: str, observer: Observer | None = None) -> RunResult:
    """Forget a customer in every store, and make every table again from what is left; nobody named: go on with it.

    The erasure is in the book before anything is done: killed anywhere, the next run finishes it. Raises LeaseHeld
    while another run is at work.
    """
    with held(workspace.book.lease):
        if customer_id is not None:
            erasure = begin(workspace, customer_id, by=by)
            workspace.book.audit.add(Changed(
                at=erasure.asked_at, by=by, what="erasure.begin", subject=erasure.erasure_id
            ))
    return _carried_out(workspace, partial(due, pulls=False), "forget", observer)


def purge(
    workspace: Workspace, source: str | None, wanted: Wanted | None, *, by: str, observer: Observer | None = None
) -> RunResult:
    """Purge what is wanted of a door in every store, and make every table again; no door named: go on with it.

    The purge is in the book before anything is done: killed anywhere, the next run finishes it. Raises LeaseHeld
    while another run is at work.
    """
    with held(workspace.book.lease):
        if source is not None and wanted is not None:
            begun = begin_purge(workspace, source, wanted, by=by)
            workspace.book.audit.add(Changed(at=begun.asked_at, by=by, what="purge.begin", subject=begun.purge_id))
    return _carried_out(workspace, partial(due, pulls=False), "purge", observer)


def _carried_out(workspace: Workspace, todo: Todo, command: str, observer: Observer | None) -> RunResult:
    steps_, workers = todo(workspace), workspace.workers
    with held(workspace.book.lease):
        workspace.book.runs.close_lost(workspace.clock.now())
        workspace.landing.tidy()
        workspace.lake.vacuum()
        # Who asked to be forgotten is forgotten first, by work that reads every source again into the dropped tables.
        is_whole = {f"read:{source.name}" for source in workspace.project.sources} <= {step.name for step in steps_}
        if is_whole:
            carry_out(workspace)
            forget_shops(workspace)
            carry_out_purges(workspace)
            expire(workspace, expired(workspace))
        if workers is not None:
            workers.take(todo)               # they open their stores now: forgetting leaves nobody a stale look at any
        # Not while somebody is forgotten: what is kept of a run's statements must hold nobody's address.
        with workspace.stores.border.texts.opened():
            result = execute(
                steps_, command=command, ledger=workspace.book.runs, clock=workspace.clock, observer=observer,
                hands=workers,
            )
        if is_whole:
            verify(workspace)
            verify_purges(workspace)
        return result
