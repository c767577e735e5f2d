"""An effect by week since the exposure: what wears off is told from what lasts, and too little says nothing."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from regulars.experiments.aging import aging, weeks_told

LAST = date(2026, 3, 1)


def _world(effect, *, units=4_000, weeks=4, seed=1) -> tuple[pa.Table, pa.Table]:
    """Units that were all exposed long ago, with 2 visits a week, and `effect(week)` more in the variant."""
    rng = np.random.default_rng(seed)
    names = np.array([f"u{n}" for n in range(units)])
    is_new = rng.random(units) < 0.5
    exposed = pa.table({"unit": names, "variant": np.where(is_new, "new", "old"),
                        "exposed_day": pa.array([LAST - timedelta(days=7 * weeks)] * units)})
    rows = [pa.table({"unit": names, "week": np.full(units, week), "value": rng.poisson(2 + is_new * effect(week)).astype(float)})
            for week in range(weeks + 1)]
    return exposed, pa.concat_tables(rows)


def _told(exposed: pa.Table, rows: pa.Table):
    return aging(exposed, rows, variants=["old", "new"], control="old", last_day=LAST, alpha=0.05)


@pytest.mark.parametrize(("effect", "course"), [
    (lambda week: 1.0 / (week + 1) ** 2, "wears off"), (lambda week: 0.3 * week, "grows"), (lambda _: 0.5, "steady"),
])
def test_what_wears_off_is_told_from_what_grows_and_what_lasts(effect, course: str) -> None:
    (found,) = _told(*_world(effect))

    assert (found.variant, found.course) == ("new", course)
    assert [each.week for each in found.weeks] == [1, 2, 3, 4]
    assert all(each.low < effect(each.week - 1) + 0.1 and each.high > effect(each.week - 1) - 0.1 for each in found.weeks)


def test_units_that_came_late_are_left_out_of_all_weeks() -> None:
    exposed, rows = _world(lambda _: 0.5)
    late = exposed.slice(0, 500).set_column(2, "exposed_day", pa.array([LAST - timedelta(days=3)] * 500))

    (found,) = _told(pa.concat_tables([late, exposed.slice(500)]), rows)

    assert found.weeks[0].units == sum(v == "new" for v in exposed["variant"].to_pylist()[500:])


def test_few_units_or_little_time_say_nothing() -> None:
    exposed, rows = _world(lambda _: 0.5, units=120)
    new = exposed.set_column(2, "exposed_day", pa.array([LAST - timedelta(days=9)] * 120))

    assert _told(exposed, rows) == ()
    assert _told(*_world(lambda _: 0.5, weeks=0)) == ()
    assert weeks_told(new["exposed_day"].combine_chunks(), LAST) == 0
    assert weeks_told(pa.array([], pa.date32()), LAST) == 0
