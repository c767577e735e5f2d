"""A source that does not answer on the very first day keeps only its own records waiting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from regulars.pipeline.flow import run
from regulars.testing.gym import generate
from regulars.testing.gym.stage import staged


def test_the_first_load_without_one_source_has_everything_of_the_others(tmp_path: Path) -> None:
    world = generate(tmp_path / "world", seed=1, scale=0.02)
    with staged(world, tmp_path, day=world.last_day - timedelta(days=1)) as stage:
        hidden = stage.files.rename(stage.files.with_name("not yet there"))
        workspace = stage.open(world.last_day - timedelta(days=1))

        result = run(workspace)

        outcomes = {step.name: step.outcome for step in result.steps}
        assert result.exit_code == 1
        assert outcomes["pull:mail"] == "failed"
        assert outcomes["read:mail"] == "skipped"
        assert [outcomes[name] for name in ("resolve", "derive", "segment", "measure", "check")] == ["done"] * 5
        before = workspace.lake.rows("customers")
        assert before > 0
        workspace.close()

        hidden.rename(stage.files)
        workspace = stage.open(world.last_day - timedelta(days=1))
        assert run(workspace).exit_code == 0
        assert workspace.lake.rows("customers") >= before
        workspace.close()


def test_a_stage_in_a_relative_folder_finds_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = generate(Path("gym/world"), seed=1, scale=0.02)

    with staged(world, Path("gym"), day=world.last_day) as stage:
        workspace = stage.open(world.last_day)
        assert run(workspace).exit_code == 0
        workspace.close()
