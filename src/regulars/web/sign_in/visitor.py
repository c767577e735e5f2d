"""Who a request is of, once it was let in: pages find it in `request.state.visitor`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from regulars.storage.book.people import Person, Role
from regulars.storage.book.sessions import Session
from regulars.web.rights import Right, may


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person at a browser."""

    person_id: str                           # "" where a project is open to its machine
    name: str
    role: Role
    tenant: str
    session_id: str                          # "" as above
    csrf: str                                # what each form says in `csrf_token`; "" says that no form is taken

    def may(self, right: Right) -> bool:
        """Return whether they may do something: what they may not is not offered to them."""
        return may(self.role, right)


def visitor_of(session: Session, person: Person, *, shown: str, tenant: str) -> Visitor:
    """Return who shows a session."""
    return Visitor(
        person_id=person.person_id, name=person.name, role=person.role, tenant=tenant, session_id=session.session_id,
        csrf=csrf_of(shown),
    )


def csrf_of(shown: str) -> str:
    """Return what the forms of a session say: made from what its browser shows, so that nothing more need be kept."""
    return hmac.new(shown.encode(), b"forms", sha256).hexdigest()


def this_machine(tenant: str) -> Visitor:
    """Return who looks at a project that is open to its machine: they see, and change nothing."""
    return Visitor(person_id="", name="this machine", role="viewer", tenant=tenant, session_id="", csrf="")
