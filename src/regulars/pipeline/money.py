"""Money: lines row by row out of the records, then settled: refunds and disputes find the lines they give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict

import ibis
import ibis.expr.types as ir

from regulars.events.category import categorised
from regulars.events.currency import minor_digits
from regulars.events.derive import with_month
from regulars.events.event import MONEY
from regulars.events.ledger import BACK, linked
from regulars.events.money import DRAFT, LINE, drafts, lines
from regulars.pipeline.changed import KEY, Change, at_hand, changed, mark
from regulars.pipeline.read import digest, quarantine_rows, refused_at
from regulars.pipeline.workspace import Workspace

GIVEBACKS = "givebacks"
"""Refunds and disputes as their records alone give them; in `money` they are spread over what they give back."""

SETTLED = ibis.schema({"source": "string", "settled_with": "string"})
ORDER = ("profile_source", "profile_id", "occurred_at")


def changed_money(workspace: Workspace) -> int:
    """Bring the ledger up to date with the records; return how many lines were made.

    The ledger says how far of each stream it reaches, in the same version as its rows: killed anywhere, the next run
    makes the same lines of the same records.
    """
    streams = [stream for stream in workspace.project.streams.values() if stream.money]
    declared = money_declared(workspace)
    meta = workspace.lake.meta(MONEY)
    since = meta["marks"] if meta.get("declared") == declared else None
    note = {"declared": declared, "marks": {stream.full_name: mark(workspace, stream) for stream in streams}}
    changes = [
        change for stream in streams
        if (change := changed(
            workspace, stream, since=None if since is None else since[stream.full_name], made=lambda: _made(workspace)
        )) is not None
    ]
    if not changes and since is not None:
        return 0
    with ExitStack() as stack:
        changes = [stack.enter_context(at_hand(workspace, change)) for change in changes]
        parts = [part for change in changes for part in drafts(change.new, change.stream)]
        draft = stack.enter_context(workspace.lake.gathered(parts, schema=DRAFT))
        return _publish(workspace, draft, changes, note=note, is_anew=since is None)


def money_declared(workspace: Workspace) -> str:
    """Return a fingerprint of everything that says what money is here."""
    business = workspace.project.config.business
    said = [
        [stream.full_name, [asdict(mapping) for mapping in stream.money]]
        for stream in workspace.project.streams.values() if stream.money
    ]
    return digest(said, workspace.project.categories, business.currency, str(business.largest_amount))


def _made(workspace: Workspace) -> ir.Table:
    there, backs = workspace.lake.table(MONEY), workspace.lake.table(GIVEBACKS)
    return there.select(*KEY.names).union(backs.select(*KEY.names)).distinct()


def _publish(
    workspace: Workspace, draft: ir.Table, changes: Sequence[Change], *, note: Mapping[str, object], is_anew: bool
) -> int:
    """Quarantine first, the ledger last: it says how far it reaches."""
    business = workspace.project.config.business
    made = lines(
        draft, currency=business.currency,
        largest=int(business.largest_amount * 10 ** minor_digits(business.currency)), now=workspace.clock.now(),
    )
    bad = workspace.fetch(made.bad)
    quarantine_rows(
        workspace, workspace.stores.border.arrow(bad) if len(bad) else None,
        answered=refused_at(workspace, "money") if is_anew else None,
    )
    with workspace.lake.gathered([categorised(made.ledger, workspace.project.categories)], schema=LINE) as new:
        if is_anew:
            _settle_all(workspace, new, note=note)
        else:
            _settle_changed(workspace, new, changes, note=note)
        return workspace.count(new)


def _settle_all(workspace: Workspace, new: ir.Table, *, note: Mapping[str, object]) -> None:
    lake = workspace.lake
    lake.replace(GIVEBACKS, _grouped(new.filter(new.kind.isin(BACK))), allow_shrink=True)
    lake.replace(MONEY, _settled(new), partition_by="month", order_by=ORDER, meta=note, allow_shrink=True)


def _settle_changed(
    workspace: Workspace, new: ir.Table, changes: Sequence[Change], *, note: Mapping[str, object]
) -> None:
    """Settle only the payments that a changed line belongs to or gives back; all of their lines go and come again."""
    lake, there = workspace.lake, workspace.lake.table(MONEY)
    with lake.gathered([keys for change in changes for keys in change.replaced()], schema=KEY) as replaced:
        backs = _grouped(new.filter(new.kind.isin(BACK)))
        lake.merge(GIVEBACKS, backs, key=KEY.names, gone=replaced, allow_shrink=True)
        before = there.semi_join(replaced, KEY.names).select(*SETTLED.names).distinct()
        with lake.gathered([_grouped(new).select(*SETTLED.names).distinct(), before], schema=SETTLED) as touched:
            kept = there.filter(there.kind.notin(BACK)).semi_join(touched, SETTLED.names)
            kept = kept.anti_join(replaced, KEY.names)
            given = lake.table(GIVEBACKS).semi_join(touched, SETTLED.names)
            parts = [kept.select(*LINE.names), new.filter(new.kind.notin(BACK)), given.select(*LINE.names)]
            with lake.gathered(parts, schema=LINE) as whole:
                lake.merge(
                    MONEY, _settled(whole), key=SETTLED.names, gone=touched, partition_by="month", order_by=ORDER,
                    meta=note,
                )


def _settled(table: ir.Table) -> ir.Table:
    return _grouped(with_month(linked(table)))


def _grouped(table: ir.Table) -> ir.Table:
    """Add `settled_with`: the payment a line belongs to or gives back; lines of one payment are settled together."""
    back = ibis.ifelse(table.kind.isin(BACK), table.refund_of, ibis.null("string"))
    return table.mutate(settled_with=ibis.coalesce(back, table.payment_id, table.line_id))
