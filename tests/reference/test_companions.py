"""True companions against coincidences: in the example gym, whose truth says who comes with whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from regulars.connections.co_presence import arrivals, together
from regulars.connections.companion import LEAST_DAYS, companions, tallies, ties
from regulars.connections.interaction import same_day_checkins
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.gym import generate

SCALE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Every pair that was together on LEAST_DAYS days."""

    pairs: pa.Table
    is_true: npt.NDArray[np.bool_]
    friends: int                             # pairs there truly are

    def auc(self, score: npt.NDArray[np.float64]) -> float:
        """Return how often a true pair has the larger score than a coincidence (Mann and Whitney 1947)."""
        ranks, true = stats.rankdata(score), int(self.is_true.sum())
        above = float(ranks[self.is_true].sum()) - true * (true + 1) / 2
        return above / (true * (len(ranks) - true))


@pytest.fixture(scope="module", params=[1, 2, 3])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    world = generate(tmp_path_factory.mktemp("gym"), seed=request.param, scale=SCALE)
    told = pq.read_table(world.truth / "check_ins.parquet")
    rows = pa.table({
        "customer_id": told["person_id"], "at": told["at"], "business_day": told["business_day"],
        "location": pa.nulls(len(told), pa.string()),
    })
    engine, visits = DuckDBEngine.open({"threads": "1"}), arrivals(rows)
    met = same_day_checkins(engine.arrow(together(visits)))
    found = ties(tallies(met), newest=world.last_day)
    pairs = companions(engine.fetch(found), visits)
    engine.close()
    true = {frozenset((r["person_id"], r["companion_id"])) for r in pq.read_table(world.truth / "companions.parquet").to_pylist()}
    named = zip(pairs["customer_id_1"].to_pylist(), pairs["customer_id_2"].to_pylist(), strict=True)
    return Measured(pairs=pairs, is_true=np.array([frozenset(pair) in true for pair in named]), friends=len(true))


def test_the_measure_tells_companions_from_coincidences(measured: Measured) -> None:
    by_chance = measured.auc(-measured.pairs["p_value"].to_numpy())
    by_share = measured.auc(measured.pairs["jaccard"].to_numpy())
    by_days = measured.auc(measured.pairs["days_together"].to_numpy())

    assert measured.is_true.sum() == measured.friends
    assert (~measured.is_true).sum() > 20
    assert by_chance >= 0.98
    assert by_share >= 0.98
    assert max(by_chance, by_share) >= by_days


def test_who_is_called_a_companion_is_one(measured: Measured) -> None:
    called = measured.pairs["is_companion"].to_numpy(zero_copy_only=False)

    assert measured.is_true[called].all()
    assert called.sum() >= 0.7 * measured.friends
    assert min(measured.pairs["days_together"].to_pylist()) >= LEAST_DAYS
