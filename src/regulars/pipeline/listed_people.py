"""The people of a list as the audience of a campaign: known customers by their address, strangers by its hash."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.audience import OWN
from regulars.campaigns.campaign import Campaign
from regulars.campaigns.line import kinds
from regulars.campaigns.list_columns import FIELDS
from regulars.campaigns.recipients import Imported, ImportRules, numbers_in_list, read_list
from regulars.consent.channel import CONTACTS, Channel
from regulars.consent.suppression import address_hashes
from regulars.errors import NotFound
from regulars.pipeline.number_answers import lines_of
from regulars.pipeline.salt import salt_of
from regulars.pipeline.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Who stands in a list."""

    people: pa.Table                         # customer_id, household_id, region, and `list_columns.FIELDS`; sorted
    places: pa.Table                         # customer_id, address, address_reason, region
    read: Imported                           # the list as it was read

    @property
    def rejected(self) -> int:
        """Return how many rows tell of nobody who can be written to."""
        return self.read.rejected_rows


def listed_people(workspace: Workspace, campaign: Campaign) -> Listed:
    """Return the people of a campaign's list. Raises NotFound when the file is not there, SourceChanged for no table.

    Somebody whose own address it is gets it as that customer, so that no campaign reaches one person as two.
    """
    data = list_of(workspace, campaign)
    return people_of_list(workspace, data, file=str(campaign.list_file), channel=campaign.channel)


def list_of(workspace: Workspace, campaign: Campaign) -> bytes:
    """Return a campaign's list as it lies there. Raises NotFound when it does not."""
    assert campaign.list_file is not None
    path = workspace.project.config.folder / campaign.list_file
    if not path.is_file():
        raise NotFound(f"there is no list {campaign.list_file!r}", hint=f"put it there: {path}")
    return path.read_bytes()


def people_of_list(workspace: Workspace, data: bytes, *, file: str, channel: Channel) -> Listed:
    """Return the people of a CSV file who can be written to by a channel. Raises SourceChanged for no table.

    What a provider said of their numbers within the last month counts; nobody is asked.
    """
    contact, now = CONTACTS[channel], workspace.clock.now()
    rules = ImportRules(identifiers=workspace.project.identifier_rules, needs=(contact,))
    if workspace.book.number_answers.has_any(at=now):
        numbers = numbers_in_list(data, file=file, rules=rules)
        rules = replace(rules, line_types=kinds(lines_of(workspace.book, numbers, at=now)))
    found = read_list(data, file=file, rules=rules)
    rows = found.recipients
    own = rows[contact].combine_chunks()
    known = _known(workspace, contact)
    place = pc.index_in(own, known["address"].combine_chunks())
    hashes = address_hashes(own, channel=channel, salt=salt_of(workspace.book, at=now))
    stranger = pc.binary_join_element_wise("a_", pc.utf8_slice_codeunits(hashes, 0, 16), "")
    customer = pc.coalesce(known["customer_id"].combine_chunks().take(place), stranger)
    # Of several who share an address the first is the customer; the others are somebody beside.
    beside = pc.binary_join_element_wise(stranger, rows["row"].combine_chunks().cast(pa.string()), "_")
    is_first = _is_first(customer)
    customer = pc.if_else(is_first, customer, beside)
    people = pa.table({
        "customer_id": customer, "household_id": known["household_id"].combine_chunks().take(place),
        "region": rows["state"], **{name: rows[name] for name in FIELDS},
    })
    places = pa.table({
        "customer_id": customer, "address": own, "address_reason": pc.if_else(is_first, OWN, "shared"),
        "region": rows["state"],
    })
    return Listed(people=people.sort_by("customer_id"), places=places, read=found)


def _known(workspace: Workspace, contact: str) -> pa.Table:
    """customer_id, household_id, address of everybody with an address of their own; nobody before the first run."""
    if not workspace.lake.exists("contacts"):
        return pa.table({name: pa.array([], pa.string()) for name in ("customer_id", "household_id", "address")})
    contacts = workspace.table("contacts")
    own = contacts.filter(contacts[f"{contact}_reason"] == "own")
    return workspace.fetch(
        own.select("customer_id", "household_id", address=own[contact]).order_by("customer_id")
    )


def _is_first(values: pa.Array) -> pa.Array:
    codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(codes, return_index=True)
    found = np.zeros(len(codes), dtype=bool)
    found[first] = True
    return pa.array(found)
