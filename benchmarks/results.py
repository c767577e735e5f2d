"""How soon a campaign of 10,000 people, goals and an experiment is told of: `python benchmarks/results.py`, a table.

Each question is asked by a workspace that was opened for it, so that nothing is remembered: what a run kept is in the
book. `--profile` says where the time goes after a receipt.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import pyarrow as pa
import pyarrow.compute as pc

from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.results import results
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.messages import Attempt, Settled
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOON + 20 * DAY
BUDGET = 50
FILES = {
    **business("""\
  joined:
    files: joined.csv
    key: id
    fields: {id: id, member: id, at: timestamp}
"""),
    "events/joined.yaml": "from: desk.joined\nwho: member\nwhen: at\n",
    "metrics/joins.yaml": "title: Joins\ndescription: Joined.\ncount: joined\n",
    "experiments/words.yaml": "variants: {silence: 20, short: 40, long: 40}\nallocation: quota\n"
                              "primary: {metric: joins, within: 14 days}\nruns: 2026-05-01 to 2026-06-30\n",
    "campaigns/tested.yaml": """\
audience: everybody
channel: sms
purpose: transactional
by: gateway
experiment: words
variants: {silence: nothing, short: {text: "Come and join us"}, long: {text: "Come and join us, it is nice here"}}
goals: [{metric: joins, within: 14 days, worth: 45.00}]
costs: {each: 0.0079, fixed: 1.00}
""",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=12_500, help="of whom eight of ten get a message")
    parser.add_argument("--profile", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one = _sent(Path(folder), told.people)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds, the best of several")
        print(f"{'the first answer of a process':<44}{'wall':>10}{'CPU':>10}{'budget':>10}")
        _line("as a run kept it", Path(folder), one, before=lambda _, __: None)
        _line("after a receipt", Path(folder), one, before=_receipt)
        if told.profile:
            workspace = _opened(Path(folder))
            _receipt(workspace, one)
            with cProfile.Profile() as profile:
                results(workspace, one)
            workspace.close()
            pstats.Stats(profile, stream=sys.stdout).sort_stats("cumulative").print_stats(45)


def _sent(folder: Path, people: int) -> Occurrence:
    """A campaign that everybody got who was to, and who was heard of since; then a run."""
    write_mailing(folder, url="http://127.0.0.1:1")
    rows = [f"{n},Ann{n} Lee{n * 7},+1254{2_000_000 + n}" for n in range(people)]
    joins = [f"j{n},{n},{NOON + 2 * DAY:%Y-%m-%dT%H:%M:%SZ}" for n in range(0, people, 9)]
    write_files(folder, {
        **FILES, "desk/people.csv": "\n".join(["id,name,phone", *rows]) + "\n",
        "desk/joined.csv": "\n".join(["id,member,at", *joins]) + "\n",
    })
    workspace = open_workspace(folder, clock=FixedClock(NOON))
    assert run(workspace).outcome == "done"
    one, book = write_plan(workspace, plan_campaign(workspace, "tested", enrols=True)), workspace.book
    while claimed := book.messages.claim(one.campaign_id, "w", now=NOON, lasts=DAY, limit=5_000):
        book.messages.begin(one.campaign_id, "w", [
            Attempt(customer_id=each.customer_id, n=1, provider="http", sender="+12545550100", text="Come and join us",
                    attempted_at=NOON) for each in claimed
        ], at=NOON)
        book.messages.settle(one.campaign_id, [
            Settled(customer_id=each.customer_id, n=1, state="sent", outcome="accepted",
                    provider_id=f"p-{each.customer_id}") for each in claimed
        ], worker="w", at=NOON)
    names: pa.Table = book.ways.of(one.campaign_id)
    sent = names.filter(pc.is_valid(names["sent_at"]))["customer"].to_pylist()
    book.receipts.keep([
        Receipt(provider="http", provider_id=f"p-{who}", stage=stage, at=NOON)
        for stage, every in (("delivered", 1), ("clicked", 7)) for who in sent[::every]
    ], at=NOON + DAY)
    workspace.close()
    workspace = _opened(folder)
    assert run(workspace).outcome == "done"
    workspace.close()
    return one


def _opened(folder: Path) -> Workspace:
    workspace = open_workspace(folder, clock=FixedClock(LATER))
    workspace.book.campaigns.occurrences()
    return workspace


def _receipt(workspace: Workspace, one: Occurrence) -> None:
    ways = workspace.book.ways.of(one.campaign_id)
    who = ways.filter(pc.and_(pc.is_valid(ways["sent_at"]), pc.is_null(ways["clicked_at"])))["customer"][0].as_py()
    news = [Receipt(provider="http", provider_id=f"p-{who}", stage="clicked", at=LATER)]
    assert workspace.book.receipts.keep(news, at=LATER)


def _line(
    name: str, folder: Path, one: Occurrence, *, before: Callable[[Workspace, Occurrence], None], repeats: int = 8
) -> None:
    found = []
    for _ in range(repeats):
        workspace = _opened(folder)
        before(workspace, one)
        wall, cpu = perf_counter(), process_time()
        results(workspace, workspace.book.campaigns.occurrences("tested")[0])
        found.append(((perf_counter() - wall) * 1_000, (process_time() - cpu) * 1_000))
        workspace.close()
    wall, cpu = (min(each[n] for each in found) for n in (0, 1))
    print(f"{name:<44}{wall:>10.1f}{cpu:>10.1f}{BUDGET:>10.0f}{'' if wall <= BUDGET else '  over'}", flush=True)


if __name__ == "__main__":
    main()
