"""Journeys as tables: one customer on the way through one flow for one occasion, and the steps that were taken."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

MOMENT = pa.timestamp("us")

Outcome = Literal["planned", "late", "held out", "yes", "no", "came", "did not come", "marked", "left"]
"""What became of a step: of a message planned (its own account says what then), late or held out."""

Ending = Literal["finished", "goal", "left", "opted out", "gone", "merged", "changed", "forgotten"]
"""Why a journey ended; gone: its occasion was called off."""

JOURNEYS = pa.schema([
    pa.field("customer_id", pa.string()),
    pa.field("occasion", pa.string()),       # told apart from the customer's others
    pa.field("occurrence", pa.string()),     # of each campaign that its messages are of
    pa.field("anchor_day", pa.date32()),     # business day of the occasion
    pa.field("entered_at", MOMENT),          # UTC
    pa.field("version", pa.string()),        # of the flow, when it began
    pa.field("is_held_out", pa.bool_()),     # goes the way without messages
    pa.field("step", pa.string()),           # where it rests: the next one to be taken; empty: the end
    pa.field("since", MOMENT),               # when the step before was due
    pa.field("due_at", MOMENT),              # when the step may be taken
    pa.field("ended_at", MOMENT),            # null: on the way
    pa.field("ending", pa.string()),
    pa.field("reason", pa.string()),         # of the ending, for the reader
])
"""One row a journey of one flow, sorted by customer and occasion."""

TAKEN = pa.schema([
    *(pa.field(name, pa.string()) for name in ("customer_id", "occasion", "step", "kind", "outcome")),
    pa.field("due_at", MOMENT), pa.field("at", MOMENT),
])
"""One row a step that was taken, each once a journey: when it was due, when it was taken."""

SENDS = pa.schema([
    *(pa.field(name, pa.string()) for name in ("customer_id", "occasion", "occurrence", "step")),
    pa.field("target", MOMENT),              # when it was meant to go
    pa.field("due_at", MOMENT),              # when it goes: the same, or later after a run that was missed
    pa.field("expires_at", MOMENT),          # after which it is not sent any more; null: never
])
"""One row a message of a journey."""
