"""Standings: what the ledger of consent comes to, kept beside the addresses of contacts, so that it is not read anew.

A plan of a million people would read every entry there is and hash every address. The copy says of each address what
decides; of whom something was said since, of addresses that are new, and of those for whom time alone changes the
answer, the book is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.consent.channel import CHANNELS, CONTACTS, PURPOSES, Channel, Purpose
from regulars.consent.everybody import FACTS, SAID, changing, summed
from regulars.consent.suppression import address_hashes
from regulars.pipeline.consent import salt
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work

TABLE = "standings"
KEY = ("channel", "address")

STANDING = ibis.schema({
    "channel": "string", "address": "string", "address_hash": "string", "is_open": "boolean",
    **{
        f"{purpose}_{fact}": "boolean" if fact == "has_grant" else "timestamp"
        for purpose in PURPOSES for fact in FACTS
    },
})
"""One row a channel and address of a contact. is_open: time alone changes what follows, so that the book is asked.

<purpose>_<fact>: `consent.permission.FACTS` of what is said for that purpose; missing where nothing is. Moments UTC.
"""

_ADDRESSES = pa.schema([(name, pa.string()) for name in (*KEY, "address_hash")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What the copy says for one channel and purpose, and of whom it is no longer true."""

    rows: ir.Table                           # address, address_hash, is_open, FACTS
    since: pa.Array                          # hashes of addresses of which something was said since


def copied(workspace: Workspace, *, channel: Channel, purpose: Purpose, at: datetime) -> Copied | None:
    """Return the copy for whoever asks about a moment (aware); None where there is none, or it knows of later ones."""
    meta = workspace.lake.meta(TABLE)
    if not meta or at < datetime.fromisoformat(meta["at"]):
        return None
    rows = workspace.lake.table(TABLE, partitions=[channel])
    said = workspace.book.consent.entries(after=meta["seq"], columns=("address_hash",))
    facts = {fact: rows[f"{purpose}_{fact}"] for fact in FACTS}
    return Copied(
        rows=rows.select("address", "address_hash", "is_open", **facts),
        since=pc.unique(said["address_hash"].combine_chunks()),
    )


def copy_standings(workspace: Workspace) -> Steps:
    """Bring the copy up to date: of whom something was said, who has come to be a contact, and who no longer is one."""
    book, lake, now = workspace.book.consent, workspace.lake, workspace.clock.now()
    meta, seq = lake.meta(TABLE), book.last()
    made_of = digest(content_of(workspace, "contacts"), seq)
    if meta.get("made_of") == made_of:
        return Work(rows_in=seq, note="nothing was said")
    yield Checkpoint(done=0, total=1, note="addresses")
    since = meta.get("seq", 0)
    todo, gone = _todo(workspace, since), _gone(workspace)
    rows = [_standings(workspace, todo, channel, at=now) for channel in CHANNELS]
    lake.merge(
        TABLE, ibis.union(*rows), key=KEY, gone=gone, partition_by="channel", allow_shrink=True, meta={
            "made_of": made_of, "seq": seq, "at": max(now.astimezone(UTC).isoformat(), meta.get("at", "")),
        },
    )
    return Work(rows_in=seq - since, rows_out=todo.num_rows, note=f"{todo.num_rows:,} addresses")


def _todo(workspace: Workspace, since: int) -> pa.Table:
    """Return _ADDRESSES that are new, and those of which something was said since a number."""
    engine, lake = workspace.stores.engine, workspace.lake
    new, told = _addresses(workspace), []
    if lake.exists(TABLE):
        known = lake.table(TABLE).select(*_ADDRESSES.names)
        new = new.anti_join(known, KEY)
        said = workspace.book.consent.entries(after=since, columns=("channel", "address_hash"))
        told = [workspace.fetch(known.semi_join(engine.arrow(said), ("channel", "address_hash")))]
    rows, key = workspace.fetch(new), salt(workspace)
    for channel in CHANNELS:
        mine = rows.filter(pc.equal(rows["channel"], channel))
        told.append(mine.append_column("address_hash", address_hashes(mine["address"], channel=channel, salt=key)))
    return pa.concat_tables([each.cast(_ADDRESSES) for each in told])


def _gone(workspace: Workspace) -> ir.Table | None:
    """Return channel and address of those that are nobody's contact any more."""
    if not workspace.lake.exists(TABLE):
        return None
    return workspace.lake.table(TABLE).select(*KEY).anti_join(_addresses(workspace), KEY)


def _addresses(workspace: Workspace) -> ir.Table:
    contacts = workspace.table("contacts")
    every = [
        contacts.select(channel=ibis.literal(channel), address=contacts[contact]).filter(ibis._.address.notnull())
        for channel, contact in CONTACTS.items()
    ]
    return ibis.union(*every, distinct=True)


def _standings(workspace: Workspace, todo: pa.Table, channel: Channel, *, at: datetime) -> ir.Table:
    """Return STANDING of some _ADDRESSES that are of a channel."""
    engine = workspace.stores.engine
    mine = todo.filter(pc.equal(todo["channel"], channel))
    said = engine.arrow(workspace.book.consent.entries_of(mine["address_hash"].combine_chunks(), columns=SAID))
    found = engine.arrow(mine)
    is_open = changing(said, at=at).filter(ibis._.channel == channel).select("address_hash", is_open=ibis.literal(True))
    found = found.left_join(is_open, "address_hash").drop("address_hash_right")
    found = found.mutate(is_open=found.is_open.fill_null(False))
    for purpose in PURPOSES:
        told = summed(said, channel=channel, purpose=purpose, at=at)
        facts = told.select("address_hash", **{f"{purpose}_{fact}": told[fact] for fact in FACTS})
        found = found.left_join(facts, "address_hash").drop("address_hash_right")
    return found.select(*STANDING.names).cast(STANDING)
