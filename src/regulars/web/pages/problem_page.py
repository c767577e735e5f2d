"""What a page says when there is nothing to show: what failed or is not there yet, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.web.api.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """Why there is nothing, and the next thing to type."""

    title: str
    sentence: str
    hint: str = ""
    code: str = ""                           # of `errors`; "": nothing failed
    request_id: str = ""
    is_retryable: bool = False


def problem_view(problem: Problem) -> ProblemView:
    """Return a problem as a page says it."""
    return ProblemView(
        title=problem.title, sentence=f"{problem.detail[:1].upper()}{problem.detail[1:]}.", hint=problem.hint,
        code=problem.type.rpartition(":")[2], request_id=problem.request_id, is_retryable=problem.is_retryable,
    )


def first_view() -> ProblemView:
    """Return what stands on every page before the first run."""
    return ProblemView(
        title="Nothing was run yet",
        sentence="Customers, segments and numbers stand here after the first run.", hint="regulars run",
    )
