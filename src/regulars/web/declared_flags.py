"""The flags of a project as its files say them now: read again when one has changed, kept when a change is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from regulars.check import Finding
from regulars.errors import DeclarationError
from regulars.flags import Exposure, Flags
from regulars.flags.decided import decided
from regulars.flags.declare import definitions_of
from regulars.project import Project

log = structlog.get_logger()

LOOK_EVERY = 1.0                             # seconds between two looks at the files


class DeclaredFlags:
    """The flags of a project's folder; `project` is what was read of it last.

    Args:
        folder: The project's.
        clock: Seconds that only go forward.
        on_exposure: See `Flags`.
        served: Gives the experiments that are decided, with the variant that everybody gets; asked when files are.

    Raises DeclarationError when flags have a problem at the start; other declarations may.

    """

    def __init__(
        self, folder: Path, *, clock: Callable[[], float], on_exposure: Callable[[Exposure], None] | None = None,
        served: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._folder, self._clock, self._on_exposure, self._ask_served = folder, clock, on_exposure, served
        self._files, self._served, self._looked = self._state(), served(), clock()
        self._flags = self._read()

    def now(self) -> Flags:
        """Return the flags as declared by now; as they were while their files have a problem."""
        if self._clock() - self._looked >= LOOK_EVERY:
            self._looked = self._clock()
            files, served = self._state(), self._ask_served()
            if (files, served) != (self._files, self._served):
                self._files, self._served = files, served
                self._take_in()
        return self._flags

    def _take_in(self) -> None:
        try:
            self._flags = self._read()
        except DeclarationError as error:
            log.warning("flags not changed", problem=str(error))
        else:
            log.info("flags changed", flags=len(self._flags.keys))

    def _read(self) -> Flags:
        self.project = project = _declared(self._folder)
        problems = [problem for problem in project.problems if _is_of_flags(problem)]
        if problems:
            lines = [f"{p.where}: {p.message}" + (f" ({p.hint})" if p.hint else "") for p in problems]
            raise DeclarationError("\n".join(lines))
        return Flags(decided(definitions_of(project.flags), self._served), on_exposure=self._on_exposure)

    def _state(self) -> frozenset[tuple[str, int, int]]:
        files = [*(self._folder / "flags").glob("*"), self._folder / "attributes.yaml"]
        stats = [(file.name, file.stat()) for file in files if file.is_file()]
        return frozenset((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _declared(folder: Path) -> Project:
    """Return a project with what is right in it; what was looked at before is not looked at again."""
    try:
        return Project.load(folder)
    except DeclarationError:
        return Project.read(folder)


def _is_of_flags(problem: Finding) -> bool:
    return problem.where.startswith(("flags/", "attributes.yaml"))
