"""What a campaign hopes for and what it costs, out of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from regulars.campaigns.goal import CampaignGoal, Costs
from regulars.errors import DeclarationError
from regulars.events.currency import minor_digits
from regulars.events.vocabulary import no_strangers
from regulars.records.record import duration

Path = tuple[str | int, ...]

_HINT = "`goals: [{metric: memberships_started, within: 14 days}]`"


def declare_goals(value: object, *, currency: str) -> tuple[CampaignGoal, ...]:
    """Return the goals of a campaign, one or a list. Raises DeclarationError with the path of what is wrong."""
    if not isinstance(value, list):
        return (_goal(value, ("goals",), currency),)
    return tuple(_goal(one, ("goals", n), currency) for n, one in enumerate(value))


def declare_costs(value: object, *, currency: str) -> Costs:
    """Return costs `{each: 0.0079, fixed: 120.00}` in major units. Raises DeclarationError."""
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{value!r} are no costs", hint="`{each: 0.0079, fixed: 120.00}`", path=("costs",))
    no_strangers(value, {"each", "fixed"}, ("costs",))
    return Costs(**{str(name): _minor(said, ("costs", str(name)), currency) for name, said in value.items()})


def _goal(value: object, path: Path, currency: str) -> CampaignGoal:
    said = {"metric": value} if isinstance(value, str) else value
    if not isinstance(said, Mapping) or not isinstance(said.get("metric"), str):
        raise DeclarationError(f"{value!r} names no metric", hint=_HINT, path=path)
    no_strangers(said, {"metric", "within", "worth", "code"}, path)
    within = duration(said["within"], (*path, "within")) if "within" in said else timedelta(days=30)
    worth = _minor(said["worth"], (*path, "worth"), currency) if "worth" in said else None
    if worth is not None and worth != int(worth):
        raise DeclarationError(f"{said['worth']!r} is no amount", hint="`worth: 45.00`", path=(*path, "worth"))
    return CampaignGoal(
        metric=said["metric"], within=within, worth=None if worth is None else int(worth),
        code=str(said["code"]) if "code" in said else None,
    )


def _minor(value: object, path: Path, currency: str) -> Decimal:
    """Return an amount of major units in minor ones."""
    try:
        amount = Decimal(str(value)).scaleb(minor_digits(currency))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise DeclarationError(f"{value!r} is no amount", hint="such as 45.00", path=path)
    return amount
