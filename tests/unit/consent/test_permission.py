"""A revocation goes before everything but an explicit grant; one person and everybody get the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.consent.everybody import permissions
from regulars.consent.ledger import ANY, ENTRIES, EXPLICIT, METHODS, Entry, chained, standing
from regulars.consent.permission import CLOSED, Person, deferred, may_contact
from regulars.consent.quiet_hours import Window
from regulars.consent.suppression import REASONS, SUPPRESSIONS, Suppression, address_hash, address_hashes
from regulars.storage.engines.duckdb import DuckDBEngine

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
SALT = b"salt"


def entry(**changes: Any) -> Entry:
    told: dict[str, Any] = {
        "address_hash": "a", "channel": "sms", "purpose": "marketing", "action": "grant", "method": "web_form",
        "at": NOON - timedelta(days=9), "source": "web:/join", "wording": "Text me offers.", "evidence": "form 17",
    }
    return Entry(**told | changes)


def asked(*entries: Entry, **changes: Any) -> Any:
    told: dict[str, Any] = {"address_hash": "a", "entries": entries}
    return may_contact(Person(**told | changes), "sms", purpose="marketing", at=NOON)


STOP = entry(action="revoke", purpose=ANY, method="reply", at=NOON - timedelta(days=3), wording="STOP")


def test_a_proven_grant_permits() -> None:
    assert asked(entry()).reason == "consent since 2026-04-25"
    assert asked(entry()).allowed


def test_silence_is_no_consent() -> None:
    assert asked().reason == "no consent on record"


def test_a_grant_without_evidence_permits_nothing() -> None:
    found = asked(entry(method="import", evidence=None))

    assert (found.allowed, found.reason) == (False, "consent without evidence")


def test_a_box_in_an_account_does_not_lift_a_stop() -> None:
    found = asked(STOP, entry(method="account_box", at=NOON - timedelta(days=1)))

    assert (found.allowed, found.reason) == (False, "opted out on 2026-05-01")


def test_an_explicit_opt_in_lifts_a_stop() -> None:
    assert asked(STOP, entry(method="keyword", at=NOON - timedelta(days=1))).allowed


def test_a_stop_at_the_same_moment_counts() -> None:
    assert not asked(STOP, entry(method="keyword", at=STOP.at)).allowed


def test_a_stop_has_no_end() -> None:
    found = may_contact(
        Person(address_hash="a", entries=[entry(), STOP]), "sms", purpose="marketing", at=NOON + timedelta(days=3650)
    )

    assert not found.allowed


def test_a_grant_may_end_by_itself() -> None:
    assert asked(entry(expires_at=NOON)).reason == "no consent on record"


def test_what_is_said_of_one_channel_is_not_said_of_another() -> None:
    assert not asked(entry(channel="email")).allowed


def test_a_receipt_needs_no_consent_but_a_stop_is_of_everything() -> None:
    def receipt(*entries: Entry) -> Any:
        return may_contact(Person(address_hash="a", entries=entries), "sms", purpose="transactional", at=NOON)

    assert receipt().allowed
    assert not receipt(STOP).allowed
    assert receipt(entry(action="revoke", purpose="marketing")).allowed


def test_a_suppression_goes_before_every_grant() -> None:
    stop = Suppression(channel="sms", address_hash="a", reason="complained", source="twilio", since=NOON)

    assert asked(entry(), suppressions=[stop]).reason == "suppressed: complained"


def test_a_lifted_suppression_is_none() -> None:
    stop = Suppression(
        channel="sms", address_hash="a", reason="bounced", source="x", since=NOON - timedelta(days=2), lifted_at=NOON
    )

    assert asked(entry(), suppressions=[stop]).allowed


def test_who_cannot_be_reached_is_refused_with_the_reason() -> None:
    assert asked(address_hash=None, address_reason="minor without guardian").reason == "no address: minor without guardian"


def test_in_quiet_hours_a_message_is_put_off_and_not_refused() -> None:
    morning = Window(zone="America/New_York", week=((480, 720),) * 7)

    found = asked(entry(), windows=[morning])

    assert (found.allowed, found.reason, found.until) == (False, CLOSED, datetime(2026, 5, 5, 12, 0, tzinfo=UTC))


def test_a_refusal_is_not_put_off() -> None:
    shut = Window(zone="UTC", week=((0, 60),) * 7)

    assert deferred(asked(STOP), [shut], at=NOON) == asked(STOP)


@pytest.mark.parametrize("changes", [
    {"channel": "fax"}, {"method": "guess"}, {"purpose": "any"}, {"at": NOON.replace(tzinfo=None)}, {"action": "maybe"},
])
def test_what_cannot_be_meant_is_no_entry(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        entry(**changes)


def test_the_same_entry_told_twice_has_one_key_and_a_changed_one_another() -> None:
    assert entry().entry_id == entry(customer_id="c_1").entry_id
    assert len({e.entry_id for e in (entry(), entry(wording="Other."), entry(evidence="form 18"), entry(action="revoke"))}) == 4


def test_a_chain_depends_on_everything_before_it() -> None:
    one = chained("", entry().entry_id, seq=1)

    assert len({chained(before, STOP.entry_id, seq=seq) for before, seq in ((one, 2), ("", 2), ("", 1))}) == 3


def test_a_hash_is_of_the_channel_the_address_and_the_salt() -> None:
    column = address_hashes(pa.array(["x@y.z", None, "x@y.z"]), channel="email", salt=SALT)

    assert column.to_pylist() == [address_hash("x@y.z", channel="email", salt=SALT), None, column[0].as_py()]
    assert column[0].as_py() not in (
        address_hash("x@y.z", channel="sms", salt=SALT), address_hash("x@y.z", channel="email", salt=b"other"),
    )


moments = st.integers(-5, 5).map(lambda days: NOON + timedelta(days=days, microseconds=days))
addresses = st.sampled_from("abc")
entries = st.builds(
    entry, address_hash=addresses, channel=st.sampled_from(["sms", "email"]), action=st.just("grant"),
    purpose=st.sampled_from(["marketing", "transactional"]), method=st.sampled_from(METHODS),
    evidence=st.sampled_from([None, "", "form"]), at=moments, expires_at=st.none() | moments,
) | st.builds(
    entry, address_hash=addresses, channel=st.sampled_from(["sms", "email"]), action=st.just("revoke"),
    purpose=st.sampled_from(["marketing", "transactional", ANY]), method=st.sampled_from(METHODS), at=moments,
)
stops = st.builds(
    Suppression, channel=st.sampled_from(["sms", "email"]), address_hash=addresses, reason=st.sampled_from(REASONS),
    source=st.just("test"), since=moments, lifted_at=st.none() | moments,
)


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine.open()
    yield engine
    engine.close()


def _table(engine: DuckDBEngine, rows: list[dict[str, Any]], schema: ibis.Schema) -> Any:
    plain = [
        {key: v.astimezone(UTC).replace(tzinfo=None) if isinstance(v, datetime) else v for key, v in row.items()}
        for row in rows
    ]
    return engine.arrow(pa.Table.from_pylist(plain, schema=schema.to_pyarrow()))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(entries, max_size=12), st.lists(stops, max_size=3), st.sampled_from(["sms", "email"]),
    st.sampled_from(["marketing", "transactional"]),
)
def test_everybody_is_told_what_each_would_be(
    duck: DuckDBEngine, said: list[Entry], stopped: list[Suppression], channel: Any, purpose: Any
) -> None:
    people = [("p1", "a", "own"), ("p2", "b", "primary guardian"), ("p3", "a", "own"), ("p4", None, "none on file")]
    ledger = [
        {"seq": n, **{name: getattr(e, name) for name in ENTRIES if hasattr(e, name)}} for n, e in enumerate(said)
    ]
    bulk = permissions(
        _table(duck, [dict(zip(("customer_id", "address_hash", "address_reason"), p, strict=True)) for p in people],
               ibis.schema(dict.fromkeys(("customer_id", "address_hash", "address_reason"), "string"))),
        _table(duck, ledger, ibis.schema(ENTRIES)),
        _table(duck, [{name: getattr(s, name) for name in SUPPRESSIONS} for s in stopped], ibis.schema(SUPPRESSIONS)),
        channel=channel, purpose=purpose, at=NOON,
    )

    told = {row["customer_id"]: (row["allowed"], row["reason"]) for row in duck.fetch(bulk).to_pylist()}

    one = {
        customer: may_contact(
            Person(
                address_hash=key, address_reason=reason, entries=[e for e in said if e.address_hash == key],
                suppressions=[s for s in stopped if s.address_hash == key],
            ), channel, purpose=purpose, at=NOON,
        )
        for customer, key, reason in people
    }
    assert told == {customer: (found.allowed, found.reason) for customer, found in one.items()}


@given(st.lists(entries, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_entries_never_matters(said: list[Entry], rng: Any) -> None:
    mine = [e for e in said if e.address_hash == "a"]
    mixed = rng.sample(mine, len(mine))

    both = [standing(each, channel="sms", purpose="marketing", at=NOON) for each in (mine, mixed)]
    assert both[0] == both[1]


@given(st.lists(entries, max_size=8))
def test_nobody_is_written_to_after_a_revocation_without_an_explicit_grant(said: list[Entry]) -> None:
    before = [e for e in said if e.address_hash == "a" and not (e.method in EXPLICIT and e.at > STOP.at)]

    assert standing([*before, STOP], channel="sms", purpose="marketing", at=NOON).state == "revoked"


