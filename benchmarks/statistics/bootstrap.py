"""How often do percentile bootstrap intervals, the usual ones, hold the truth on the same simulated test sets?

    python -m benchmarks.statistics.bootstrap

To compare with coverage.py; independent images only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import publish, say
from benchmarks.common.tables import print_rows
from benchmarks.statistics.simulated_tests import CLASSES, METRICS, Floats, Labels, Simulator, worlds
from benchmarks.statistics.tally import SIZES, Row, Tally, parse_simulation_options
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.metrics import score_counts

BENCHMARK = "statistics.bootstrap"
RESAMPLES = 499


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    options = parse_simulation_options(__doc__, arguments, 500)
    rows = bootstrap(options.simulations, [n for n in options.sizes if n < max(SIZES)], options.seed)
    print_rows("Coverage of the percentile bootstrap", rows)
    publish(BENCHMARK, options, {"simulations": options.simulations, "lowest": lowest_by_size(rows), "rows": rows})
    return 0


def bootstrap(simulations: int, sizes: Sequence[int], seed: int) -> list[Row]:
    """Coverage of percentile bootstrap intervals of a score and of a difference on independent images."""
    rows: list[Row] = []
    for world in worlds(("none",)):
        for n in sizes:
            say(f"bootstrap: {world.name}, n = {n}")
            simulator = Simulator(world, n)
            rng = np.random.default_rng([seed, n])
            tallies = {(metric, kind): Tally() for metric in METRICS for kind in ("score", "difference")}
            for _ in range(simulations):
                drawn = simulator.draw(rng)
                chosen = rng.integers(0, n, (RESAMPLES, n))
                for metric in METRICS:
                    winner, other = (
                        score_resamples(drawn.y, predictions, chosen, metric)
                        for predictions in (drawn.winner, drawn.other)
                    )
                    first, second = simulator.truth(metric)
                    tallies[metric, "score"].add(percentiles(winner), first)
                    tallies[metric, "difference"].add(percentiles(winner - other), first - second)
            for (metric, kind), tally in tallies.items():
                rows.append({"metric": metric, "interval": kind, "world": world.name, "n": n, **tally.row()})
    return rows


def lowest_by_size(rows: Sequence[Row]) -> dict[str, float]:
    """The lowest coverage at each number of images."""
    sizes = dict.fromkeys(str(row["n"]) for row in rows)
    return {n: min(float(str(row["coverage"])) for row in rows if str(row["n"]) == n) for n in sizes}


def score_resamples(y: Labels, predictions: Labels, chosen: Labels, metric: CountMetric) -> Floats:
    """The score of every resample; ``chosen`` is (resamples, n), rows of images."""
    truth, predicted = y[chosen], predictions[chosen]

    def count(labels: Labels, kept: npt.NDArray[np.bool_] | None = None) -> Floats:
        place = np.arange(len(chosen))[:, None] * CLASSES + labels
        flat = place[kept] if kept is not None else place.ravel()
        return np.bincount(flat, minlength=len(chosen) * CLASSES).reshape(-1, CLASSES).astype(np.float64)

    return score_counts(count(truth, truth == predicted), count(truth), count(predicted), metric)


def percentiles(draws: Floats) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
