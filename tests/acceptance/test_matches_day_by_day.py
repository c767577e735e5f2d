"""The table of matches through the whole pipeline: published with the first run, and only what changed is weighed after."""

from __future__ import annotations

from pathlib import Path

from regulars.clock import FixedClock
from regulars.identity.matching import MATCHES
from regulars.identity.model import Model
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import open_workspace
from regulars.testing.studio import DAYS, deliver, evening, write_studio


def test_matches_are_published_and_the_model_stays_from_day_to_day(tmp_path: Path) -> None:
    write_studio(tmp_path / "studio")
    models = []
    for day in DAYS:
        deliver(tmp_path / "studio", day)
        workspace = open_workspace(tmp_path / "studio", clock=FixedClock(evening(day)))

        result = run(workspace)

        assert {step.outcome for step in result.steps} == {"done"}
        assert workspace.fetch(workspace.table("matches")).schema.names == MATCHES.names
        assert workspace.lake.rows("compared_profiles") == workspace.lake.rows("profiles")
        models.append(Model.from_json(workspace.lake.meta("matches")["model"]))
        workspace.close()

    assert models[0] is not None
    assert models[0] == models[1]
