"""The book's tables: the same for SQLite and PostgreSQL, a tenant in every row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

HEAD = "0024"
"""The migration that gives exactly these tables."""

metadata = sa.MetaData()


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment: aware in Python, UTC without a zone in the database.

    A naive value is taken as UTC, which is what moments in tables are.
    """

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002  given
        """Return the moment in UTC without its zone."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002  given
        """Return the moment aware."""
        return None if value is None else value.replace(tzinfo=UTC)


def _table(name: str, *columns: sa.Column[Any] | sa.Index, **options: Any) -> sa.Table:
    return sa.Table(name, metadata, sa.Column("tenant", sa.Text, primary_key=True), *columns, **options)


def _key(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _need(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _asked() -> list[sa.Column[Any]]:
    return [_need("asked_at", Moment), _need("asked_by"), _need("proof"), _may("finished_at", Moment)]


counters = _table("counters", _key("name"), _need("value", sa.BigInteger))
"""Numbers that only grow, also after rows were deleted: seq, run, batch."""

# --- landing -----------------------------------------------------------------------------------------------------

page_sets = _table(
    "page_sets", _key("set_id"), _need("source"), _need("stream"), _need("started_at", Moment),
    _may("committed_at", Moment),            # null: staged
    _may("seq", sa.BigInteger),              # of its last segment; a set without rows takes a number too
    _need("is_complete", sa.Boolean), _may("resume"), _may("run_id"),
    sa.Index("page_sets_by_stream", "tenant", "source", "stream"),
)
staged_pages = _table(
    "staged_pages", _key("set_id"), _key("page", sa.Integer), _may("segment"), _need("rows", sa.BigInteger)
)
segments = _table(
    "segments", _key("seq", sa.BigInteger), _need("first_seq", sa.BigInteger), _need("source"), _need("stream"),
    _may("set_id"),                          # null: compacted out of several
    _need("name"), _need("rows", sa.BigInteger), _need("recorded_at", Moment), _may("run_id"),
    sa.Index("segments_by_stream", "tenant", "source", "stream", "seq"),
)
cursors = _table("cursors", _key("source"), _key("stream"), _need("cursor"), _need("moved_at", Moment))
stream_facts = _table("stream_facts", _key("source"), _key("stream"), _need("facts"), _need("seen_at", Moment))

# --- lake --------------------------------------------------------------------------------------------------------

lake_versions = _table(
    "lake_versions", _key("table_name"), _key("version", sa.BigInteger), _may("parent", sa.BigInteger),
    _need("published_at", Moment), _need("manifest"), _need("meta"),
)
lake_current = _table("lake_current", _key("table_name"), _need("version", sa.BigInteger))
lake_tags = _table(
    "lake_tags", _key("tag"), _key("table_name"), _need("version", sa.BigInteger), _need("tagged_at", Moment)
)

# --- runs --------------------------------------------------------------------------------------------------------

runs = _table(
    "runs", _key("run_id"), _need("command"), _need("started_at", Moment), _may("finished_at", Moment), _may("outcome"),
    sa.Index("runs_by_start", "tenant", "started_at"),
)
run_steps = _table(
    "run_steps", _key("run_id"), _key("step"), _need("position", sa.Integer), _need("started_at", Moment),
    _may("finished_at", Moment), _need("outcome"), _may("seconds", sa.Float), _may("rows_in", sa.BigInteger),
    _may("rows_out", sa.BigInteger), _may("watermark"), _may("error"), _may("code"), _may("facts"),
    _may("done", sa.BigInteger), _may("total", sa.BigInteger), _may("note"),
    sa.Index("run_steps_by_step", "tenant", "step", "started_at"),
)
leases = _table("leases", _key("name"), _need("owner"), _need("taken_at", Moment), _need("expires_at", Moment))

# --- people ------------------------------------------------------------------------------------------------------

# Without rowid: SQLite would else keep every key twice, and a million of them is most of the book.
identity_map = _table(
    "identity_map", _key("profile_source"), _key("profile_id"), _need("customer_id"), _may("evidence"),
    _need("since", Moment), sa.Index("identity_map_by_customer", "tenant", "customer_id"), sqlite_with_rowid=False,
)
customers = _table(
    "customers", _key("customer_id"), _need("founder_source"), _need("founder_id"), _need("minted_at", Moment),
    _may("merged_into"), sqlite_with_rowid=False,
)
rulings = _table(
    "rulings", _key("ruling_id"), _need("verdict"), _need("left_source"), _need("left_id"), _need("right_source"),
    _need("right_id"), _need("reason"), _need("ruled_by"), _need("ruled_at", Moment), _may("revoked_at", Moment),
)
conflicts = _table(
    "conflicts", _key("conflict_id"), _need("kind"), _need("detail"), _need("found_at", Moment),
    _may("settled_at", Moment),
)

household_map = _table(
    "household_map", _key("customer_id"), _need("household_id"), _need("since", Moment), sqlite_with_rowid=False,
)
households = _table(
    "households", _key("household_id"), _need("founder_customer_id"), _need("minted_at", Moment), _may("merged_into"),
    sqlite_with_rowid=False,
)

# --- segments of customers ---------------------------------------------------------------------------------------

# By customer: what one event changes for somebody lies together, and a page of the file is written for it, not ten.
transitions = _table(
    "transitions", _key("customer_id"), _key("segment"), _key("at", Moment), _key("change"),
    _may("business_day", sa.Date), _may("reason"), _may("run_id"), _need("batch", sa.BigInteger),
    sa.Index("transitions_by_batch", "tenant", "batch"), sqlite_with_rowid=False,
)
fresh_transitions = _table(                  # appended before a run files them; in nothing else yet
    "fresh_transitions", _key("customer_id"), _key("segment"), _key("at", Moment), _key("change"),
    _may("business_day", sa.Date), _may("reason"), _need("batch", sa.BigInteger), sqlite_with_rowid=False,
)
memberships = _table(
    "memberships", _key("customer_id"), _key("segment"), _may("entered_at", Moment), _may("left_at", Moment),
    _need("first_entered_at", Moment), _need("last_entered_at", Moment), _need("entries", sa.BigInteger),
    sa.Index("memberships_by_entry", "tenant", "segment", "entered_at", "customer_id"), sqlite_with_rowid=False,
)

# --- experiments -------------------------------------------------------------------------------------------------

experiment_epochs = _table(
    "experiment_epochs", _key("experiment"), _key("epoch", sa.BigInteger), _need("since", Moment), _need("setup")
)
assignments = _table(
    "assignments", _key("experiment"), _key("unit"), _need("variant"), _need("epoch", sa.BigInteger),
    _need("propensity", sa.Float), _need("assigned_at", Moment), _need("how"), sqlite_with_rowid=False,
)
exposures = _table(
    "exposures", _key("experiment"), _key("unit"), _key("variant"), _need("exposed_at", Moment), _need("by"),
    sqlite_with_rowid=False,
)
experiment_decisions = _table(
    "experiment_decisions", _key("experiment"), _key("number", sa.BigInteger), _need("at", Moment), _need("kind"),
    _need("by"), _need("reason"), _need("detail"),
)

# --- A/B tests of text messages ----------------------------------------------------------------------------------

ab_campaigns = _table(
    "ab_campaigns", _key("number", sa.BigInteger), _need("name"), _need("status"), _need("template_a"),
    _need("template_b"), _need("config"), _need("zone"), _need("salt"), _need("created_at", Moment),
)
ab_recipients = _table(
    "ab_recipients", _key("campaign", sa.BigInteger), _key("unit"), _need("added_at", Moment), sqlite_with_rowid=False
)
ab_events = _table(
    "ab_events", _key("number", sa.BigInteger), _need("experiment"), _need("unit"), _need("epoch", sa.BigInteger),
    _need("variant"), _need("kind"), _need("at", Moment), _may("activity"), _may("link"), _may("reply"),
    sa.Index("ab_events_by_kind", "tenant", "experiment", "kind", "epoch", "variant", "unit", "at"),
    # The unit first: else SQLite walks a whole experiment by it, for the order, where the other index finds a few rows.
    sa.Index("ab_events_by_unit", "unit", "tenant", "experiment"),
)

# --- consent -----------------------------------------------------------------------------------------------------

consent_entries = _table(
    "consent_entries", _key("seq", sa.BigInteger), _need("entry_id"), _need("address_hash"),
    _may("address"), _may("customer_id"),    # null: erased
    _need("channel"), _need("purpose"), _need("action"), _need("method"), _need("wording_hash"), _need("source"),
    _may("evidence"), _need("at", Moment), _may("expires_at", Moment), _need("recorded_at", Moment), _need("chain"),
    sa.Index("consent_entries_by_id", "tenant", "entry_id", unique=True),
    sa.Index("consent_entries_by_address", "tenant", "address_hash"),
)
consent_wordings = _table("consent_wordings", _key("wording_hash"), _need("wording"), _need("seen_at", Moment))
suppressions = _table(
    "suppressions", _key("channel"), _key("address_hash"), _key("reason"), _need("source"), _need("since", Moment),
    _may("lifted_at", Moment), _may("lifted_by"),
)
consent_reviews = _table(
    "consent_reviews", _key("review_id"), _need("channel"), _need("address_hash"), _may("address"),
    _may("customer_id"), _need("text"), _need("reason"), _need("asked_at", Moment), _may("verdict"),
    _may("settled_at", Moment), _may("settled_by"), sa.Index("consent_reviews_by_address", "tenant", "address_hash"),
)
contact_seats = _table(
    "contact_seats", _key("cap"), _key("subject"), _key("seat", sa.Integer), _need("taken_at", Moment),
    _need("message_id"), sa.Index("contact_seats_by_message", "tenant", "message_id"),
    sa.Index("contact_seats_by_age", "tenant", "cap", "subject", "taken_at", "seat"), sqlite_with_rowid=False,
)

# --- campaigns ---------------------------------------------------------------------------------------------------

campaigns = _table(
    "campaigns", _key("campaign_id"), _need("campaign"), _need("occurrence"), _need("state"), _may("reason"),
    _need("channel"), _need("purpose"), _need("destination"), _need("version"), _need("starts_at", Moment),
    _need("planned_at", Moment), _need("changed_at", Moment),
    sa.Index("campaigns_by_name", "tenant", "campaign", "occurrence", unique=True),
)
messages = _table(
    "messages", _key("campaign_id"), _key("customer_id"), _may("address"), _need("variant"), _may("household_id"),
    _may("region"),
    _need("gaps"),                           # JSON object: what the template says of this customer
    _need("state"), _may("reason"),
    _may("due_at", Moment),                  # when it is sent or asked for; null: never again, or not before a winner
    _may("worker"), _may("claimed_until", Moment),
    _need("attempts", sa.Integer), _need("changed_at", Moment),
    _may("expires_at", Moment),              # after which it is not sent any more; null: never
    sa.Index("messages_by_state", "tenant", "campaign_id", "state", "due_at", "customer_id"),
    sa.Index("messages_by_address", "tenant", "address"), sqlite_with_rowid=False,
)
attempts = _table(
    "attempts", _key("campaign_id"), _key("customer_id"), _key("n", sa.Integer), _need("provider"), _need("sender"),
    _may("text"),                            # of a text message; an e-mail is known by its id
    _need("attempted_at", Moment), _may("outcome"),      # null: written before the provider was told
    _may("provider_id"), _may("code"), _may("reason"), _may("ended_at", Moment),
    sa.Index("attempts_by_provider_id", "tenant", "provider", "provider_id"),
    sa.Index("attempts_by_end", "tenant", "ended_at", "outcome"), sqlite_with_rowid=False,
)
receipts = _table(
    "receipts", _key("provider"), _key("provider_id"), _key("stage"), _key("event_id"), _need("at", Moment),
    _may("campaign_id"), _may("customer_id"),            # null: of a message we know nothing of
    _need("code"), _need("reason"), _need("url"), _need("agent"), _need("recorded_at", Moment),
    sa.Index("receipts_by_message", "tenant", "campaign_id", "stage", "customer_id", "code"),
    sa.Index("receipts_by_record", "tenant", "recorded_at"),
)
replies = _table(
    "replies", _key("provider"), _key("provider_id"), _need("address"), _need("ours"), _need("text"),
    _need("at", Moment), _may("campaign_id"), _may("customer_id"),       # null: an answer to nothing we know of
    _need("status"), _need("mood"), _need("intent"),
    _need("recorded_at", Moment),            # of mood and intent as they stand
    sa.Index("replies_by_message", "tenant", "campaign_id", "customer_id"),
    sa.Index("replies_by_record", "tenant", "recorded_at"), sa.Index("replies_by_address", "tenant", "address"),
)
short_links = _table(
    "short_links", _key("code"), _need("campaign_id"), _need("customer_id"), _need("position", sa.Integer),
    _need("url"),
)
clicks = _table(
    "clicks", _key("click_id"), _need("campaign_id"), _need("customer_id"), _need("position", sa.Integer), _need("url"),
    _need("at", Moment), _need("method"), _may("agent"),
    _may("taken_at", Moment),                # into receipts; null: not yet
    sa.Index("clicks_by_taking", "tenant", "taken_at", "at"),
    sa.Index("clicks_by_message", "tenant", "campaign_id", "customer_id"),
)

# --- flows -------------------------------------------------------------------------------------------------------

flow_states = _table("flow_states", _key("flow"), _need("state"), _may("reason"), _need("changed_at", Moment))
flow_journeys = _table(
    "flow_journeys", _key("flow"), _key("customer_id"), _key("occasion"), _need("occurrence"),
    _need("anchor_day", sa.Date), _need("entered_at", Moment), _need("version"), _need("is_held_out", sa.Boolean),
    _need("step"),                           # the next one to be taken; empty: the end
    _need("since", Moment), _may("due_at", Moment), _may("ended_at", Moment), _may("ending"), _may("reason"),
    sa.Index("flow_journeys_by_end", "tenant", "flow", "ended_at"),
    sa.Index("flow_journeys_by_day", "tenant", "flow", "anchor_day"), sqlite_with_rowid=False,
)
flow_steps = _table(
    "flow_steps", _key("flow"), _key("customer_id"), _key("occasion"), _key("step"), _need("kind"), _need("outcome"),
    _need("due_at", Moment), _need("at", Moment), sa.Index("flow_steps_by_time", "tenant", "at"),
    sqlite_with_rowid=False,
)
winners = _table(
    "winners", _key("campaign_id"), _need("variant"), _need("by"), _need("measure"), _need("reason"),
    _need("evidence"),                       # JSON: what the variants had come to
    _need("decided_at", Moment),
)
campaign_offers = _table(
    "campaign_offers", _key("campaign_id"), _key("variant"), _need("has_offer", sa.Boolean), _may("offer_key"),
    _may("offer_type"), _may("offer_amount"), _may("offer_code"), _may("offer_expires", sa.Date),
    _may("offer_minimum"), _may("offer_description"), _need("offer_category"),
    sa.Index("campaign_offers_by_key", "tenant", "offer_key"),
)
kept_answers = _table(
    "kept_answers", _key("question"), _need("made_of"), _need("answer", sa.LargeBinary),     # MessagePack
    _need("made_at", Moment),
)
readings = _table(
    "readings", _key("kind"), _key("content_hash"), _key("model"), _key("prompt_version"),
    _may("answer"),                          # JSON as it came; null: the model gave no whole answer
    _need("tokens", sa.BigInteger), _need("at", Moment), sa.Index("readings_by_time", "tenant", "at"),
)
number_answers = _table(
    "number_answers", _key("address_hash"), _need("is_valid", sa.Boolean), _need("kind"), _may("carrier"),
    _may("country"), _need("asked_at", Moment), sa.Index("number_answers_by_time", "tenant", "asked_at"),
)
template_decisions = _table(
    "template_decisions", _key("number", sa.BigInteger), _need("version"), _need("template"), _need("action"),
    _need("by"), _need("note"), _need("at", Moment), sa.Index("template_decisions_by_version", "tenant", "version"),
)
text_templates = _table(
    "text_templates", _key("number", sa.BigInteger), _key("version", sa.BigInteger), _need("name"), _need("content"),
    _need("about"),                          # JSON: description, category
    _need("saved_at", Moment), _need("saved_by"),
)
ab_schedules = _table(
    "ab_schedules", _key("number", sa.BigInteger), _may("next_run_at", Moment),
    _may("pattern"),                         # JSON: how often; null: once
    _need("zone"), _may("starts_at", Moment), _may("parent", sa.BigInteger), _may("archived_at", Moment),
    _may("reason"),
)

todos = _table(
    "todos", _key("number", sa.BigInteger), _need("title"), _need("description"), _need("is_completed", sa.Boolean),
    _need("priority"), _may("due_date", sa.Date), _need("user_id"), _need("made_at", Moment),
    _need("changed_at", Moment),
)

# --- files of shops' statistics that were handed out ---------------------------------------------------------------

statistic_exports = _table(
    "statistic_exports", _key("shop"), _key("product"), _key("variant"), _key("day", sa.Date), _need("csv_key"),
    _need("json_key"), _need("version", sa.Integer), _need("digest"), _need("exported_at", Moment),
)

# --- who may ask over HTTP, and what they changed ---------------------------------------------------------------

api_keys = _table(
    "api_keys", _key("key_id"), _need("name"), _need("scope"), _need("secret_hash"), _need("made_at", Moment),
    _need("made_by"), _may("expires_at", Moment), _may("revoked_at", Moment),
)
api_answers = _table(
    "api_answers", _key("key_id"), _key("idempotency_key"), _need("request_digest"), _need("began_at", Moment),
    _may("status", sa.Integer), _may("body"),        # null: begun, and not known how it ended
)
audit = _table(
    "audit", _key("number", sa.BigInteger), _need("at", Moment), _need("by"), _need("what"), _need("subject"),
    _may("before"), _may("after"), _may("request_id"),
)

# --- people who log in, and how they do ---------------------------------------------------------------------------

people = _table(
    "people", _key("person_id"), _need("name"), _need("email"), _need("role"),
    _may("password_hash"),                   # null: must choose a new one before anything else
    _need("made_at", Moment), _need("made_by"), _may("disabled_at", Moment),
    sa.Index("people_by_email", "tenant", "email", unique=True),
)
invites = _table(
    "invites", _key("invite_id"), _need("secret_hash"), _need("email"), _need("role"),
    _may("person_id"),                       # null: of somebody new
    _need("made_at", Moment), _need("made_by"), _need("expires_at", Moment), _may("ended_at", Moment),
)
sessions = _table(
    "sessions", _key("session_id"), _need("secret_hash"), _need("person_id"), _need("began_at", Moment),
    _need("seen_at", Moment), _need("expires_at", Moment), _need("agent"),
    sa.Index("sessions_by_person", "tenant", "person_id"),
)
sign_in_attempts = _table(
    "sign_in_attempts", _key("subject"), _need("attempts", sa.Integer), _need("last_at", Moment),
    _need("until", Moment),                  # no further one before it
)

# --- what outside systems post ------------------------------------------------------------------------------------

webhook_queue = _table(
    "webhook_queue", _key("webhook_id"), _need("source"), _need("provider"), _need("delivery_id"),
    _need("received_at", Moment), _need("content_type"),
    _may("body", sa.LargeBinary),            # null: handed on, or erased
    _need("state"), _need("attempts", sa.Integer), _may("due_at", Moment), _may("error"), _may("finished_at", Moment),
    _need("news", sa.Integer), sa.Index("webhook_queue_by_state", "tenant", "state", "due_at"),
    sa.Index("webhook_queue_by_age", "tenant", "received_at", "webhook_id"),
)

# --- what is to be forgotten -------------------------------------------------------------------------------------

erasures = _table("erasures", _key("erasure_id"), _need("customer_hash"), _may("customer_ids"), *_asked())
erased_keys = _table("erased_keys", _key("kind"), _key("key_hash"), _need("erasure_id"))
shop_erasures = _table("shop_erasures", _key("domain"), *_asked())
purges = _table(
    "purges", _key("purge_id"), _need("source"), _may("event"), _may("path"), _may("since", Moment),
    _need("until", Moment), *_asked(),
)

# --- secrets -----------------------------------------------------------------------------------------------------

sealed = _table(
    "sealed", _key("name"), _need("nonce", sa.LargeBinary), _need("text", sa.LargeBinary), _need("sealed_at", Moment)
)
