"""How fast units are given places and flags values, on one core: `python benchmarks/assignment.py`; a minute."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pyarrow as pa

from regulars.flags import Flags, bucket, bucketed, position, positions

MANY, FEW = 2_000_000, 100_000
ROUNDS = 5                                   # the best of so many counts
FEATURE = {
    "defaultValue": 0,
    "rules": [{
        "key": "exp", "variations": [0, 1], "condition": {"country": "US"}, "namespace": ["ns", 0, 1], "hashVersion": 2,
    }],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing done so many times, with the least that is asked of it, a second."""

    what: str
    units: int
    work: Callable[[], object]
    least: float | None = None


def main() -> None:
    print(f"{'what':<58}{'M/s':>9}{'least':>8}")
    for line in lines():
        rate = line.units / min(_seconds(line.work) for _ in range(ROUNDS))
        least = "" if line.least is None else f"{line.least / 1e6:.1f}"
        verdict = "  under" if line.least is not None and rate < line.least else ""
        print(f"{line.what:<58}{rate / 1e6:>9.2f}{least:>8}{verdict}", flush=True)


def lines() -> Iterator[Line]:
    numbers = np.arange(MANY)
    names = [f"user_{n:08d}" for n in range(MANY)]
    arrow, numpy = pa.array(names), np.array(names)
    uuids = [str(UUID(int=int(n) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for n in range(MANY // 4)]
    yield Line(what="our hash, whole numbers", units=MANY, work=lambda: bucketed(numbers, salt="exp"), least=10e6)
    yield Line(what="our hash, 13 letters, Arrow", units=MANY, work=lambda: bucketed(arrow, salt="exp"), least=5e6)
    yield Line(what="our hash, 13 letters, list", units=MANY, work=lambda: bucketed(names, salt="exp"))
    yield Line(what="our hash, UUIDs, list", units=len(uuids), work=lambda: bucketed(uuids, salt="exp"))
    for held, column in (("Arrow", arrow), ("numpy", numpy), ("list", names)):
        yield Line(
            what=f"GrowthBook's version 2, 13 letters, {held}", units=MANY, least=5e6,
            work=lambda column=column: positions(column, seed="exp", version=2),  # type: ignore[misc]  # bound now
        )
    few = names[:FEW]
    yield Line(
        what="our hash, one at a time", units=FEW, least=300e3, work=lambda: [bucket(u, salt="exp") for u in few],
    )
    yield Line(
        what="GrowthBook's version 2, one at a time", units=FEW,
        work=lambda: [position(u, seed="exp", version=2) for u in few],
    )
    flags = Flags.load({"features": {"feature": FEATURE}})
    people = [{"id": name, "country": "US"} for name in few[: FEW // 4]]
    yield Line(
        what="a flag with condition, namespace and experiment", units=len(people),
        work=lambda: [flags.evaluate("feature", person) for person in people],
    )
    if importlib.util.find_spec("growthbook"):
        yield from _of_the_sdk(few, people)


def _of_the_sdk(names: list[str], people: list[dict[str, str]]) -> Iterator[Line]:
    """What GrowthBook's own SDK for Python does in the same minute."""
    from growthbook import GrowthBook  # noqa: PLC0415  only where it is installed
    from growthbook.core import gbhash  # noqa: PLC0415

    sdk = GrowthBook(features={"feature": FEATURE})

    def evaluated() -> None:
        for person in people:
            sdk.set_attributes(person)
            sdk.eval_feature("feature")

    yield Line(
        what="  baseline: the SDK's version 2, one at a time", units=len(names),
        work=lambda: [gbhash("exp", name, 2) for name in names],
    )
    yield Line(what="  baseline: the SDK, the same flag", units=len(people), work=evaluated)


def _seconds(work: Callable[[], object]) -> float:
    # The process's own time: a neighbour on the machine does not count.
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
