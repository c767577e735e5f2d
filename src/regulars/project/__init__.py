"""One business's declarations: a folder of small files, loaded, and checked all at once."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.project.check import check_project
    from regulars.project.project import Project

__all__ = ["Project", "check_project"]


def __getattr__(name: str) -> object:
    # Found when they are asked for: the door alone reads tracking plans, and no more of a project.
    if name == "Project":
        from regulars.project.project import Project  # noqa: PLC0415  see above

        return Project
    if name == "check_project":
        from regulars.project.check import check_project  # noqa: PLC0415  see above

        return check_project
    raise AttributeError(name)
