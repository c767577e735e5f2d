"""Whatever is posted, the door answers, keeps its law, and writes lines that can be read.

`REGULARS_DOOR_FUZZ=100000 pytest tests/web/door/test_fuzzed_bodies.py` posts a hundred thousand bodies.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from odd_bodies import odd_body

from regulars.web.ingest.routes import ROUTES

BODIES = int(os.environ.get("REGULARS_DOOR_FUZZ", "1500"))
TOGETHER = 250


def test_no_body_is_too_odd_for_the_door(opened: Any) -> None:
    chance, received, statuses = random.Random(7), 0, set[int]()

    for _ in range(0, BODIES, TOGETHER):
        answers = opened.ask_all([
            {"method": "POST", "url": chance.choice([*ROUTES, "/v1/batch/"]), "content": odd_body(chance),
             "headers": {"Authorization": "Basic V0s6"}}
            for _ in range(TOGETHER)
        ])
        for answer in answers:
            statuses.add(answer.status_code)
            told = answer.json()
            taken = sum(told.get(outcome, 0) for outcome in ("stored", "duplicate", "quarantined", "blocked"))
            received += taken if answer.status_code == 200 else 1

    assert statuses == {200, 400}
    counts = opened.counts()
    assert counts["received"] == received
    # Reading them as JSON is what says that each line is whole, and one.
    assert len(opened.lines()) == counts["stored"] > 0
    assert len(opened.lines("quarantined")) == counts["quarantined"] > 0
    assert all(next(iter(line)) == "door" and line["door"]["type"] for line in opened.lines())
