"""How often is p below 0.05 where the two models are equally good?

    python -m benchmarks.statistics.p_values

On simulated test sets (simulated_tests.py), for each metric, grouping and size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.common.results import publish, say
from benchmarks.common.tables import print_rows
from benchmarks.statistics.simulated_tests import METRICS, Simulator, World, worlds
from benchmarks.statistics.tally import Row, parse_simulation_options
from tlsearch.stats.claims import p_value

BENCHMARK = "statistics.p_values"

PERMUTATIONS = 999
"""Fewer than the tool's 9999, for time: a permutation test keeps its level with any number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    options = parse_simulation_options(__doc__, arguments, 2000)
    rows = rejections(options.simulations, options.sizes, options.seed)
    print_rows("How often p < 0.05 where there is no difference", rows)
    shares = [float(str(row["p below 0.05"])) for row in rows]
    figures = {"simulations": options.simulations, "lowest": min(shares), "highest": max(shares), "rows": rows}
    publish(BENCHMARK, options, figures)
    return 0


def rejections(simulations: int, sizes: Sequence[int], seed: int) -> list[Row]:
    """How often p < 0.05 where the two models are equally good, for each metric, grouping and size."""
    rows: list[Row] = []
    for world in worlds():
        if world.name not in ("even, alike", "7:1, equal"):
            continue
        # The same two recalls for the same classes: what one has right the other might as well.
        equal = replace(world, other=world.winner)
        for n in sizes:
            say(f"p-values: {world.name}, groups {world.grouping}, n = {n}")
            rows.extend(reject_equal(equal, n, simulations, seed))
    return rows


def reject_equal(world: World, n: int, simulations: int, seed: int) -> Iterator[Row]:
    """The share of ``simulations`` tests of ``n`` images in which p is below 0.05, for each metric."""
    simulator = Simulator(world, n)
    rng = np.random.default_rng([seed, n, 1])
    low, stated = dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0)
    for number in range(simulations):
        drawn = simulator.draw(rng)
        for metric in METRICS:
            p = p_value(drawn.y, (drawn.winner, drawn.other), metric, number, drawn.groups, PERMUTATIONS)
            stated[metric] += p is not None
            low[metric] += p is not None and p < 0.05
    for metric in METRICS:
        yield {
            "metric": metric,
            "world": f"{world.name} (recall {world.winner})",
            "groups": world.grouping,
            "n": n,
            "p below 0.05": round(low[metric] / simulations, 4),
            "p stated": round(stated[metric] / simulations, 4),
            "simulations": simulations,
        }


if __name__ == "__main__":
    sys.exit(main())
