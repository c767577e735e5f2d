"""A day of a flow at scale: `python benchmarks/flows.py [--people 100000]`.

So many customers come into a flow on one day; the first message is due at once, the second after three days. Tables of
the lake are invented and written straight away: what is measured is the step `flow` of a run, and nothing before it.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.clock import FixedClock
from regulars.pipeline.journeys import carry_flows
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.mailing import write_mailing

JOINED = datetime(2026, 2, 2, 15, 0, tzinfo=UTC)
FLOW = """\
trigger: {event: joined}
starts: 2026-01-01
goal: {event: left}
channel: sms
purpose: transactional
by: gateway
steps:
  - {message: welcome, text: "Hi {{ first_name | default: 'there' }}"}
  - wait: {until: day 3}
  - branch: {event: came}
    yes: [{message: well_done, text: "Well done"}]
    no: [{message: come, text: "Come and see us"}]
  - wait: {until: day 30}
  - {message: month, text: "A month"}
"""
EVENT = "from: desk.rows\nwho: id\nwhen: at\nonly_if: kind == '{}'\n"
EVENTS = {name: EVENT.format(name) for name in ("joined", "left", "came")}
SOURCE = """\
kind: files
folder: inbox
streams:
  rows:
    files: rows.csv
    key: id
    fields: {id: id, at: timestamp, kind: text, name: text}
    profile: {id: id, name: name}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = write_mailing(Path(name), url="http://127.0.0.1:9")
        for path, text in {
            "flows/welcome.yaml": FLOW, "sources/desk.yaml": SOURCE,
            **{f"events/{event}.yaml": text for event, text in EVENTS.items()},
        }.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        workspace = open_workspace(folder, clock=FixedClock(JOINED))
        publish(workspace, told.people)
        workspace.close()
        for what, days in (("they come", 0), ("again the same day", 0), ("nothing is due", 1), ("the branch", 3)):
            day(folder, JOINED + timedelta(days=days, minutes=1), what, told.people)


def day(folder: Path, at: datetime, what: str, people: int) -> None:
    """Let the flow go on at a moment, and say what it cost."""
    workspace = open_workspace(folder, clock=FixedClock(at))
    began, used = perf_counter(), process_time()
    steps = carry_flows(workspace)
    try:
        while True:
            next(steps)
    except StopIteration as ended:
        note = ended.value.note
    took, cpu = perf_counter() - began, process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {took:.1f} s, {cpu:.1f} s of processor ({cpu / people * 1e6:.0f} us a person), "
        f"peak {peak:,.0f} MB; {note}; load {os.getloadavg()[0]:.1f}", flush=True,
    )
    workspace.close()


def publish(workspace: Workspace, people: int) -> None:
    """Write the tables that a flow reads, of so many people."""
    numbers = pa.array(np.arange(people)).cast(pa.string())
    digits = pc.utf8_lpad(numbers, 7, "0")
    ids, keys = pc.binary_join_element_wise("c_", digits, ""), pc.binary_join_element_wise("k", digits, "")
    nothing = pa.nulls(people, pa.string())
    moment = pa.scalar(JOINED.replace(tzinfo=None), pa.timestamp("us"))
    names = pc.binary_join_element_wise("Ann", pc.utf8_slice_codeunits(digits, 3, 7), "")
    tables = {
        "customers": pa.table({"customer_id": ids, "first_name": names, "region": nothing}),
        "contacts": pa.table({
            "customer_id": ids, "household_id": nothing, "email": nothing, "email_reason": nothing,
            "phone": pc.binary_join_element_wise("+1254", digits, ""), "phone_reason": pa.repeat("own", people),
        }),
        "identity": pa.table({
            "profile_source": pa.repeat("desk", people), "profile_id": keys, "customer_id": ids,
            "evidence": nothing,
        }),
        "events": pa.table({
            "event_id": keys, "event_type": pa.repeat("joined", people), "profile_source": pa.repeat("desk", people),
            "profile_id": keys, "occurred_at": pa.repeat(moment, people),
            "business_day": pa.repeat(pa.scalar(JOINED.date()), people), "month": pa.repeat("2026-02", people),
        }),
        "memberships": pa.table({"segment": nothing, "customer_id": ids}),
    }
    for name, table in tables.items():
        workspace.lake.replace(name, workspace.stores.engine.arrow(table), allow_shrink=True)


if __name__ == "__main__":
    main()
