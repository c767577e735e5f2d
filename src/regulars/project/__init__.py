"""One business's declarations: a folder of small files, loaded, and checked all at once."""

from regulars.project.check import check_project
from regulars.project.project import Project

__all__ = ["Project", "check_project"]
