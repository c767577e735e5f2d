"""Whatever becomes of a mail is an event on the timeline of whoever it went to, with the campaign it belongs to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from regulars.clock import FixedClock
from regulars.destinations.sender import Receipt, Stage
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.news import takers
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import open_workspace
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
STAGES: tuple[Stage, ...] = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
FILES = {
    "sources/desk.yaml": """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, email: text}
    profile: {id: id, exclusive: true, name: name, email: email}
""",
    "desk/people.csv": "id,name,email\n" + "".join(f"{n},Ann{n} Lee,p{n}@mail.example\n" for n in range(len(STAGES))),
    "sources/messages.yaml": "kind: messages\n",
    "destinations/mails.yaml": "kind: http\nurl: {url}\nfrom: hello@studio.example\n",
    "campaigns/spring.yaml": "audience: everybody\nchannel: email\npurpose: transactional\nby: mails\nsubject: Hi\n"
                             "text: We moved\n",
    "events/email_sent.yaml": "from: messages.sent\nwho: {source: desk, id: profile_id}\nwhen: sent_at\n"
                              'only_if: profile_source == "desk"\nwhat: {campaign: campaign}\n',
    **{f"events/email_{stage}.yaml": (
        "from: messages.receipts\nwho: {source: desk, id: profile_id}\nwhen: told_at\n"
        f'only_if: stage == "{stage}" and profile_source == "desk"\nwhat: {{campaign: campaign}}\n'
    ) for stage in STAGES},
}


def test_a_mail_and_all_that_became_of_it_is_on_the_timeline_once(tmp_path: Path) -> None:
    with gateway() as provider:
        write_mailing(tmp_path, url=provider.url)
        write_files(tmp_path, {name: text.replace("{url}", provider.url) for name, text in FILES.items()})
        workspace = open_workspace(tmp_path, clock=FixedClock(NOON))
        assert run(workspace).outcome == "done"
        one = write_plan(workspace, plan_campaign(workspace, "spring"))
        for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
            pass
        rows = workspace.book.message_list.page(Wanted(campaign="spring", state="sent"), limit=9)
        news = [
            Receipt(provider="http", provider_id=f"p-{row.message_id}", stage=stage, at=NOON + timedelta(minutes=n),
                    event_id=f"e{n}", address=row.address)
            for n, (row, stage) in enumerate(zip(rows, STAGES, strict=True))
        ]
        for _ in range(2):
            for take in takers(workspace):
                take(news)
        workspace.close()

    later = open_workspace(tmp_path, clock=FixedClock(NOON + timedelta(hours=1)))
    for _ in range(2):
        assert run(later).outcome == "done"
    events = later.table("events")
    told = later.rows(events.select("event_type", "profile_id", "campaign"))
    later.close()

    assert Counter(row["event_type"] for row in told) == {"email_sent": 6, **{f"email_{stage}": 1 for stage in STAGES}}
    assert {row["campaign"] for row in told} == {"spring"}
    assert {row["event_type"]: f"p{row['profile_id']}@mail.example" for row in told if row["event_type"] != "email_sent"} == {
        f"email_{stage}": row.address for row, stage in zip(rows, STAGES, strict=True)
    }
