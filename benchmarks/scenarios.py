"""The scenarios: each sets its stage, measures `regulars` as a process, and measures a baseline beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import baseline
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import together
from measured import ROOT, Usage, best, measured, regulars

from regulars.testing.archive import unpack
from regulars.testing.customers import noisy_customers
from regulars.testing.gym import World, drops, generate
from regulars.testing.gym.stage import PROVIDERS, arrive, staged

INVOICES = ROOT.parent / "shared" / "data" / "retail" / "online_retail_by_day.tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line of the table."""

    scenario: str
    usage: Usage
    budget_seconds: float                    # of wall-clock
    budget_mb: float
    baseline: str                            # what it is
    baseline_seconds: float                  # wall-clock of it in this same run

    @property
    def ratio(self) -> float:
        """Return how many times the baseline it took: less moved by the machine than seconds are."""
        return self.usage.wall_seconds / self.baseline_seconds

    @property
    def is_within(self) -> bool:
        """Say whether it kept its budget."""
        return self.usage.wall_seconds <= self.budget_seconds and self.usage.peak_mb <= self.budget_mb


Measurements = Iterator[Measurement]


def cli_help(_folder: Path, _scale: float) -> Measurements:
    """`regulars --help`, the best of five."""
    bare = best([baseline.bare_help() for _ in range(5)])
    usage = best([regulars("--help") for _ in range(5)])
    yield _measurement("cli_help", usage, bare, baseline.CLICK, seconds=0.5, mb=100)


def retail(folder: Path, _scale: float) -> Measurements:
    """Online Retail: all days but the last in one run, then one more day."""
    files, project = folder / "invoices", folder / "shop"
    files.mkdir(parents=True)
    unpack(INVOICES, files)
    days = sorted(files.rglob("*.csv"))
    last = days[-1].rename(folder / days[-1].name)
    shutil.copytree(ROOT / "examples" / "shop", project)
    environment = {"RETAIL_DATA": str(days[0].parent)}
    bare = baseline.plain_csv(days[0].parent)
    usage = _run(project, date(2011, 12, 12), environment)
    yield _measurement("retail_once", usage, bare, baseline.CSV, seconds=20, mb=2048)
    last.rename(days[-1])
    usage = _run(project, date(2011, 12, 13), environment)
    yield _measurement("retail_one_more_day", usage, bare, baseline.CSV, seconds=3, mb=2048)


def gym_sandbox(folder: Path, scale: float) -> Measurements:
    """The example gym's whole history from its vendors over HTTP, then one more day. The vendors are not measured."""
    world = generate(folder / "world", seed=1, scale=scale)
    before = world.last_day - timedelta(days=1)
    item = {"charges": "stripe/payment_intents.ndjson", "check_ins": "capitan/check_ins.ndjson"}
    bare = baseline.plain_json(**{name: str(world.sandbox / path) for name, path in item.items()}, item="item.")
    with staged(world, folder, day=before) as stage:
        usage = _run(stage.project, before + timedelta(days=1), stage.environment)
        yield _measurement(f"gym_scale_{scale:g}", usage, bare, baseline.JSON, seconds=15 * max(scale, 1), mb=2048)
        stage.move_to(world.last_day)
        again = _run(stage.project, world.last_day + timedelta(days=1), stage.environment)
        yield _measurement(
            f"gym_scale_{scale:g}_second_day", again, bare, baseline.JSON, seconds=usage.wall_seconds / 5, mb=2048
        )


def gym_drops(folder: Path, scale: float) -> Measurements:
    """The example gym from exports in folders, as a bulk load is; then one more day, then one customer's page."""
    world = generate(folder / "world", seed=1, scale=scale)
    project, exports = folder / "project", folder / "exports"
    shutil.copytree(ROOT / "examples" / "gym", project)
    environment = {"GYM_FILES": str(folder / "files")}
    environment |= {f"{name.upper()}_URL": f"file://{exports / name}" for name in PROVIDERS}
    environment |= {f"{name.upper()}_KEY": "none" for name in PROVIDERS}
    before, mb = world.last_day - timedelta(days=1), 2048 if scale <= 10 else 16_384
    _arrive(world, before, folder)
    bare = baseline.plain_json(
        charges=f"{exports}/stripe/payment_intents/*.gz", check_ins=f"{exports}/capitan/check_ins/*.gz", item=""
    )
    usage = _run(project, before + timedelta(days=1), environment)
    budget = 900 if scale >= 100 else 15 * max(scale, 1)
    yield _measurement(f"gym_scale_{scale:g}", usage, bare, baseline.JSON, seconds=budget, mb=mb)
    _arrive(world, world.last_day, folder)
    again = _run(project, world.last_day + timedelta(days=1), environment)
    yield _measurement(
        f"gym_scale_{scale:g}_second_day", again, bare, baseline.JSON, seconds=usage.wall_seconds / 5, mb=mb
    )
    with (world.sandbox / "capitan" / "customers.ndjson").open() as lines:
        somebody = json.loads(lines.readline())["item"]["id"]
    one = ["customer", f"capitan/{somebody}", "-p", str(project), "--json"]
    looked_up = best([regulars(*one, environment=environment) for _ in range(3)])
    yield _measurement("customer_lookup", looked_up, bare, baseline.JSON, seconds=1, mb=512)


def connections(folder: Path, scale: float) -> Measurements:
    """Who was there together on three days, of a million check-ins a unit of scale; beside it the join of SQL.

    The join is of a million at the most: of five it does not fit in memory. Then all connections of the reference's
    size, 215,000 interactions, made anew.
    """
    rows, joined = round(scale * 1_000_000), round(min(scale, 1) * 1_000_000)
    file, smaller = folder / "check_ins.parquet", folder / "joined.parquet"
    together.write_check_ins(file, rows)
    together.write_check_ins(smaller, joined)
    bare = baseline.self_join(smaller)
    usage = together.swept(file)
    label = baseline.JOIN.format(joined)
    yield _measurement(f"together_{rows / 1e6:g}M", usage, bare, label, seconds=max(12 / 5 * scale, 3), mb=1500)
    together.write_check_ins(smaller, 120_000)
    rebuilt = together.rebuilt(smaller, folder)
    yield _measurement("connections_217k", rebuilt, bare, label, seconds=1, mb=1500)


def identity(folder: Path, scale: float) -> Measurements:
    """A million noisy profiles of five sources become people; then a day of which one in a hundred is new."""
    people = noisy_customers(round(scale * 1_000_000), seed=1).profiles
    is_new = np.random.default_rng(1).random(len(people)) < 0.01
    profiles, command = folder / "profiles.parquet", [str(ROOT / "benchmarks" / "people.py"), str(folder)]
    pq.write_table(people.filter(pa.array(~is_new)), profiles)
    bare = baseline.plain_people(profiles)
    yield _measurement("identity", measured(command), bare, baseline.PEOPLE, seconds=120 * max(scale, 0.1), mb=4096)
    pq.write_table(people, profiles)
    pq.write_table(people.filter(pa.array(is_new)), folder / "told.parquet")
    usage = measured(command)
    yield _measurement("identity_one_more_day", usage, bare, baseline.PEOPLE, seconds=10 * max(scale, 0.1), mb=4096)


SCENARIOS: Mapping[str, tuple[Callable[[Path, float], Measurements], float]] = {
    "cli_help": (cli_help, 1), "retail": (retail, 1), "gym_sandbox": (gym_sandbox, 1), "gym_drops": (gym_drops, 10),
    "connections": (connections, 1),
    "identity": (identity, 1),
}
"""Every scenario by its name, with the scale it has when none is asked for."""


def _run(project: Path, day: date, environment: Mapping[str, str]) -> Usage:
    at = f"{day.isoformat()}T09:00"
    return regulars("run", "-p", str(project), "--as-of", at, "--json", environment=environment)


def _arrive(world: World, day: date, folder: Path) -> None:
    arrive(world, day, folder / "files")
    drops(world, day, folder / "exports")    # what `arrive` has already put there is not written twice


def _measurement(name: str, usage: Usage, bare: Usage, label: str, *, seconds: float, mb: float) -> Measurement:
    return Measurement(
        scenario=name, usage=usage, budget_seconds=seconds, budget_mb=mb, baseline=label,
        baseline_seconds=bare.wall_seconds,
    )
