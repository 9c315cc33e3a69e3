"""How often does Wilson's interval of one accuracy hold the truth, computed exactly?

    python -m benchmarks.statistics.wilson

By the binomial distribution, without simulation, for the plain interval and for the amended one that tlsearch uses:
the mean and the lowest over accuracies of 0.60 to 0.95 (the range of the simulations), and of 0.95 to 0.995. Takes
seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from benchmarks.common.results import make_parser, parse_options, publish
from benchmarks.common.tables import print_rows
from benchmarks.statistics.tally import QUICK_SIZES, SIZES, Row
from tlsearch.stats.intervals import amended_wilson, wilson

BENCHMARK = "statistics.wilson"
RANGES = {"0.60 to 0.95": (0.60, 0.95), "0.95 to 0.995": (0.95, 0.995)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute and print."""
    options = parse_options(make_parser(__doc__), arguments, {})
    rows = exact_coverage(QUICK_SIZES if options.quick else SIZES)
    print_rows("Exact coverage of Wilson's interval for one accuracy", rows)
    publish(BENCHMARK, options, {"lowest": lowest_by_interval(rows), "rows": rows})
    return 0


def exact_coverage(sizes: Sequence[int]) -> list[Row]:
    """Mean and lowest coverage for each number of images, interval and range of accuracies."""
    rows: list[Row] = []
    for n in sizes:
        for name, interval in (("Wilson", wilson), ("amended", amended_wilson)):
            ends = np.array([interval(k, n) for k in range(n + 1)])
            for accuracies, (low, high) in RANGES.items():
                grid = np.linspace(low, high, 701)
                held = (ends[:, :1] <= grid) & (grid <= ends[:, 1:])
                each = (binom.pmf(np.arange(n + 1)[:, None], n, grid) * held).sum(axis=0)
                figures = {"mean": float(each.mean()), "lowest": float(each.min()), "at": float(grid[each.argmin()])}
                where = {"n": n, "interval": name, "accuracy": accuracies}
                rows.append({**where, **{key: round(value, 4) for key, value in figures.items()}})
    return rows


def lowest_by_interval(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Interval -> range of accuracies -> lowest coverage over the numbers of images."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        shares = found.setdefault(str(row["interval"]), {})
        accuracies, lowest = str(row["accuracy"]), float(str(row["lowest"]))
        shares[accuracies] = min(lowest, shares.get(accuracies, 1.0))
    return found


if __name__ == "__main__":
    sys.exit(main())
