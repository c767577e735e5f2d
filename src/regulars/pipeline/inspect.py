"""Inspect: the checks of the data after every run; one that must never fail ends the run with an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from regulars.check import Finding, worst
from regulars.errors import RegularsError
from regulars.pipeline.read import QUARANTINE
from regulars.pipeline.retain import kept_too_long
from regulars.pipeline.workspace import Workspace
from regulars.records import quarantine
from regulars.runs.health import Facts, facts_of, fresh, judge, usual_volume
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.sources.door import EVENTS
from regulars.sources.source import pulled_streams
from regulars.sources.webhook.declare import WebhookSource


class CheckFailed(RegularsError):
    """Something that must never be is so in the data."""

    code = "check-failed"


def inspect_data(workspace: Workspace) -> Steps:
    """Judge the data as it is now. Raises CheckFailed when a claim that must hold does not."""
    yield Checkpoint(done=0, total=None, note="checks")
    findings = look(workspace)
    workspace.book.facts.save(
        "regulars", "findings", {"findings": [asdict(f) for f in findings]}, at=workspace.clock.now()
    )
    failed = [finding for finding in findings if finding.status == "failed"]
    warned = [finding for finding in findings if finding.status == "warning"]
    if failed:
        raise CheckFailed("; ".join(f"{f.name}: {f.message}" for f in failed), hint=failed[0].hint)
    return Work(
        rows_in=len(findings), note=f"{len(warned)} warnings: regulars doctor" if warned else "all hold",
        facts={"worst": worst(findings), "warnings": len(warned)},
    )


def look(workspace: Workspace) -> list[Finding]:
    """Return every finding about the data, the gravest not first: in the order a reader would ask."""
    names = ("customers", "identity", "events", "memberships", QUARANTINE)
    tables = {name: workspace.table(name) for name in names if workspace.lake.exists(name)}
    tables.setdefault(QUARANTINE, workspace.stores.engine.arrow(quarantine.SCHEMA.to_pyarrow().empty_table()))
    findings = [*_streams(workspace), *_deliveries(workspace), *kept_too_long(workspace)]
    if len(tables) == len(names):
        opened = workspace.project.config.business.opened_on
        counted = workspace.rows(facts_of(tables, now=workspace.clock.now(), opened_on=opened))
        findings += judge(Facts(**counted[0]))
    return findings


def last_findings(workspace: Workspace) -> list[Finding]:
    """Return what the last run found; nothing before the first."""
    saved = workspace.book.facts.load("regulars", "findings") or {}
    return [Finding(**finding) for finding in json.loads(json.dumps(saved.get("findings", [])))]


def _streams(workspace: Workspace) -> Iterator[Finding]:
    """Yield freshness, volume and drift of every stream that is pulled."""
    now = workspace.clock.now()
    for source in workspace.project.sources:
        for stream in pulled_streams(source):
            sets = workspace.book.pages.sets(source.name, stream.name)
            last = sets[-1].committed_at if sets else None
            yield fresh(last, stream=stream.full_name, expect_every=stream.expect_every, now=now)
            rows: dict[str, int] = {}
            for segment in workspace.book.pages.segments(source.name, stream.name):
                if segment.set_id:
                    rows[segment.set_id] = rows.get(segment.set_id, 0) + segment.rows
            counts = list(rows.values())
            if counts:
                yield usual_volume(counts[-1], before=counts[:-1], stream=stream.full_name)
            known = workspace.book.facts.load(source.name, stream.name) or {}
            for drift in known.get("drift", []):
                yield Finding(
                    name="drift", status="warning", where=stream.full_name, message=drift, hint="regulars check"
                )


def _deliveries(workspace: Workspace) -> Iterator[Finding]:
    """Yield of every source that is posted to whether all was handed on, and if it said how often, whether it came."""
    counts, now = workspace.book.webhooks.counts(), workspace.clock.now()
    for source in workspace.project.sources:
        if not isinstance(source, WebhookSource):
            continue
        dead = counts.get((source.name, "dead"), 0)
        yield Finding(
            name="deliveries-handed-on", status="warning" if dead else "ok", where=source.name,
            message=f"{dead:,} deliveries were given up", hint="regulars webhook list --state dead" if dead else "",
            numbers={"dead": dead, "waiting": counts.get((source.name, "waiting"), 0)},
        )
        if source.expect_every is not None:
            sets = workspace.book.pages.sets(source.name, EVENTS)
            last = sets[-1].committed_at if sets else None
            yield fresh(
                last, stream=f"{source.name}.{EVENTS}", expect_every=source.expect_every, now=now, verb="came",
                hint="look at what the provider says of its webhook, and at /metrics",
            )
