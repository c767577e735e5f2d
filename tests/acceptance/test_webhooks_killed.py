"""The server killed while providers post: what was acknowledged is landed once and handed on, nothing twice.

`REGULARS_DOOR_KILLS=100 pytest tests/acceptance/test_webhooks_killed.py` kills it a hundred times.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "web" / "webhooks"))

from posting import Serving, serving, until

from regulars.pipeline.arrivals import land_arrivals
from regulars.pipeline.workspace import open_workspace

KILLS = int(os.environ.get("REGULARS_DOOR_KILLS", "2"))


class Provider(threading.Thread):
    """Posts that somebody wrote STOP, again and again until it is acknowledged, and sometimes once more after that."""

    def __init__(self, number: int, served: Serving, done: threading.Event) -> None:
        super().__init__()
        self.number, self.served, self.done = number, served, done
        self.acknowledged: list[str] = []    # ids

    def run(self) -> None:
        chance, count = random.Random(self.number), 0
        while not self.done.is_set():
            count += 1
            id_ = f"EV{self.number}-{count}"
            phone = f"+1254867{self.number}{count:03d}"
            while self.served.text(phone, "STOP", id_=id_) != 200:
                time.sleep(0.05)
            self.acknowledged.append(id_)
            if chance.random() < 0.2:
                self.served.text(phone, "STOP", id_=id_)
            time.sleep(0.02)


@pytest.mark.slow
def test_what_was_acknowledged_is_landed_once_and_has_its_effect_once_however_often_the_server_is_killed(tmp_path: Path) -> None:
    done, chance = threading.Event(), random.Random(5)
    with serving(tmp_path / "project", land_every=0.5) as served:
        providers = [Provider(number, served, done) for number in range(1, 4)]
        for provider in providers:
            provider.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.3, 1.5))
            served.kill()
            served.start()
        time.sleep(0.5)
        done.set()
        for provider in providers:
            provider.join()
        served.kill()
        served.start()
        workspace = open_workspace(served.folder, environment={})
        until(lambda: not any(state == "waiting" for _, state in workspace.book.webhooks.counts()), seconds=60)

    for _ in land_arrivals(workspace, workspace.source("texts")):
        pass
    landed = workspace.landing.rows("texts", "events")
    ids = [row["id"] for row in workspace.rows(landed.select(id=landed.payload.re_extract(r'"door":\{"id":"([^"]+)"', 1)))]
    revoked = Counter(row["evidence"] for row in workspace.book.consent.evidence() if row["action"] == "revoke")
    states = workspace.book.webhooks.counts()
    workspace.close()
    sent = {id_ for provider in providers for id_ in provider.acknowledged}
    assert sent, "something was sent"
    assert len(ids) == len(set(ids)), "nothing is landed twice"
    assert set(ids) == sent, "nothing is lost"
    assert revoked == Counter(f"AC{id_}" for id_ in sent), "each has its effect, once"
    assert states == {("texts", "done"): len(sent)}


@pytest.mark.slow
def test_a_full_disk_is_answered_503_and_all_goes_on_by_itself_once_there_is_room(tmp_path: Path) -> None:
    with serving(tmp_path / "project") as served:
        _limit(served, 100_000)              # no file can grow beyond it
        full = [served.text("+12548671001", "STOP " + "x" * 30_000, id_=f"EV{n}") for n in range(5)]
        _limit(served, resource.RLIM_INFINITY)
        again = served.text("+12548671001", "STOP", id_="EV4")
        workspace = open_workspace(served.folder, environment={})
        until(lambda: workspace.book.webhooks.counts() == {("texts", "done"): full.count(200) + 1}, seconds=60)
        workspace.close()

    assert full == sorted(full)
    assert set(full) == {200, 503}
    assert again == 200


def _limit(served: Serving, room: int) -> None:
    assert served.process is not None
    hard = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (room, hard))
