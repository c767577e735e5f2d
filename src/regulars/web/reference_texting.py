"""The reference's paths beside its A/B campaigns: forms for people, contacts, conversations, todos, reconciliation."""

from __future__ import annotations

from starlette.routing import Route

from regulars.compat.texting import audience, campaigns, conversations, flags, reconciliation, tasks, todos
from regulars.storage.book.api_keys import Scope
from regulars.web.api.workers import Workers
from regulars.web.reference_route import Answers, reference_route

Line = tuple[str, str, Answers]

_ONE, _CONTACT, _TODO = "/campaigns/{campaign_id}", "/contacts/{contact_id}", "/api/todos/{todo_id}"

FORMS: tuple[Line, ...] = (
    ("GET", "/campaigns", campaigns.listed), ("GET", "/campaigns/lists", tasks.lists),
    ("GET", "/campaigns/lists/{list_id}", tasks.one_list), ("POST", "/campaigns/lists", tasks.new_list),
    ("POST", "/campaigns/lists/new", tasks.new_list), ("POST", "/campaigns/lists/{list_id}/refresh", tasks.one_list),
    ("GET", "/campaigns/import-progress/{task_id}", tasks.task_status),
    ("GET", "/campaigns/import-status/{task_id}", tasks.task_status), ("GET", _ONE, campaigns.one_campaign),
    ("GET", f"{_ONE}/edit", campaigns.one_campaign), ("GET", f"{_ONE}/members", campaigns.members),
    ("GET", f"{_ONE}/recipients", campaigns.members), ("POST", f"{_ONE}/start", campaigns.start),
    ("POST", f"{_ONE}/pause", campaigns.pause),
)
JSON: tuple[Line, ...] = (
    ("POST", "/api/campaigns/preview-audience", audience.preview_audience),
    ("GET", "/api/health", reconciliation.health), ("GET", "/api/health/redis", reconciliation.redis),
    ("GET", "/api/task-status/{task_id}", tasks.task_status),
    ("POST", f"{_CONTACT}/send-message", conversations.send_message), ("POST", f"{_CONTACT}/flag", flags.flag),
    ("POST", f"{_CONTACT}/unflag", flags.unflag), ("POST", "/contacts/bulk-action", flags.bulk_action),
    ("POST", "/contacts/conversations/bulk-action", flags.bulk_action), ("GET", "/api/todos", todos.listed),
    ("GET", "/api/todos/dashboard", todos.dashboard), ("GET", "/api/todos/stats", todos.statistics),
    ("GET", _TODO, todos.get), ("PUT", _TODO, todos.update), ("DELETE", _TODO, todos.remove),
    ("POST", f"{_TODO}/toggle", todos.toggle),
)
IN_FULL: tuple[Line, ...] = (
    ("GET", "/api/contacts", conversations.contacts),
    ("GET", "/api/contacts/{contact_id}/messages", conversations.messages),
    ("GET", "/api/messages/latest_conversations", conversations.latest),
)
"""What tells numbers and words in full: a key that may write asks for them."""

OF_ADMINS: tuple[Line, ...] = (
    ("POST", "/admin/reconciliation/run", reconciliation.run),
    ("GET", "/admin/reconciliation/status", reconciliation.status),
    ("POST", "/admin/reconciliation/validate", reconciliation.validate),
)


def texting_routes(workers: Workers) -> list[Route]:
    """Return every route; what makes something answers 201."""
    scopes: tuple[tuple[tuple[Line, ...], Scope | None], ...] = (
        (FORMS, None), (JSON, None), (IN_FULL, "write"), (OF_ADMINS, "admin"),
    )
    return [
        *(reference_route(workers, method, path, answers, scope=scope) for lines, scope in scopes
          for method, path, answers in lines),
        reference_route(workers, "POST", "/campaigns", campaigns.create, status=201),
        reference_route(workers, "POST", "/api/todos", todos.create, status=201),
    ]
