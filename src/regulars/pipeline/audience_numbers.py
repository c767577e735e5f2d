"""The telephone numbers of a campaign's audience: of its list, or of a segment's customers."""

from __future__ import annotations

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.recipients import ImportRules, numbers_in_list
from regulars.errors import DeclarationError
from regulars.pipeline.listed_people import list_of
from regulars.pipeline.workspace import Workspace


def numbers_of(workspace: Workspace, campaign: Campaign) -> list[str]:
    """Return the numbers of a campaign's list or segment in E.164, each once, sorted; a guardian's for a child.

    Raises NotFound for a list that is not there or before the first run, DeclarationError for a campaign by e-mail.
    """
    if campaign.channel != "sms":
        raise DeclarationError(f"{campaign.name} goes by {campaign.channel}", hint="numbers are asked about for sms")
    if campaign.list_file is not None:
        rules = ImportRules(identifiers=workspace.project.identifier_rules)
        return numbers_in_list(list_of(workspace, campaign), file=campaign.list_file, rules=rules)
    contacts = workspace.table("contacts")
    if campaign.audience is not None:
        memberships = workspace.table("memberships")
        contacts = contacts.semi_join(memberships.filter(memberships.segment == campaign.audience), "customer_id")
    found = workspace.fetch(contacts.filter(contacts.phone.notnull()).select("phone").distinct())
    return sorted(found["phone"].to_pylist())
