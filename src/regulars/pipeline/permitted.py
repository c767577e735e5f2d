"""Everybody at once: who may be written to on a channel for a purpose, who not and why, and from when on."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.consent.channel import CONTACTS, Channel, Purpose
from regulars.consent.everybody import SAID, decided, permissions
from regulars.consent.permission import CLOSED, NEVER_OPEN
from regulars.consent.place import Place, place_of
from regulars.consent.quiet_hours import next_allowed_of, quiet_windows
from regulars.consent.suppression import address_hashes
from regulars.pipeline.consent import salt
from regulars.pipeline.standings import copied
from regulars.pipeline.workspace import Workspace

PERMITTED = pa.schema([
    *(pa.field(name, pa.string()) for name in ("customer_id", "address", "address_hash", "address_reason")),
    pa.field("allowed", pa.bool_()), pa.field("reason", pa.string()), pa.field("until", pa.timestamp("s")),
])
"""One row a customer: where a message would go, whether it may now, why, and from when on (UTC) if that is known."""

_ASKED = ("customer_id", "address", "address_reason", "region")
_TOLD = pa.schema([
    *(pa.field(name, pa.string()) for name in (*_ASKED, "address_hash")), pa.field("allowed", pa.bool_()),
    pa.field("reason", pa.string()),
])
_AREA = len("+1254")


def permitted_people(
    workspace: Workspace, *, channel: Channel, purpose: Purpose, at: datetime, only: ir.Table | None = None
) -> pa.Table:
    """Return PERMITTED of all customers, sorted by id: what `may_contact` says of each of them at a moment.

    `only` has the customer_id of those that are asked about, where that is not everybody.
    Raises NotFound before the first run.
    """
    people = reached(workspace, channel, only=only)
    return in_order(permitted_of(workspace, people, channel=channel, purpose=purpose, at=at), "customer_id")


def permitted_of(
    workspace: Workspace, people: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime
) -> pa.Table:
    """Return PERMITTED of some people, in any order; they have customer_id, address, address_reason and region."""
    stops = workspace.stores.engine.arrow(workspace.book.consent.suppressions())
    known, others = _known(workspace, people, stops, channel=channel, purpose=purpose, at=at)
    told = pa.concat_tables([known, _asked(workspace, others, stops, channel=channel, purpose=purpose, at=at)])
    told = told.append_column("until", pa.nulls(told.num_rows, pa.timestamp("s")))
    if channel == "sms" and purpose == "marketing":
        told = _in_hours(workspace, told, at)
    return told.select(PERMITTED.names).cast(PERMITTED)


def in_order(rows: pa.Table, column: str) -> pa.Table:
    """Return rows sorted by a column of text without gaps, untouched where they are: tables lie by id already."""
    values = rows[column].combine_chunks()
    is_sorted = pc.all(pc.less_equal(values.slice(0, max(len(values) - 1, 0)), values.slice(1))).as_py()
    return rows if is_sorted in (True, None) else rows.sort_by(column)


def _known(
    workspace: Workspace, people: ir.Table, stops: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime
) -> tuple[pa.Table, pa.Table]:
    """Return _TOLD of those about whom the copied standings hold, and the others: columns of people."""
    copy = copied(workspace, channel=channel, purpose=purpose, at=at)
    if copy is None:
        return _TOLD.empty_table(), workspace.fetch(people)
    found = people.left_join(copy.rows, "address").drop("address_right")
    told = workspace.fetch(
        decided(found, stops, channel=channel, purpose=purpose, at=at).select(*_TOLD.names, "is_open")
    )
    hashes, is_open = (told[name].combine_chunks() for name in ("address_hash", "is_open"))
    is_new = pc.and_(pc.is_valid(told["address"].combine_chunks()), pc.is_null(hashes))
    is_asked = pc.or_(pc.or_(is_new, pc.fill_null(is_open, False)), pc.is_in(hashes, value_set=copy.since))
    return told.select(_TOLD.names).filter(pc.invert(is_asked)).cast(_TOLD), told.filter(is_asked)


def _asked(
    workspace: Workspace, people: pa.Table, stops: ir.Table, *, channel: Channel, purpose: Purpose, at: datetime
) -> pa.Table:
    """Return _TOLD of some people by what the book says of them now."""
    if not people.num_rows:
        return _TOLD.empty_table()
    hashes = address_hashes(people["address"], channel=channel, salt=salt(workspace))
    people = people.select(_ASKED).append_column("address_hash", hashes)
    said = workspace.book.consent.entries_of(pc.unique(hashes).drop_null(), columns=SAID)
    engine = workspace.stores.engine
    return workspace.fetch(permissions(
        engine.arrow(people), engine.arrow(said), stops, channel=channel, purpose=purpose, at=at,
    )).select(_TOLD.names).cast(_TOLD)


def placed(workspace: Workspace, people: pa.Table) -> tuple[npt.NDArray[np.int64], list[Place]]:
    """Return which of some places each person may be in, and the places; `people`: address and region of each."""
    address, region = people["address"].combine_chunks(), people["region"].combine_chunks()
    # Of a number in North America only the area code speaks for a place: so a million people are some hundred places.
    area = pc.if_else(pc.starts_with(address, "+1"), pc.utf8_slice_codeunits(address, 0, _AREA), address)
    area = pc.if_else(pc.starts_with(address, "+"), area, None)      # an e-mail address says nothing of a place
    keys = pc.binary_join_element_wise(area.fill_null(""), region.fill_null(""), " ").dictionary_encode()
    places = [_place(workspace, *key.split(" ")) for key in keys.dictionary.to_pylist()]
    return keys.indices.to_numpy().astype(np.int64), places


def reached(workspace: Workspace, channel: Channel, *, only: ir.Table | None = None) -> ir.Table:
    """Return how a channel reaches every customer, or `only` some: customer_id, address, address_reason, region."""
    contacts, customers, contact = workspace.table("contacts"), workspace.table("customers"), CONTACTS[channel]
    if only is not None:
        contacts = contacts.semi_join(only, "customer_id")
    region = customers.region if "region" in customers.columns else ibis.null("string")
    places = customers.select("customer_id", region=region)
    found = contacts.left_join(places, "customer_id")
    return found.select(
        "customer_id", address=found[contact], address_reason=found[f"{contact}_reason"], region=found.region
    )


def _in_hours(workspace: Workspace, told: pa.Table, at: datetime) -> pa.Table:
    """Put off who may be written to, but not now."""
    which, places = placed(workspace, told)
    moments = np.full(told.num_rows, np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s"))
    opens = next_allowed_of(moments, which, [quiet_windows(place) for place in places])
    allowed = told["allowed"].combine_chunks()
    is_later = pc.and_(allowed, pa.array(opens != moments))
    is_never = pc.and_(is_later, pa.array(np.isnat(opens)))
    reason = pc.if_else(is_later, pc.if_else(is_never, NEVER_OPEN, CLOSED), told["reason"].combine_chunks())
    until = pc.if_else(is_later, pa.array(opens, pa.timestamp("s")), pa.scalar(None, pa.timestamp("s")))
    kept = told.drop_columns(["allowed", "reason", "until"])
    kept = kept.append_column("allowed", pc.and_(allowed, pc.invert(is_later)))
    return kept.append_column("reason", reason).append_column("until", until)


def _place(workspace: Workspace, area: str, region: str) -> Place:
    business = workspace.project.config.business
    # Seven more digits make an area code a number of that area.
    phone = area.ljust(len("+12548675301"), "0") if area.startswith("+1") else area or None
    return place_of(
        phone=phone, state=region or None, business_zone=business.timezone, country=business.country
    )
