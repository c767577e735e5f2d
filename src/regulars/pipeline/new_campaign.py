"""A campaign that a program declares: checked with everything else, and written as the files people would write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from regulars.errors import DeclarationError, GuardError
from regulars.pipeline.workspace import Workspace
from regulars.project import Project
from regulars.project.declared import is_name


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A campaign and the experiment that chooses among its variants, each as its file would say it."""

    name: str
    declaration: dict[str, Any]
    experiment: dict[str, Any] | None = None         # it is called like the campaign


def write_campaign(workspace: Workspace, new: NewCampaign) -> NewCampaign:
    """Write the files of a campaign and return it; nothing is left of one with a mistake.

    Raises GuardError when one of this name is there, DeclarationError with everything that is wrong.
    """
    if not is_name(new.name):
        raise DeclarationError(f"{new.name!r} is no name", hint="letters, digits and underscores: winback_2026_03")
    folder = workspace.project.config.folder
    files: dict[Path, Mapping[str, Any]] = {folder / "campaigns" / f"{new.name}.yaml": new.declaration}
    if new.experiment is not None:
        files[folder / "experiments" / f"{new.name}.yaml"] = new.experiment
    for path in files:
        if any(path.with_suffix(suffix).exists() for suffix in (".yaml", ".py")):
            raise GuardError(f"{path.relative_to(folder)} is there already", hint="choose another name")
    before = {(one.where, one.message) for one in Project.read(folder).problems}
    written: list[Path] = []
    try:
        for path, said in files.items():
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:       # two programs at once: one of them is refused
                written.append(path)
                yaml.safe_dump(dict(said), file, sort_keys=False, allow_unicode=True)
        _check(folder, before)
    except BaseException:
        for path in written:
            path.unlink()
        raise
    return new


def _check(folder: Path, before: set[tuple[str, str]]) -> None:
    """Raise DeclarationError for what is wrong now and was not before."""
    wrong = [one for one in Project.read(folder).problems if (one.where, one.message) not in before]
    if wrong:
        raise DeclarationError("\n".join(f"{one.where}: {one.message}" for one in wrong), hint=wrong[0].hint)
