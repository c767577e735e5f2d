"""What is said to whoever is refused: a page to people, a problem to programs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from regulars.errors import RegularsError
from regulars.web.api.problem import problem_of, response_of
from regulars.web.frame import frame_of, framed

TWINS = (".json", ".csv")
"""How the paths end at which programs read what people see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalView:
    """Why a page is not shown, and what to do."""

    title: str
    reason: str
    hint: str


def refused(request: Request, error: RegularsError) -> Response:
    """Return a refusal in the form that whoever asked can read."""
    problem = problem_of(error, request_id=uuid4().hex)
    if request.url.path.endswith(TWINS):
        return private(response_of(problem))
    view = RefusalView(title=problem.title, reason=problem.detail, hint=problem.hint)
    text = framed("sign_in/refused.html", frame_of(request), page=view)
    return private(HTMLResponse(text, status_code=problem.status))


def private(response: Response) -> Response:
    """Return an answer that nothing on the way keeps, and no browser unless the page says so: it is one person's."""
    kept = response.headers.get("Cache-Control", "no-store")
    response.headers["Cache-Control"] = kept if "no-store" in kept or "private" in kept else f"private, {kept}"
    response.headers.add_vary_header("Cookie")
    return response
