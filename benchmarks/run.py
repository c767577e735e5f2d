"""Measure how fast and how large Regulars is: `python benchmarks/run.py`, a table; README.md says how to read it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from measured import RunFailed
from scenarios import SCENARIOS, Measurement

HEAD = ("scenario", "wall s", "budget", "CPU s", "peak MB", "budget", "baseline s", "ratio", "")


@click.command()
@click.option("--scenario", "names", multiple=True, type=click.Choice(list(SCENARIOS)), help="Only this; repeatable.")
@click.option("--scale", type=float, help="Of the gym; 1 is 11,600 customers. 100 takes a quarter of an hour.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to work, on the disk to be measured.")
def main(names: Sequence[str], scale: float | None, folder: Path | None, *, as_json: bool) -> None:
    """Measure every scenario, or some, each in a new folder that is removed afterwards."""
    found: list[Measurement] = []
    load = os.getloadavg()[0]
    if not as_json:
        print(f"{os.cpu_count()} cores, load {load:.1f} before the first scenario")
        print(_line(HEAD))
    for name in names or SCENARIOS:
        scenario, usual = SCENARIOS[name]
        with tempfile.TemporaryDirectory(dir=folder) as work:
            try:
                for measurement in scenario(Path(work), usual if scale is None else scale):
                    found.append(measurement)
                    if not as_json:
                        print(_line(_row(measurement)), flush=True)
            except RunFailed as error:
                raise click.ClickException(f"{name}: {error}") from error
    if as_json:
        rows = [asdict(m) | {"ratio": round(m.ratio, 2), "is_within": m.is_within} for m in found]
        print(json.dumps({"cores": os.cpu_count(), "load_before": load, "measurements": rows}, indent=2))
        return
    for label in dict.fromkeys(m.baseline for m in found):
        print(f"Baseline: {label}")


def _row(m: Measurement) -> tuple[str, ...]:
    return (
        m.scenario, f"{m.usage.wall_seconds:.2f}", f"{m.budget_seconds:.1f}", f"{m.usage.cpu_seconds:.2f}",
        f"{m.usage.peak_mb:,.0f}", f"{m.budget_mb:,.0f}", f"{m.baseline_seconds:.2f}", f"{m.ratio:.1f}",
        "" if m.is_within else "over",
    )


def _line(cells: Sequence[str]) -> str:
    return f"{cells[0]:<26}" + "".join(f"{cell:>11}" for cell in cells[1:])


if __name__ == "__main__":
    main()
