"""How often does the interval of "would more images help?" hold the true gain of the last doubling?

    python -m benchmarks.statistics.more_data

On Gaussian features whose true gain is the mean over other data sets, tested on other images.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks.common.results import publish, say
from benchmarks.common.tables import print_rows
from benchmarks.statistics.tally import Row, Tally, parse_simulation_options
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training.insight import C_IMAGES, FOLDS, examine
from tlsearch.training.linear_head import LabelledImages

BENCHMARK = "statistics.more_data"

CLASSES = 5
WIDTH = 16
APART = 0.9
"""Distance of a class's centre from the middle, in standard deviations along each of a few features."""

FRESH = 20_000
Floats = npt.NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    options = parse_simulation_options(__doc__, arguments, 400, {"sizes": [60]})
    rows = more_data(options.simulations, options.sizes, options.seed)
    print_rows("Coverage of the interval of what more images bring", rows)
    publish(BENCHMARK, options, {"rows": rows})
    return 0


def more_data(simulations: int, sizes: Sequence[int], seed: int) -> list[Row]:
    """Coverage of the interval on data sets of each size."""
    # The matrices are small, and threads would only wait for each other.
    with threadpool_limits(1):
        return [_coverage(n, simulations, seed) for n in sizes]


def _coverage(n: int, simulations: int, seed: int) -> Row:
    few = max(20, simulations // 4) if n > 1000 else simulations
    say(f"more data: n = {n}")
    rng = np.random.default_rng([seed, n])
    # Many enough that the truth is known better than the coverage, and no more than that.
    repeats = min(max(20, 40_000 // n), 20 * simulations)
    truth = _true_gain(n, repeats, np.random.default_rng([seed, n, 1]))
    tally = Tally()
    for number in range(few):
        x, y = _draw(n, rng)
        images = LabelledImages(y, np.arange(n), CLASSES)
        found = examine([x], images, load_metric("accuracy"), seed + number, lambda done, total: None)
        tally.add(found.more_data.gain_ci95, truth)
    return {"n": n, "true gain": round(truth, 4), **tally.row()}


def _draw(n: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Features (n, WIDTH) and classes (n,), all classes equally often: a class shifts three features of its own."""
    y = np.arange(n) % CLASSES
    x = rng.standard_normal((n, WIDTH))
    for shift in range(3):
        x[np.arange(n), 3 * y + shift] += APART
    return x.astype(np.float32), y.astype(np.int64)


def _true_gain(n: int, repeats: int, rng: np.random.Generator) -> float:
    """What a probe gains when its images go from half to all of those outside a fold."""
    test = _draw(FRESH, rng)
    gains = [whole - half for half, whole in _pairs(n - n // FOLDS, repeats, test, rng)]
    return float(np.mean(gains))


def _pairs(
    train: int, repeats: int, test: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]], rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    for _ in range(repeats):
        x, y = _draw(train, rng)
        order = rng.permutation(train)
        # Standardised on all images of the data set, as the tool does it.
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scores = []
        for images in (order[: train // 2], order):
            probe = LogisticRegression(C=C_IMAGES / len(images), max_iter=500)
            probe.fit((x[images] - mean) / scale, y[images])
            scores.append(float(probe.score((test[0] - mean) / scale, test[1])))
        yield scores[0], scores[1]


if __name__ == "__main__":
    sys.exit(main())
