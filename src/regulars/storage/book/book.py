"""The book: opened by URL, migrated, and reached through named functions in groups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.storage.book.database import BUSY_SECONDS, TENANT, Database, connect
from regulars.storage.book.migrate import migrate

if TYPE_CHECKING:
    from regulars.storage.book.ab_schedules import ABScheduleBook
    from regulars.storage.book.ab_tests import ABTestBook
    from regulars.storage.book.api_answers import AnswerBook
    from regulars.storage.book.api_keys import KeyBook
    from regulars.storage.book.approvals import ApprovalBook
    from regulars.storage.book.audit import AuditBook
    from regulars.storage.book.campaigns import CampaignBook
    from regulars.storage.book.consent import ConsentBook
    from regulars.storage.book.erasures import ErasureBook
    from regulars.storage.book.experiments import ExperimentBook
    from regulars.storage.book.facts import FactsBook
    from regulars.storage.book.forgetting import ForgettingBook
    from regulars.storage.book.households import HouseholdBook
    from regulars.storage.book.identity import IdentityBook
    from regulars.storage.book.invites import InviteBook
    from regulars.storage.book.journeys import JourneyBook
    from regulars.storage.book.kept_answers import KeptAnswerBook
    from regulars.storage.book.known import KnownBook
    from regulars.storage.book.lease import LeaseBook
    from regulars.storage.book.links import LinkBook
    from regulars.storage.book.marks import MarkBook
    from regulars.storage.book.memberships import MembershipBook
    from regulars.storage.book.message_list import MessageList
    from regulars.storage.book.messages import MessageBook
    from regulars.storage.book.number_answers import NumberAnswerBook
    from regulars.storage.book.offers import OfferBook
    from regulars.storage.book.pages import PageBook
    from regulars.storage.book.people import PeopleBook
    from regulars.storage.book.purges import PurgeBook
    from regulars.storage.book.readings import ReadingBook
    from regulars.storage.book.receipts import ReceiptBook
    from regulars.storage.book.replies import ReplyBook
    from regulars.storage.book.runs import RunBook
    from regulars.storage.book.sealed import SealedBook
    from regulars.storage.book.seats import SeatBook
    from regulars.storage.book.sent import SentBook
    from regulars.storage.book.sessions import SessionBook
    from regulars.storage.book.shop_erasures import ShopErasureBook
    from regulars.storage.book.sign_in_attempts import AttemptBook
    from regulars.storage.book.statistic_exports import StatisticExportBook
    from regulars.storage.book.text_templates import TextTemplateBook
    from regulars.storage.book.todos import TodoBook
    from regulars.storage.book.touches import TouchBook
    from regulars.storage.book.versions import VersionBook
    from regulars.storage.book.ways import WayBook
    from regulars.storage.book.webhooks import WebhookBook
    from regulars.storage.book.winners import WinnerBook


class _Part:
    """A part of the book, made when it is first asked for: who sends is spared the modules of forty others."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._kind = name, owner.__annotations__[name]

    def __get__(self, book: Book | None, owner: type) -> Any:
        kind = getattr(import_module(f"{__package__}.{self._module}"), self._kind)
        # Found in the book from now on, and by whoever asked at the same moment.
        return kind if book is None else vars(book).setdefault(self._name, kind(book.database))


def _part(module: str) -> Any:
    return _Part(module)


class Book:
    """One tenant's book. Every implementation passes tests/conformance/test_book*.py.

    - A function that writes is one transaction: killed at any moment, all of it is there or nothing;
    - when it returns, it is on disk;
    - done twice, it is done once;
    - a database that does not answer raises StoreUnavailable: never an empty answer.
    """

    pages: PageBook = _part("pages")                              # page sets, segments, cursors
    versions: VersionBook = _part("versions")                     # of the lake's tables
    runs: RunBook = _part("runs")                                 # runs and their steps
    lease: LeaseBook = _part("lease")                             # who may work on the project
    identity: IdentityBook = _part("identity")                    # profiles -> customers
    households: HouseholdBook = _part("households")               # customers -> households
    memberships: MembershipBook = _part("memberships")            # customers in segments
    experiments: ExperimentBook = _part("experiments")            # variants of units, and what was decided
    ab_tests: ABTestBook = _part("ab_tests")                      # of text messages: campaigns, recipients, events
    ab_schedules: ABScheduleBook = _part("ab_schedules")          # when they go, and which are put away
    text_templates: TextTemplateBook = _part("text_templates")    # that programs keep here
    todos: TodoBook = _part("todos")                              # of those who work here
    consent: ConsentBook = _part("consent")                       # ledger of consent, suppressions, replies to read
    seats: SeatBook = _part("seats")                              # how often somebody was written to
    campaigns: CampaignBook = _part("campaigns")                  # occurrences of campaigns, and their account
    messages: MessageBook = _part("messages")                     # who gets what, and every attempt to send it
    message_list: MessageList = _part("message_list")             # the same to look at
    receipts: ReceiptBook = _part("receipts")                     # what providers told of messages
    replies: ReplyBook = _part("replies")                         # what people answered
    offers: OfferBook = _part("offers")                           # of campaigns' variants
    readings: ReadingBook = _part("readings")                     # what a language model answered about texts
    number_answers: NumberAnswerBook = _part("number_answers")    # what a provider said of telephone numbers
    approvals: ApprovalBook = _part("approvals")                  # of templates
    winners: WinnerBook = _part("winners")                        # what tests of campaigns decided
    links: LinkBook = _part("links")                              # short links, and clicks
    ways: WayBook = _part("ways")                                 # how far people came
    sent: SentBook = _part("sent")                                # the same for the timeline
    journeys: JourneyBook = _part("journeys")                     # of customers through flows
    kept_answers: KeptAnswerBook = _part("kept_answers")          # that a run worked out ahead
    touches: TouchBook = _part("touches")                         # messages that reached somebody, of every campaign
    marks: MarkBook = _part("marks")                              # of the whole book: whether anything was written
    facts: FactsBook = _part("facts")                             # what streams looked like
    keys: KeyBook = _part("api_keys")                             # of programs that ask over HTTP
    answers: AnswerBook = _part("api_answers")                    # to repeated requests
    audit: AuditBook = _part("audit")                             # who changed what
    people: PeopleBook = _part("people")                          # who log in
    invites: InviteBook = _part("invites")                        # who may choose a password
    sessions: SessionBook = _part("sessions")                     # where people are signed in
    attempts: AttemptBook = _part("sign_in_attempts")             # to sign in
    webhooks: WebhookBook = _part("webhooks")                     # what outside systems posted, until it is handed on
    statistic_exports: StatisticExportBook = _part("statistic_exports")  # files of shops that were handed out
    erasures: ErasureBook = _part("erasures")                     # who asked to be forgotten, and how far that is
    shop_erasures: ShopErasureBook = _part("shop_erasures")       # the same of whole shops
    purges: PurgeBook = _part("purges")                           # the same of events and properties
    forgetting: ForgettingBook = _part("forgetting")              # of a person, in all tables
    known: KnownBook = _part("known")                             # of a person, in all tables

    def __init__(self, database: Database, *, home: Path | None, environment: Mapping[str, str]) -> None:
        """Take a database that is up to date; `open` is how one comes to it."""
        self.database = database
        self._home, self._environment = home, environment

    @classmethod
    def open(
        cls, url: str, *, home: Path | None = None, tenant: str = TENANT,
        environment: Mapping[str, str] = os.environ, patience: float = BUSY_SECONDS,
    ) -> Book:
        """Open the book at a URL, make it if it is new, and bring its tables up to date.

        Args:
            url: `sqlite:///folder/book.db` or `postgresql://user@host/database`.
            home: Folder for the key file when REGULARS_KEY is not set; beside an SQLite book when not given.
            tenant: Whose rows are read and written.
            environment: Where REGULARS_KEY is looked for.
            patience: Seconds to wait for others who write, where the database does not queue them itself.

        Raises:
            StoreError: The URL is of no known kind, a driver is missing, or the book is of a newer Regulars.
            StoreUnavailable: The database does not answer.

        """
        engine = connect(url, patience=patience)
        if home is None and engine.url.get_backend_name() == "sqlite":
            home = Path(str(engine.url.database)).parent
        database = Database(engine, tenant)
        migrate(database)
        return cls(database, home=home, environment=environment)

    @cached_property
    def sealed(self) -> SealedBook:
        """Return the secrets that outside systems rotate."""
        from regulars.storage.book.sealed import SealedBook  # noqa: PLC0415  its cipher takes a while to load

        return SealedBook(self.database, self._home, self._environment)

    @property
    def tenant(self) -> str:
        """Return whose book this is."""
        return self.database.tenant

    def close(self) -> None:
        """Give back the connections."""
        if "marks" in vars(self):
            self.marks.close()
        self.database.engine.dispose()
