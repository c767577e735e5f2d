"""The clock of a sender is set right, whatever it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from regulars.web.ingest.event_time import AHEAD, EARLIEST, SenderClock, read_time

MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the strategy adds it
SPANS = st.timedeltas(timedelta(0), timedelta(days=400))
SKEWS = st.timedeltas(timedelta(days=-3000), timedelta(days=3000))
ANY = st.datetimes(timezones=st.just(UTC))


@given(received=MOMENTS, ago=SPANS, skew=SKEWS)
def test_a_wrong_clock_that_goes_at_the_right_pace_does_not_matter(
    received: datetime, ago: timedelta, skew: timedelta
) -> None:
    happened = received - ago

    at, mark = SenderClock.of(received + skew, received=received).date(happened + skew)

    assert (at, mark) == (happened, None)


@given(said=ANY | st.none(), sent=ANY | st.none(), received=MOMENTS)
def test_an_event_is_never_far_in_the_future_nor_before_there_were_clients(
    said: datetime | None, sent: datetime | None, received: datetime
) -> None:
    at, mark = SenderClock.of(sent, received=received).date(said)

    assert EARLIEST <= at <= received + AHEAD
    assert mark is None or at == received


@given(moment=MOMENTS)
def test_a_time_reads_alike_however_it_is_written(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    texts = [whole.isoformat(), whole.isoformat().replace("+00:00", "Z"), whole.replace(tzinfo=None).isoformat()]

    assert [read_time(text) for text in texts] == [whole] * 3
    assert read_time(round(whole.timestamp() * 1000)) == whole
    assert read_time(whole.replace(microsecond=0).timestamp()) == whole.replace(microsecond=0)


@given(value=st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers()))
def test_what_is_no_time_is_none_and_never_an_error(value: object) -> None:
    found = read_time(value)

    assert found is None or found.tzinfo is not None
