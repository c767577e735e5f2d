"""A business that only sends: a project with one campaign, and as many invented people as are wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.pipeline.campaign import campaign_of
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.planned import PLANNED

_TOML = """\
[business]
name = "Corner Studio"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[stores]
book = "{book}"
"""
_DESTINATION = """\
kind: http
url: {url}
from: "+12545550100"
ask_after: {ask_after}
can_be_asked: {can_be_asked}
{more}
"""
_CAMPAIGN = """\
audience: everybody
channel: sms
purpose: {purpose}
by: gateway
text: "Hi {{{{ first_name | default: 'there' }}}}, we moved to 5 Elm Street. Reply STOP to opt out"
{more}
"""
_FLOW = {
    "sources/desk.yaml": """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, at: timestamp}
    profile: {id: id, exclusive: true}
""",
    "events/joined.yaml": "from: desk.people\nwho: id\nwhen: at\n",
    "flows/welcome.yaml": """\
trigger: {event: joined}
starts: 2026-01-01
channel: sms
purpose: transactional
by: gateway
steps:
  - {message: hello, text: "Hi {{ first_name | default: 'there' }}, nice that you came"}
""",
}
NAME = "news"
"""The campaign."""


def write_mailing(
    folder: Path, *, url: str, book: str = "sqlite:./data/book.db", ask_after: str = "0 minutes",
    can_be_asked: bool = True, purpose: str = "transactional", destination: str = "", campaign: str = "",
) -> Path:
    """Write the project's files and return its folder; `destination` and `campaign` are further lines of YAML."""
    files = {
        "regulars.toml": _TOML.format(book=book),
        "destinations/gateway.yaml": _DESTINATION.format(
            url=url, ask_after=ask_after, can_be_asked="true" if can_be_asked else "false", more=destination
        ),
        f"campaigns/{NAME}.yaml": _CAMPAIGN.format(purpose=purpose, more=campaign),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_flow(folder: Path) -> str:
    """Add a flow that welcomes whoever joins to a project; return what the campaign of its message is called."""
    for name, text in _FLOW.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return "welcome.hello"


def recipients(count: int, *, due_at: datetime, start: int = 0) -> pa.Table:
    """Return `count` invented people as PLANNED, each with a number and a name of their own."""
    numbers = pa.array(np.arange(start, start + count, dtype=np.int64))
    digits = pc.utf8_lpad(numbers.cast(pa.string()), 7, "0")
    moment = pa.scalar(due_at.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    nothing = pa.nulls(count, pa.string())
    return pa.table({
        "customer_id": pc.binary_join_element_wise("c_", digits, ""),
        "address": pc.binary_join_element_wise("+1254", digits, ""),
        "variant": pa.repeat("", count), "household_id": nothing, "region": nothing,
        "gaps": pc.binary_join_element_wise('{"first_name":"Ann', pc.utf8_slice_codeunits(digits, 0, 3), '"}', ""),
        "state": pa.repeat("planned", count), "reason": nothing, "due_at": pa.repeat(moment, count),
        "expires_at": pa.nulls(count, pa.timestamp("us")),
    }, schema=PLANNED)


def planned(project: Project, book: Book, count: int, *, at: datetime, name: str = NAME) -> Occurrence:
    """Write a campaign down as if it had been planned for `count` people, and let it begin."""
    campaign = campaign_of(project, name)
    one = book.campaigns.begin(
        name, "once", channel=campaign.channel, purpose=campaign.purpose, destination=campaign.destination,
        version=campaign.version, starts_at=at, at=at,
    )
    for start in range(0, count, 100_000):
        book.messages.plan(
            one.campaign_id, recipients(min(100_000, count - start), due_at=at, start=start), at=at
        )
    book.campaigns.move(one.campaign_id, "sending", at=at)
    found = book.campaigns.get(one.campaign_id)
    assert found is not None
    return found
