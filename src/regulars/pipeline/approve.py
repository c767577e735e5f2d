"""Approve: people allow versions of a campaign's templates, and without that nothing is sent where it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from regulars.campaigns.approval import Action, Decision, Refused, Standing, standing, take, version
from regulars.campaigns.campaign import Campaign
from regulars.errors import GuardError
from regulars.project import Project
from regulars.storage.book import Book

STEPS: dict[str, tuple[Action, ...]] = {"approve": ("approve", "activate"), "withdraw": ("withdraw",)}
"""What people ask for, and the decisions that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantStanding:
    """Where the words of a variant stand, as they are now."""

    variant: str
    standing: Standing


def standings(book: Book, campaign: Campaign) -> list[VariantStanding]:
    """Return where each variant's words stand; another word is another version, which nobody has approved yet."""
    versions = {name: version(one) for name, one in campaign.templates.items() if one is not None}
    decisions = book.approvals.about(versions.values())
    return [VariantStanding(variant=name, standing=standing(decisions, each)) for name, each in versions.items()]


def unapproved(project: Project, book: Book, campaign: Campaign) -> list[str]:
    """Return the variants that may not be sent as they are; none where the business asks for no approval."""
    if not project.config.business.needs_approval:
        return []
    return [one.variant for one in standings(book, campaign) if not one.standing.may_be_sent]


def check_approved(project: Project, book: Book, campaign: Campaign) -> None:
    """Raise GuardError when anything that a campaign says was not approved as it is."""
    if missing := unapproved(project, book, campaign):
        said = "" if missing == [""] else f" of {' and '.join(missing)}"
        raise GuardError(
            f"{campaign.name} is not sent: the words{said} were not approved as they are now",
            hint=f"regulars campaign approve {campaign.name}",
        )


def decide(
    book: Book, campaign: Campaign, asked: str, *, by: str, at: datetime, note: str = ""
) -> list[VariantStanding]:
    """Approve or withdraw (STEPS) all words of a campaign as they are now; twice is once. Returns where they stand.

    Raises GuardError with the reason for a decision that cannot be taken.
    """
    for name, template in campaign.templates.items():
        if template is None:
            continue
        of, taken = version(template), list[Decision]()
        decisions = book.approvals.about([of])
        if standing(decisions, of).may_be_sent == (asked == "approve"):
            continue
        for action in STEPS[asked]:
            if action == "approve" and standing(decisions, of).status == "approved":
                continue
            found = take([*decisions, *taken], Decision(version=of, action=action, by=by, at=at, note=note))
            if isinstance(found, Refused):
                raise GuardError(f"{name or campaign.name}: {found.reason}")
            taken.append(found)
        book.approvals.add(*taken, template=f"{campaign.name}.{name}" if name else campaign.name)
    return standings(book, campaign)
