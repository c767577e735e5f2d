"""Transfers in the shape of a stream's records, so that events can be declared `from: transfers`."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def of_transfers(transfers: ir.Table) -> ir.Table:
    """Return TRANSFER with what events need of every record; the key is the check-in's, and stays the same for ever."""
    return transfers.mutate(
        record_key=transfers.checkin_id, record_n=ibis.literal(0, "int64"), seq=ibis.null("int64")
    )
