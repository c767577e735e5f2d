"""A campaign whose experiment is a bandit, end to end: sent, learnt from, and whoever comes later gets what worked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.order import order
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, LATER = 200, 60
FILES = {
    **business("""\
  doors:
    files: doors*.csv
    key: id
    fields: {id: id, member: id, at: timestamp, kind: text}
"""),
    "desk/people.csv": "id,name,phone\n" + "".join(
        f"{n},Ann{n} Lee{n * 7},(254) {861 + n // 100}-{5300 + n % 100}\n" for n in range(FIRST + LATER)
    ),
    "events/visit.yaml": "from: desk.doors\nwho: member\nwhen: at\nwhat: {kind: kind}\n",
    "segments/regular.yaml": "title: Regular\ndescription: Came.\nwhen: {count: visit, within: 60 days, at_least: 1}\n",
    "metrics/returners.yaml": "title: Returners\ndescription: Came back.\ndistinct: customers\nof: visit\nwhere: {kind: back}\n",
    "experiments/tune.yaml": "title: Tune\naudience: regular\nvariants: [plain, bright]\n"
                             "primary: {metric: returners, within: 3 days}\nruns: 2026-05-04 to 2026-07-01\n"
                             "allocation: bandit\nfloor: 10 %\n",
    "campaigns/greet.yaml": "audience: regular\nchannel: sms\npurpose: transactional\nby: gateway\nexperiment: tune\n"
                            "starts: 2026-05-04 11:00\nrepeat: {type: weekly}\n"
                            "variants: {plain: {text: Come}, bright: {text: Come and bring a friend}}\n",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


def _came(folder: Path, name: str, rows: list[tuple[int, datetime, str]]) -> None:
    lines = [f"{name}-{n},{member},{at:%Y-%m-%dT%H:%M:%SZ},{kind}" for n, (member, at, kind) in enumerate(rows)]
    (folder / "desk" / f"doors_{name}.csv").write_text("\n".join(["id,member,at,kind", *lines]) + "\n", encoding="utf-8")


def _open(folder: Path, at: datetime) -> Workspace:
    return open_workspace(folder, clock=FixedClock(at))


def _ran(folder: Path, at: datetime) -> dict[str, Any]:
    """Run at a moment, and return how the experiment assigns from then on."""
    workspace = _open(folder, at)
    assert run(workspace).outcome == "done"
    epochs = workspace.book.experiments.epochs("tune")
    workspace.close()
    found: dict[str, Any] = json.loads(epochs[-1].setup) if epochs else {}
    return found


def _sent(folder: Path, at: datetime) -> dict[int, str]:
    """Order what is due at a moment and send it; return the variant of everybody it went to."""
    workspace = _open(folder, at)
    one = order(workspace, "greet")
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    numbers = {
        row["customer_id"]: int(row["profile_id"])
        for row in workspace.rows(workspace.table("identity").select("customer_id", "profile_id"))
    }
    rows = workspace.book.message_list.page(Wanted(campaign="greet", occurrence=one.occurrence, state="sent"), limit=999)
    workspace.close()
    return {numbers[row.customer_id]: row.variant for row in rows}


def test_whoever_comes_later_gets_what_worked_and_nobodys_words_change(tmp_path: Path, provider: RunningGateway) -> None:
    folder = write_mailing(tmp_path, url=provider.url)
    write_files(folder, FILES)
    _came(folder, "first", [(n, NOON - 3 * DAY, "day") for n in range(FIRST)])
    _ran(folder, NOON - DAY / 24)

    told = _sent(folder, NOON)
    # Of those told brightly two in three come back, of the others one in five.
    back = [n for n, variant in told.items() if n % 15 < (10 if variant == "bright" else 3)]
    # A visit of the day before the run: what is known of an experiment has to be fresh.
    _came(folder, "back", [*((n, NOON + 1.5 * DAY, "back") for n in back), (0, NOON + 7.5 * DAY, "day")])
    learnt = _ran(folder, NOON + 8 * DAY)
    _came(folder, "later", [(n, NOON + 8.5 * DAY, "day") for n in range(FIRST, FIRST + LATER)])
    _ran(folder, NOON + 9 * DAY)
    again = _sent(folder, NOON + 14 * DAY)

    counts = Counter(told.values())
    assert (len(told), counts["plain"] + counts["bright"]) == (FIRST, FIRST)
    assert abs(counts["plain"] - counts["bright"]) < 60
    assert learnt["epoch"] == 2
    assert float(learnt["weights"]["bright"]) > 75
    assert {n: variant for n, variant in again.items() if n < FIRST} == told
    late = Counter(variant for n, variant in again.items() if n >= FIRST)
    assert late["plain"] + late["bright"] == LATER
    assert late["bright"] > 0.75 * LATER
    assert provider.summary()["repeated"] == 0
