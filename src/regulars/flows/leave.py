"""Leave: whose journey ends before its last step, and why; the first reason of several."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.flows.advance import Answers
from regulars.flows.flow import Flow
from regulars.flows.journey import JOURNEYS, MOMENT, Ending

Told = tuple[Ending, str, NDArray[np.bool_]]


def leaving(
    flow: Flow, journeys: pa.Table, answers: Answers, *, gone: NDArray[np.bool_], opted_out: NDArray[np.bool_]
) -> list[Told]:
    """Return the reasons for which journeys end now, each with whose, in the order in which they count.

    Args:
        flow: As it is declared.
        journeys: Those on the way, as JOURNEYS.
        answers: What is known of their customers.
        gone: Whose occasion was called off, in order of journeys.
        opted_out: Who wants no message of this flow any more.

    """
    customers = journeys["customer_id"].combine_chunks()
    entered = journeys["entered_at"].to_numpy().astype("datetime64[us]")
    said: list[Told] = []
    if flow.goal is not None:
        reached = answers.holds(flow.goal, customers, since=entered)
        said.append(("goal", f"reached the goal: {flow.goal.sentence()}", reached))
    said.append(("gone", "the occasion was called off", gone))
    said += [("left", one.sentence(), answers.holds(one, customers, since=entered)) for one in flow.leaves]
    if flow.is_left_by_opt_out:
        said.append(("opted out", "wants no message of it any more", opted_out))
    return said


def ended(journeys: pa.Table, told: list[Told], *, at: datetime) -> pa.Table:
    """Return the journeys that end, as JOURNEYS."""
    ending, reason = pa.nulls(journeys.num_rows, pa.string()), pa.nulls(journeys.num_rows, pa.string())
    for what, why, whose in told:
        first = pc.and_(pa.array(whose), pc.is_null(ending))
        ending, reason = pc.if_else(first, what, ending), pc.if_else(first, why, reason)
    is_over = pc.is_valid(ending)
    rows = journeys.set_column(JOURNEYS.get_field_index("ending"), "ending", ending)
    rows = rows.set_column(JOURNEYS.get_field_index("reason"), "reason", reason).filter(is_over)
    moment = pa.scalar(at.astimezone(UTC).replace(tzinfo=None), MOMENT)
    rows = rows.set_column(JOURNEYS.get_field_index("ended_at"), "ended_at", pa.repeat(moment, rows.num_rows))
    nothing = pa.nulls(rows.num_rows, MOMENT)
    return rows.set_column(JOURNEYS.get_field_index("due_at"), "due_at", nothing).cast(JOURNEYS)
