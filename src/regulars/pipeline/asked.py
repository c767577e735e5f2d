"""Asked: of whom questions about a few rows are asked, be it a workspace or a glance at what one has kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.identity.identifier import IdentifierRules
    from regulars.pipeline.timeline import Place
    from regulars.storage.book.memberships import MembershipBook

Made = TypeVar("Made")


class FreshEvents(Protocol):
    """What came since the last run; see `regulars.pipeline.fresh`."""

    def newest(self, customer_id: str, *, limit: int, after: Place | None = None) -> list[dict[str, Any]]:
        """Return a customer's newest events that no run has made yet; safe to call from any thread."""
        ...


class Asked(Protocol):
    """Answers questions. What needs more than this is asked of a `Workspace`."""

    @property
    def fresh(self) -> FreshEvents | None:
        """Return what came since the last run, where the door is open in this process."""
        ...

    @property
    def memberships(self) -> MembershipBook:
        """Return who is in which segment."""
        ...

    @property
    def lasting(self) -> Mapping[str, int | None]:
        """Return every declared segment and how many days a stay in it lasts; None while the rule holds."""
        ...

    @property
    def identifier_rules(self) -> IdentifierRules:
        """Return what counts as somebody's e-mail address and phone number here."""
        ...

    def has(self, table: str) -> bool:
        """Return whether a table of the lake was ever published."""
        ...

    def ask(self, make: Callable[..., ir.Table], *shape: Hashable, **values: object) -> pa.Table:
        """Carry out what is asked again and again: the expression is made and compiled when asked for the first time.

        Args:
            make: A function of a module, which makes the expression of a workspace and the shape, with `given` in the
                places of values.
            shape: What else the expression is made of: few, or what is kept is soon forgotten.
            values: One for each place.

        """
        ...

    def ask_for(
        self, profile_ids: Sequence[str], make: Callable[..., ir.Table], *shape: Hashable, **values: object
    ) -> pa.Table:
        """Do the same where no other profiles' rows are wanted of the tables that are kept by profile."""
        ...

    def once(self, make: Callable[..., Made], *shape: Hashable) -> Made:
        """Return what is made of this and a shape, kept until a table of the lake is another."""
        ...
