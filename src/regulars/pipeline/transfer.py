"""Transfer: check-ins on passes become transfers with their purchaser, and the transfers become events.

Texts are read once, of new and changed check-ins. Who bought each pass is weighed anew when anything it rests on
changed, because that may be a merge or a late sale; only the transfers that came out otherwise are written. All that
asks nothing of households is a step of its own, carried out while these are formed.
"""

from __future__ import annotations

from dataclasses import asdict

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.connections.pass_use import pass_uses, refused, taken
from regulars.connections.purchaser import (
    EVIDENCE,
    PURCHASE,
    TRANSFER,
    evidence,
    lodgers,
    pairs,
    purchases,
    transfers,
    weighed,
)
from regulars.connections.transfer import TransferRules
from regulars.events.event import MONEY, TRANSFERS
from regulars.pipeline.changed import KEY, changed, mark
from regulars.pipeline.derive import changed_events
from regulars.pipeline.read import content_of, digest, empty_records, quarantine_rows, records_of, refused_at
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.runs.run import Checkpoint, Steps, Work

USES = "pass_uses"
"""The texts as they were read, own uses too, so that none is read twice."""

PAIRS, REASONS = "pass_pairs", "pass_evidence"
"""Who may have bought each pass (PAIR), and what says so (EVIDENCE), all but who lives together."""


def read_passes(workspace: Workspace) -> Steps:
    """Bring what is known of passes up to date with check-ins, people and money: who may have bought each, and why."""
    rules = workspace.project.transfers
    if rules is None:
        forget_transfers(workspace)
        return Work(note="no transfers declared")
    yield Checkpoint(done=0, total=2, note="texts")
    read = changed_uses(workspace, rules)
    yield Checkpoint(done=1, total=2, note="evidence")
    return Work(rows_in=read, rows_out=changed_evidence(workspace, rules))


def find_transfers(workspace: Workspace) -> Steps:
    """Bring the transfers up to date with passes and households, and the events with the transfers."""
    rules = workspace.project.transfers
    if rules is None:
        return Work(note="no transfers declared")
    yield Checkpoint(done=0, total=2, note="purchasers")
    written = changed_transfers(workspace, rules)
    yield Checkpoint(done=1, total=2, note="events")
    changed_events(workspace)
    found = workspace.table(TRANSFERS)
    known = workspace.count(found.filter(found.purchaser_customer_id.notnull()))
    rows = workspace.lake.rows(TRANSFERS)
    return Work(
        rows_in=workspace.lake.rows(USES), rows_out=written,
        note=f"{rows:,} transfers, {rows - known:,} without a purchaser",
        facts={"transfers": rows, "purchasers": known},
    )


def changed_uses(workspace: Workspace, rules: TransferRules) -> int:
    """Read the texts of check-ins that came or changed; return how many of them are on passes.

    The table says how far of the stream it reaches, in the same version as its rows. Quarantine first, as everywhere.
    """
    lake, stream = workspace.lake, workspace.project.stream(rules.stream)
    declared = digest(_said(rules))
    meta = lake.meta(USES)
    since = meta["mark"] if meta.get("declared") == declared else None
    note = {"declared": declared, "mark": mark(workspace, stream)}
    change = changed(workspace, stream, since=since, made=lambda: lake.table(USES).select(*KEY.names).distinct())
    if change is None:
        return 0
    good, bad = taken(workspace.fetch(pass_uses(change.new, rules)))
    _quarantine(workspace, bad, rules, is_anew=since is None)
    rows = workspace.stores.engine.arrow(good)
    if since is None:
        lake.replace(USES, rows, meta=note, allow_shrink=True)
    else:
        with lake.gathered(change.replaced(), schema=KEY) as gone:
            lake.merge(USES, rows, key=KEY.names, gone=gone, meta=note, allow_shrink=True)
    return len(good)


def changed_evidence(workspace: Workspace, rules: TransferRules) -> int:
    """Look anew for who may have bought each pass, if anything that says so changed; return how many reasons there are.

    Each stage is carried out once: the next reads a file.
    """
    lake, check_ins = workspace.lake, records_of(workspace.project.stream(rules.stream))
    made_of = _digest_of(workspace, rules, (USES, check_ins, "profiles", "identity", MONEY))
    if lake.meta(REASONS).get("made_of") == made_of:
        return 0
    uses, identity = workspace.table(USES), workspace.table("identity")
    lake.replace(PAIRS, pairs(uses, workspace.table("profiles"), identity), allow_shrink=True)
    stream, met = workspace.project.stream(rules.stream), lake.table(PAIRS)
    # Before visits and sales are looked at: hardly a customer is named in a text.
    with lake.gathered([identity.semi_join(met, "customer_id")], schema=identity.schema()) as meant:
        bought = purchases(workspace.table(MONEY), meant, rules.bought)
        with lake.gathered([bought], schema=PURCHASE) as sales:
            kinds = evidence(
                met, uses=uses, visits=_visits(workspace, stream, rules), sales=sales,
                identity=meant.filter(meant.profile_source == stream.source),
            )
            with lake.gathered(kinds, schema=EVIDENCE) as reasons:
                lake.replace(REASONS, reasons, meta={"made_of": made_of}, allow_shrink=True)
    return lake.rows(REASONS)


def changed_transfers(workspace: Workspace, rules: TransferRules) -> int:
    """Weigh who bought each pass, if anything that says so changed; return how many transfers came out otherwise."""
    lake = workspace.lake
    made_of = _digest_of(workspace, rules, (PAIRS, REASONS, USES, "profiles", "identity", HOUSEHOLD_MEMBERS))
    if lake.meta(TRANSFERS).get("made_of") == made_of:
        return 0
    found = _found(workspace)
    if not lake.exists(TRANSFERS):
        lake.replace(TRANSFERS, found, meta={"made_of": made_of})
        return lake.rows(TRANSFERS)
    before, key = lake.table(TRANSFERS), ibis.schema({"checkin_id": "string"})
    with (
        lake.gathered([found], schema=TRANSFER) as now,
        lake.gathered([now.intersect(before).select(*key.names)], schema=key) as same,
    ):
        came, gone = now.anti_join(same, "checkin_id"), before.anti_join(same, "checkin_id").select("checkin_id")
        lake.merge(TRANSFERS, came, key=("checkin_id",), gone=gone, meta={"made_of": made_of}, allow_shrink=True)
        return workspace.count(came)


def forget_transfers(workspace: Workspace) -> None:
    """Drop what was made under a declaration that is no more."""
    for table in (TRANSFERS, REASONS, PAIRS, USES):
        if workspace.lake.exists(table):
            workspace.lake.drop(table)


def _quarantine(workspace: Workspace, bad: pa.Table, rules: TransferRules, *, is_anew: bool) -> None:
    """Hold back what did not read; what an older declaration held back is answered."""
    border = workspace.stores.border
    if len(bad) or is_anew:
        rows = refused(border.arrow(bad), rules) if len(bad) else None
        quarantine_rows(workspace, rows, answered=refused_at(workspace, "transfers") if is_anew else None)


def _found(workspace: Workspace) -> ir.Table:
    """Return all transfers as they come out now."""
    lake, met, reasons = workspace.lake, workspace.table(PAIRS), workspace.table(REASONS)
    if lake.exists(HOUSEHOLD_MEMBERS):
        reasons = reasons.union(lodgers(met, lake.table(HOUSEHOLD_MEMBERS)))
    return transfers(
        workspace.table(USES), weighed(met, reasons), profiles=workspace.table("profiles"),
        identity=workspace.table("identity"),
    )


def _visits(workspace: Workspace, stream: Stream, rules: TransferRules) -> ir.Table:
    """Return VISIT: every check-in of the stream, on a pass or not."""
    records = empty_records(workspace, stream)
    place = ibis.null("string") if rules.location is None else rules.location.column(records)
    return records.select(
        checkin_id="record_key", profile_id=rules.who.column(records), day=records[f"{rules.when}_day"],
        location_name=place,
    )


def _digest_of(workspace: Workspace, rules: TransferRules, tables: tuple[str, ...]) -> str:
    return digest(_said(rules), *(content_of(workspace, table) for table in tables))


def _said(rules: TransferRules) -> object:
    """Return what the rules say, as plain values."""
    formulas = {"who": rules.who, "text": rules.text, **rules.kinds, "method": rules.method,
                "location": rules.location, "bought": rules.bought}
    words = {name: value for name, value in asdict(rules).items() if name in {"named_from", "punch", "youth"}}
    return [rules.stream, rules.when, {name: f.text if f else None for name, f in formulas.items()}, words]
