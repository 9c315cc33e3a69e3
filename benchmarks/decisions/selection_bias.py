"""By how much does the figure by which a trial is chosen promise too much?

    python -m benchmarks.decisions.selection_bias

A simulation of searches whose truth is known.

Assumptions. A search has 40 configurations, and the true accuracy of their trained networks spreads below .88 (an
exponential fall of 4 points on average: most are near the best, as in a search that learns). Training has 10 epochs:
the true accuracy rises to its end, around which it still moves by 1 point in early epochs and not at all in the last.
Whether a network is right about an image is a threshold on a sum of four independent normal parts: how hard the image
is for all (.65 of the variance), what this configuration makes of it (.15), what this training run makes of it (.12)
and what this epoch makes of it (.08). Two trainings of one configuration then disagree on 10 % of the images.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from tlsearch.pipeline.confirm import CONTENDERS, MOST_FOLDS
from tlsearch.stats.standard_errors import paired_error, paired_image_error

Floats = npt.NDArray[np.float64]
Row = dict[str, object]

BENCHMARK = "decisions.selection_bias"

TRIALS = 40
EPOCHS = 10
BEST = 0.88
FALL = 0.04
JITTER = 0.01
SHARES = {"image": 0.65, "configuration": 0.15, "run": 0.12, "epoch": 0.08}
VAL_SIZES = (45, 340)
FOLDS_BELOW = 600
FOLDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=1000, help="searches of each size (default 1000)")
    options = parse_options(parser, arguments, {"simulations": 20})
    rows = selection_bias(options.simulations, options.seed)
    print_rows("How far the figure that chose a trial lies above the truth", rows)
    publish(BENCHMARK, options, {"trials": TRIALS, "rows": rows})
    return 0


@dataclass
class Search:
    """One search on ``val`` validation images out of a pool of ``pool`` (training and validation)."""

    pool: int
    val: int
    rng: np.random.Generator

    def __post_init__(self) -> None:
        """Draw what is true of the images and of the configurations."""
        self.truth: Floats = np.clip(BEST - self.rng.exponential(FALL, TRIALS), 0.3, None)
        self.image: Floats = self.rng.standard_normal(self.pool)
        self.taste: Floats = self.rng.standard_normal((TRIALS, self.pool))

    def train(self, trial: int, images: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Which of ``images`` a new training has right after each epoch (EPOCHS, n), and its accuracy (EPOCHS,)."""
        epochs = np.arange(1, EPOCHS + 1)
        end = self.truth[trial]
        true = end - (end - 0.4) * np.exp(-epochs / 1.2)
        true = np.clip(true + JITTER * (1 - epochs / EPOCHS) * self.rng.standard_normal(EPOCHS), 0.05, 0.99)
        shares = {name: np.sqrt(share) for name, share in SHARES.items()}
        fixed = shares["image"] * self.image[images] + shares["configuration"] * self.taste[trial, images]
        fixed = fixed + shares["run"] * self.rng.standard_normal(len(images))
        hard = fixed + shares["epoch"] * self.rng.standard_normal((EPOCHS, len(images)))
        return hard < ndtri(true)[:, None], true

    def curve(self, trial: int, images: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """The validation accuracy of one new training on ``images``, and its true accuracy, (EPOCHS,) each."""
        right, true = self.train(trial, images)
        return right.mean(axis=1), true

    def value(self, trial: int, images: npt.NDArray[np.intp]) -> float:
        """The mean of the last three epochs of a new training."""
        return mean_of_last_epochs(self.train(trial, images)[0])


def mean_of_last_epochs(right: npt.NDArray[np.bool_]) -> float:
    """The mean accuracy of the last three epochs of (EPOCHS, n) answers."""
    return float(right.mean(axis=1)[-3:].mean())


def selection_bias(simulations: int, seed: int) -> list[Row]:
    """Mean selected figure minus the true accuracy of the network that it is about, in points, by rule."""
    rows: list[Row] = []
    for val in VAL_SIZES:
        gaps: dict[str, list[float]] = {}
        for number in range(simulations):
            if number % 100 == 0:
                say(f"selection bias: {val} validation images, {number} of {simulations}")
            rng = np.random.default_rng([seed, val, number])
            # A fixed validation split is 15 of the 85 % that are not test; a fold is a fifth.
            small = val * FOLDS < FOLDS_BELOW
            search = Search(val * FOLDS if small else round(val * 0.85 / 0.15), val, rng)
            for rule, gap in _one_search(search, small).items():
                gaps.setdefault(rule, []).append(gap)
        for rule, values in gaps.items():
            points = 100 * np.asarray(values)
            figures = {
                "points too high": round(float(points.mean()), 2),
                "standard error": round(float(points.std(ddof=1) / np.sqrt(len(points))), 2),
            }
            rows.append({"validation images": val, "rule": rule, **figures, "simulations": simulations})
    return rows


def _one_search(search: Search, small: bool) -> dict[str, float]:
    """The gap of each rule in one search: on one validation part, and on five folds where images are few."""
    part = np.arange(search.val)
    curves = [search.curve(trial, part) for trial in range(TRIALS)]
    gaps = {}
    best_epochs = [float(accuracy.max()) for accuracy, _ in curves]
    chosen = int(np.argmax(best_epochs))
    accuracy, true = curves[chosen]
    gaps["best epoch of the best trial"] = best_epochs[chosen] - true[accuracy.argmax()]
    chosen = int(np.argmax([accuracy[-1] for accuracy, _ in curves]))
    gaps["last epoch of the best trial"] = curves[chosen][0][-1] - curves[chosen][1][-1]
    values = [float(accuracy[-3:].mean()) for accuracy, _ in curves]
    chosen = int(np.argmax(values))
    gaps["mean of the last three epochs"] = values[chosen] - search.truth[chosen]
    if small:
        folds = np.array_split(np.arange(search.pool), FOLDS)
        values = [float(np.mean([search.value(trial, fold) for fold in folds])) for trial in range(TRIALS)]
        chosen = int(np.argmax(values))
        gaps["the same over five folds"] = values[chosen] - search.truth[chosen]
    winner, confirmed = _confirm(search, values)
    gaps["confirmed on resampled folds"] = confirmed - search.truth[winner]
    return gaps


def _confirm(search: Search, values: list[float]) -> tuple[int, float]:
    """Compare the best three on resampled folds; which costs least at inference is random here."""
    running = [int(trial) for trial in np.argsort(values)[::-1][:CONTENDERS]]
    scores: dict[int, list[float]] = {trial: [] for trial in running}
    predicted: dict[int, npt.NDArray[np.intp]] = {}
    for number in range(MOST_FOLDS):
        fold = search.rng.permutation(search.pool)[: search.val]
        for trial in running:
            right, _ = search.train(trial, fold)
            scores[trial].append(float(right[-3:].mean()))
            if number == 0:
                predicted[trial] = right[-1].astype(np.intp)
        best = max(running, key=lambda trial: float(np.mean(scores[trial])))
        running = [t for t in running if _level(scores[best], scores[t], predicted[best], predicted[t], search)]
    winner = int(search.rng.choice(running))
    return winner, float(np.mean(scores[winner]))


def _level(
    best: list[float], other: list[float], right: npt.NDArray[np.intp], others: npt.NDArray[np.intp], search: Search
) -> bool:
    behind = float(np.mean(best) - np.mean(other))
    if len(best) == 1:
        ones = np.ones_like(right)  # all that matters of an answer is whether it is right
        return behind <= paired_image_error(right, others, ones, np.arange(len(ones)), "accuracy") + 1e-12
    return behind <= paired_error(best, other, search.val, search.pool - search.val) + 1e-12


if __name__ == "__main__":
    sys.exit(main())
