"""Proofs: what was done to each store for somebody who asked, step by step, as JSON beside the asking."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa


def add(
    connection: sa.Connection, proof: sa.Column[Any], mine: Sequence[sa.ColumnElement[bool]], step: str,
    facts: Mapping[str, Any],
) -> None:
    """Write down what a step did, in a transaction; done again, numbers are added to those of the first time.

    Args:
        connection: Of the transaction.
        proof: The column, of one row.
        mine: What tells the row from all others.
        step: By its name.
        facts: What it did.

    """
    text = connection.execute(sa.select(proof).where(*mine).with_for_update()).scalar_one()
    known = dict(json.loads(text))
    known[step] = _added(known.get(step, {}), facts)
    connection.execute(sa.update(proof.table).where(*mine).values({proof: json.dumps(known, sort_keys=True)}))


def _added(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, counts added: what a killed process did and what was done after it are one deed."""
    whole = dict(before)
    for name, value in now.items():
        known = whole.get(name)
        is_count = isinstance(value, int) and isinstance(known, int)
        whole[name] = known + value if is_count else value
    return whole
