"""How often an analysis is right where the truth is known: `python benchmarks/simulate.py NAME`, a table."""

from __future__ import annotations

import click
import comparing
import numpy as np

SIMULATIONS = {**comparing.SIMULATIONS}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SIMULATIONS)))
@click.option("--runs", default=20_000, show_default=True, help="Experiments invented for each line.")
@click.option("--seed", default=1, show_default=True, help="Of chance; the same seed gives the same table.")
def main(names: tuple[str, ...], runs: int, seed: int) -> None:
    """Run some simulations, or all; a line outside of what is promised ends in `broken`."""
    print(f"{runs:,} runs, seed {seed}")
    print(f"{'':<58}{'found':>9}{'promised':>18}")
    for name in names or SIMULATIONS:
        for what, found, least, most in SIMULATIONS[name](runs, np.random.default_rng(seed)):
            promised = "" if (least, most) == (0.0, 1.0) else f"{least:.4f} - {most:.4f}"
            print(f"{what:<58}{found:>9.4f}{promised:>18}{'' if least <= found <= most else '  broken'}", flush=True)


if __name__ == "__main__":
    main()
