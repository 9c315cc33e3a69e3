"""How often do the 95 % intervals of a score and of a difference hold the truth?

    python -m benchmarks.statistics.coverage

For accuracy, balanced accuracy and macro F1, over simulated test sets whose truth is known (simulated_tests.py). All
simulations of this folder together take about an hour of one core. The exit code is 1 where an interval falls short of
``LOWEST``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.common.results import publish, say
from benchmarks.common.tables import print_rows
from benchmarks.statistics.simulated_tests import METRICS, Simulator, World, worlds
from benchmarks.statistics.tally import Row, Tally, parse_simulation_options
from tlsearch.stats.claims import difference_interval, estimate

BENCHMARK = "statistics.coverage"

LOWEST = 0.93
"""An interval that holds the truth less often than this falls short; the level is 0.95."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where an interval falls short."""
    options = parse_simulation_options(__doc__, arguments, 2000)
    rows = coverage(options.simulations, options.sizes, options.seed)
    print_rows("Coverage of the 95 % intervals", rows)
    short = shortfalls(rows)
    figures = {"simulations": options.simulations, "ranges": ranges(rows), "shortfalls": short, "rows": rows}
    publish(BENCHMARK, options, figures)
    if short:
        say(f"{len(short)} intervals fall short: {short}")
    return 1 if short and not options.quick else 0


def coverage(simulations: int, sizes: Sequence[int], seed: int) -> list[Row]:
    """Coverage of the interval of a score and of a difference, for each metric, world and size."""
    rows: list[Row] = []
    for world in worlds():
        for n in sizes:
            say(f"coverage: {world.name}, groups {world.grouping}, n = {n}")
            rows.extend(cover_world(world, n, simulations, seed))
    return rows


def cover_world(world: World, n: int, simulations: int, seed: int) -> Iterator[Row]:
    """Coverage of both intervals of every metric on tests of ``n`` images."""
    simulator = Simulator(world, n)
    rng = np.random.default_rng([seed, n])
    tallies = {(metric, kind): Tally() for metric in METRICS for kind in ("score", "difference")}
    truths = {metric: simulator.truth(metric) for metric in METRICS}
    for _ in range(simulations):
        drawn = simulator.draw(rng)
        for metric, (winner, other) in truths.items():
            single = estimate(drawn.y, drawn.winner, metric, drawn.groups).ci95
            tallies[metric, "score"].add(single, winner)
            paired = difference_interval(drawn.y, drawn.winner, drawn.other, metric, drawn.groups)
            tallies[metric, "difference"].add(paired, winner - other)
    for (metric, kind), tally in tallies.items():
        where = {"world": world.name, "groups": world.grouping, "n": n}
        yield {"metric": metric, "interval": kind, **where, **tally.row()}


def shortfalls(rows: Sequence[Row]) -> list[str]:
    """Which intervals hold the truth too seldom, simulation error of two standard errors granted."""
    short = []
    for row in rows:
        grace = 2 * float(np.sqrt(LOWEST * (1 - LOWEST) / int(str(row["simulations"]))))
        if float(str(row["coverage"])) < LOWEST - grace:
            names = ("metric", "interval", "world", "groups", "n", "coverage")
            short.append(", ".join(str(row[name]) for name in names))
    return short


def ranges(rows: Sequence[Row]) -> list[Row]:
    """The lowest and the highest coverage over the worlds, for each metric, interval, size, and with groups or not."""
    found: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        key = (row["metric"], row["interval"], row["groups"] != "none", row["n"])
        found.setdefault(key, []).append(float(str(row["coverage"])))
    names = ("metric", "interval", "grouped", "n")
    return [
        {**dict(zip(names, key, strict=True)), "lowest": min(shares), "highest": max(shares)}
        for key, shares in found.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
