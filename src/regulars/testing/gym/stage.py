"""The example gym on stage: its world, its vendors and its project in one folder, moved from day to day."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import regulars
from regulars.clock import FixedClock
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.gym.drops import SHEETS, drops
from regulars.testing.gym.setting import World
from regulars.testing.sandbox.process import Vendors, vendors

PROVIDERS = ("capitan", "stripe", "square")
ZONE = ZoneInfo("America/Chicago")


def examples() -> Path:
    """Return the folder of the example projects: in the wheel, or in the repository."""
    package = Path(regulars.__file__).parent
    shipped = package / "examples"
    return shipped if shipped.is_dir() else package.parents[1] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gym that can be run: where its project lies and where its vendors answer."""

    world: World
    project: Path
    files: Path                              # where the daily sheets arrive
    vendors: Vendors

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what the project's `${NAME}`s mean here; the keys are those the sandbox takes."""
        urls = {f"{name.upper()}_URL": self.vendors.url_of(name) for name in PROVIDERS}
        keys = {f"{name.upper()}_KEY": "sandbox" for name in PROVIDERS}
        return {**urls, **keys, "GYM_FILES": str(self.files)}

    def evening(self, day: date) -> datetime:
        """Return the moment a day is over at the gym."""
        return datetime.combine(day + timedelta(days=1), time(0), tzinfo=ZONE).astimezone(UTC)

    def move_to(self, day: date) -> None:
        """Let a day pass: vendors know it, and its sheets lie in the inbox."""
        self.vendors.move_to(self.evening(day))
        arrive(self.world, day, self.files)

    def open(self, day: date) -> Workspace:
        """Open the project as of the evening of a day."""
        clock = FixedClock(self.evening(day) + timedelta(minutes=5))
        return open_workspace(self.project, clock=clock, environment=self.environment)


@contextmanager
def staged(world: World, folder: Path, *, day: date) -> Iterator[Stage]:
    """Set up the gym's project in `folder/project` and run its vendors as of the evening of a day."""
    folder = folder.resolve()                # what a project names is found from the project's own folder
    project = folder / "project"
    if not project.exists():
        shutil.copytree(examples() / "gym", project)
    with vendors(world.sandbox, PROVIDERS, at=datetime(2024, 1, 1, tzinfo=UTC)) as running:
        stage = Stage(world=world, project=project, files=folder / "files", vendors=running)
        stage.move_to(day)
        yield stage


def arrive(world: World, day: date, inbox: Path) -> None:
    """Put into the inbox what the small sources export that evening."""
    for path in drops(world, day, inbox.parent / "exports"):
        stream = f"{path.parent.parent.name}/{path.parent.name}"
        if stream in SHEETS:
            target = inbox / stream / path.name if stream == "mailchimp/sends" else inbox / f"{stream}{SHEETS[stream]}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
