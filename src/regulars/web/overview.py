"""What the report says, gathered from the tables of one project: every number comes out of the lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.check import Finding, worst
from regulars.events.ledger import REVENUE, reconciliation
from regulars.pipeline.inspect import last_findings
from regulars.pipeline.read import QUARANTINE
from regulars.pipeline.segment import as_of_now, segment_counts
from regulars.pipeline.workspace import Workspace
from regulars.records import quarantine
from regulars.web.chart import bars_by_day, bars_by_name
from regulars.web.number import money as amount
from regulars.web.report import Number, Report, Section, Table

WEEKS = 52
"""How far back the charts reach."""

COLOURED = 3
"""Series with a colour of their own; the rest is one grey."""


def gather(workspace: Workspace) -> Report:
    """Return the report of a project as of now. Raises NotFound before the first run."""
    as_of, business = as_of_now(workspace), workspace.project.config.business
    findings = last_findings(workspace)
    sections = [
        _money(workspace),
        _activity(workspace),
        _people(workspace),
        _segments(workspace),
        _health(workspace, findings),
    ]
    return Report(
        business=business.name,
        timezone=business.timezone,
        as_of=f"{as_of.at.astimezone(business.zone):%a %-d %b %Y, %H:%M}",
        headline=_headline(workspace, findings),
        numbers=_numbers(workspace, as_of.day),
        sections=tuple(section for section in sections if section),
        version=version("regulars"),
    )


def _headline(workspace: Workspace, findings: Sequence[Finding]) -> str:
    customers = workspace.lake.rows("customers")
    warned = sum(finding.status == "warning" for finding in findings)
    state = {
        "ok": "every check holds",
        "skipped": "every check holds",
        "warning": f"{warned} {'check wants' if warned == 1 else 'checks want'} a look",
        "failed": "a check fails",
    }[worst(findings)]
    return f"{customers:,} customers from {len(workspace.project.sources)} sources; {state}."


def _numbers(workspace: Workspace, day: date) -> tuple[Number, ...]:
    customers, events, lines = (workspace.table(name) for name in ("customers", "events", "money"))
    since = day - timedelta(days=27)
    currency = workspace.project.config.business.currency
    recent = lines.filter(lines.business_day.between(since, day), _is_revenue(lines))
    new = customers.filter(customers.first_seen.between(since, day))
    active = events.filter(events.business_day.between(since, day), ~events.is_interval, events.profile_id.notnull())
    seen = active.inner_join(workspace.table("identity"), ["profile_source", "profile_id"])
    refused = workspace.table(QUARANTINE).select("source", "stream", "record_key").distinct()
    return (
        Number(
            label="Customers", value=f"{workspace.count(customers):,}", note=f"{workspace.count(new):,} new in 28 days"
        ),
        Number(
            label="Active in 28 days", value=f"{workspace.value(seen.customer_id.nunique()):,}", note=f"since {since}"
        ),
        Number(label="Events", value=f"{workspace.count(events):,}", note="on all timelines"),
        Number(
            label="Net revenue, 28 days",
            value=amount(workspace.value(recent.amount.sum()), currency),
            note=f"{workspace.count(recent):,} lines, refunds on their own day",
        ),
        Number(label="Held back", value=f"{workspace.count(refused):,}", note="records in quarantine, with reasons"),
    )


def _money(workspace: Workspace) -> Section | None:
    lines = workspace.table("money")
    currency = workspace.project.config.business.currency
    weeks = _weekly(lines.filter(_is_revenue(lines)), workspace, group="category", value=lambda t: t.amount.sum())
    kinds = lines.group_by("kind", "currency").agg(lines=lines.count(), amount=lines.amount.sum())
    rows = workspace.rows(kinds.order_by(ibis.desc("amount")))
    if not rows:
        return None
    total = sum(row["amount"] for row in rows if row["kind"] in REVENUE)
    weeks = [{**row, "value": row["value"] / 100} for row in weeks]
    return Section(
        title="Money",
        sentence=f"Net of refunds, customers paid {amount(total, currency)} in all, summed from whole cents.",
        charts=(
            bars_by_day(
                weeks,
                title="Net revenue by week",
                sentence=f"Net revenue of the last {WEEKS} weeks by category, in {currency}.",
                day="week",
                value="value",
                series="category",
                unit=currency,
            ),
        )
        if weeks
        else (),
        tables=(
            Table(
                caption="The ledger by kind of line",
                columns=("kind", "lines", "amount"),
                numeric=frozenset({1, 2}),
                rows=tuple((row["kind"], f"{row['lines']:,}", amount(row["amount"], row["currency"])) for row in rows),
            ),
            _reconciliation(workspace),
        ),
    )


def _reconciliation(workspace: Workspace) -> Table:
    rows = workspace.rows(reconciliation(workspace.table("money")))
    parts = ("gross", "refunds", "disputes", "fees", "expected", "paid_out", "residual")
    return Table(
        caption="Reconciliation; the residual is not paid out yet, or unexplained",
        columns=("source", *(part.replace("_", " ") for part in parts)),
        numeric=frozenset(range(1, 8)),
        rows=tuple((row["source"], *(amount(row[part], row["currency"]) for part in parts)) for row in rows),
    )


def _activity(workspace: Workspace) -> Section | None:
    events = workspace.table("events").filter(~ibis._.is_interval)
    weeks = _weekly(events, workspace, group="event_type", value=lambda t: t.count())
    kinds = workspace.rows(
        events.group_by("event_type")
        .agg(
            events=events.count(),
            people=events.profile_id.nunique(),
            last=events.business_day.max(),
        )
        .order_by(ibis.desc("events"))
    )
    if not weeks:
        return None
    return Section(
        title="What happened",
        sentence=f"{sum(row['events'] for row in kinds):,} events of {len(kinds)} types, each at the time it happened.",
        charts=(
            bars_by_day(
                weeks,
                title="Events by week",
                sentence=f"Events of the last {WEEKS} weeks by type.",
                day="week",
                value="value",
                series="event_type",
                unit="events",
            ),
        ),
        tables=(
            Table(
                caption="Event types",
                columns=("event", "events", "profiles", "latest day"),
                numeric=frozenset({1, 2}),
                rows=tuple((r["event_type"], f"{r['events']:,}", f"{r['people']:,}", r["last"]) for r in kinds),
            ),
        ),
    )


def _people(workspace: Workspace) -> Section:
    identity = workspace.table("identity")
    kind = identity.evidence.re_replace(r" [^ ]+/.*$", "")
    mix = workspace.rows(
        identity.mutate(evidence_kind=kind)
        .group_by("evidence_kind")
        .agg(profiles=lambda t: t.count())
        .order_by(ibis.desc("profiles"))
    )
    conflicts = workspace.book.identity.conflicts()
    profiles = sum(row["profiles"] for row in mix)
    customers = workspace.lake.rows("customers")
    return Section(
        title="Who is who",
        sentence=f"{profiles:,} profiles are {customers:,} customers. A contact that several people use joins nobody. "
        f"{len(conflicts):,} conflicts wait for a person.",
        charts=(
            bars_by_name(
                [{"evidence": row["evidence_kind"], "profiles": row["profiles"]} for row in mix],
                title="Why profiles are where they are",
                sentence="Profiles by the evidence that put them with their customer.",
                name="evidence",
                value="profiles",
                unit="profiles",
            ),
        ),
    )


def _segments(workspace: Workspace) -> Section | None:
    counts = segment_counts(workspace)
    if not counts:
        return None
    return Section(
        title="Segments",
        sentence="Who is in which segment now. `regulars explain CUSTOMER SEGMENT` says why, line by line.",
        tables=(
            Table(
                caption="Segments and their members",
                columns=("segment", "members", "priority", "who"),
                numeric=frozenset({1}),
                rows=tuple((c["segment"], f"{c['members']:,}", c["priority"], c["description"]) for c in counts),
            ),
        ),
    )


def _health(workspace: Workspace, findings: Sequence[Finding]) -> Section:
    held = workspace.rows(quarantine.counts(workspace.table(QUARANTINE)))
    runs = workspace.book.runs.last_runs(5)
    return Section(
        title="Data health",
        sentence="What was checked after the latest run, what was held back and why, and how the latest runs ended.",
        tables=(
            Table(
                caption="Checks",
                columns=("check", "state", "where", "finding"),
                rows=tuple((f.name, f.status, f.where or "—", f.message) for f in findings),
            ),
            Table(
                caption="Quarantine",
                columns=("stream", "reason", "field", "records", "repair"),
                numeric=frozenset({3}),
                rows=tuple(
                    (
                        f"{r['source']}.{r['stream']}",
                        r["message"],
                        r["field"] or "—",
                        f"{r['records']:,}",
                        quarantine.repair(r["reason"]),
                    )
                    for r in held
                ),
                empty="Nothing is held back.",
            ),
            Table(
                caption="Latest runs",
                columns=("run", "command", "started (UTC)", "outcome"),
                rows=tuple(
                    (r.run_id, r.command, f"{r.started_at:%Y-%m-%d %H:%M:%S}", r.outcome or "running") for r in runs
                ),
            ),
        ),
    )


def _is_revenue(lines: ir.Table) -> ir.Value:
    return lines.kind.isin(REVENUE)


def _weekly(rows: ir.Table, workspace: Workspace, *, group: str, value: Any) -> list[dict[str, Any]]:
    """Return week (ISO text), the group and its value for the last WEEKS weeks; small groups become Other."""
    first = as_of_now(workspace).day - timedelta(weeks=WEEKS)
    recent = rows.filter(rows.business_day >= first, rows.business_day <= as_of_now(workspace).day)
    weekly = recent.mutate(week=recent.business_day.truncate("W").cast("date"), part=recent[group].fill_null("Other"))
    found = workspace.rows(weekly.group_by("week", "part").agg(value=value).order_by("week", "part"))
    totals: dict[str, float] = {}
    for row in found:
        totals[row["part"]] = totals.get(row["part"], 0) + row["value"]
    own = sorted(totals, key=lambda part: -totals[part])[:COLOURED]
    bars: dict[tuple[str, str], float] = {}
    for row in found:
        key = (row["week"].isoformat(), row["part"] if row["part"] in own else "Other")
        bars[key] = bars.get(key, 0) + row["value"]
    return [{"week": week, group: part, "value": total} for (week, part), total in sorted(bars.items())]
