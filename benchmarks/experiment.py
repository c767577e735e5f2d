"""From raw events to a full report: `python benchmarks/experiment.py [--events 10000000] [--json]`.

Invented events of a million customers, a hundred thousand of them in an experiment; five metrics with what units did
before taken out, by day, by the confidence sequence. The budget is ten seconds for ten million events. The baseline is
the same engine adding up the events per customer, without windows, squares, days or statistics.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regulars.events.window import AsOf
from regulars.experiments.experiment import Experiment, Goal, Variant
from regulars.experiments.outcome import Outcome, Subjects, sums_by_day
from regulars.experiments.reading import Plan, course
from regulars.experiments.report import Measured, report
from regulars.experiments.trust import Conduct
from regulars.metrics.metric import Taken
from regulars.storage.engines.open import open_engine

START, DAYS, UNITS, PEOPLE = date(2026, 1, 5), 28, 100_000, 1_000_000
METRICS = {
    "visits": Taken(take="count", events=("visit",)),
    "bought": Taken(take="distinct", of="customer_id", events=("order",)),
    "orders": Taken(take="count", events=("order",)), "spent": Taken(take="sum", of="amount", events=("order",)),
    "kinds": Taken(take="distinct", of="kind", events=("visit",)),
}


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = _events(Path(folder), asked.events)
        engine = open_engine()
        schema = ibis.schema(pq.read_schema(files[0]))
        events = engine.parquet(files, schema)
        baseline = _seconds(lambda: engine.fetch(
            events.group_by("customer_id").agg(n=events.count(), amount=events.amount.sum()).agg(ibis._.n.sum())
        ))
        subjects = _subjects(engine, events)
        taken = _seconds(lambda: _report(engine, subjects))
        engine.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = {
        "events": asked.events, "metrics": len(METRICS), "seconds": round(taken, 2), "budget": 10.0,
        "baseline": round(baseline, 2), "ratio": round(taken / baseline, 1), "peak MB": round(peak),
    }
    print(json.dumps(line) if asked.json else "\n".join(f"{name:>10}  {value:,}" for name, value in line.items()))


def _report(engine: object, subjects: Subjects) -> None:
    days = [START + timedelta(days=n) for n in range(DAYS)]
    measured = []
    for name, formula in METRICS.items():
        outcome = Outcome(numerator=formula, is_share=name == "bought", within=14, before=timedelta(days=42))
        rows = engine.fetch(sums_by_day(outcome, subjects, by=("epoch",)))  # type: ignore[attr-defined]
        measured.append(Measured(
            metric=name, role="primary" if name == "visits" else "secondary", has_denominator=False,
            has_covariate=True, course=course(rows, variants=["a", "b"], days=days),
        ))
    units = measured[0].course.units
    conduct = Conduct(
        units=units[-1:], weights=np.array([[0.5, 0.5]]), crossovers=0,
        exposed_by_day=np.diff(units, axis=0, prepend=0.0), first_day=days[0], last_day=days[-1],
        last_event_day=days[-1],
    )
    plan = Plan(method="sequential", alpha=0.05, planned=UNITS, weights=np.array([0.5, 0.5]), control=0)
    experiment = Experiment(
        name="bench", control="a", primary=(Goal(metric="visits"),),
        variants=(Variant(name="a", weight=50), Variant(name="b", weight=50)),
    )
    assert report(experiment, measured, conduct, plan=plan).answers


def _subjects(engine: object, events: object) -> Subjects:
    rng = np.random.default_rng(2)
    units = np.array([f"c{n:07d}" for n in rng.permutation(PEOPLE)[:UNITS]])
    at = datetime.combine(START, datetime.min.time()) + rng.integers(0, 14 * 86_400, UNITS) * timedelta(seconds=1)
    exposed = engine.arrow(pa.table({  # type: ignore[attr-defined]
        "unit": units, "variant": np.where(rng.random(UNITS) < 0.5, "a", "b"), "epoch": np.ones(UNITS, np.int64),
        "exposed_at": pa.array(at, pa.timestamp("us")),
        "exposed_day": pa.array(at, pa.timestamp("us")).cast(pa.date32(), safe=False),
    }))
    as_of = AsOf(at=datetime.combine(START + timedelta(days=DAYS), datetime.min.time(), tzinfo=UTC))
    owners = exposed.select("unit", customer_id="unit")
    return Subjects(exposed=exposed, owners=owners, events=events, money=None, as_of=as_of)  # type: ignore[arg-type]


def _events(folder: Path, count: int) -> list[Path]:
    rng, files, each = np.random.default_rng(1), [], 1_000_000
    first = datetime.combine(START - timedelta(days=60), datetime.min.time())
    for n in range(-(-count // each)):
        size = min(each, count - n * each)
        at = pa.array(np.datetime64(first, "us") + rng.integers(0, (60 + DAYS) * 86_400, size).astype("timedelta64[s]"))
        path = folder / f"{n}.parquet"
        pq.write_table(pa.table({
            "customer_id": pa.array(np.char.mod("c%07d", rng.integers(0, PEOPLE, size))),
            "event_type": pa.array(np.where(rng.random(size) < 0.8, "visit", "order")),
            "occurred_at": at.cast(pa.timestamp("us")), "business_day": at.cast(pa.date32(), safe=False),
            "kind": pa.array(rng.integers(0, 5, size)).cast(pa.string()),
            "amount": pa.array(rng.integers(100, 9_000, size)),
        }), path, compression="zstd")
        files.append(path)
    return files


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
