"""When should a model's probabilities have a temperature: never, always, or where validation images show that it helps?

    python -m benchmarks.statistics.calibration

Simulated searches whose truth is known. An image has a class and shows each network five numbers: normal, independent,
and higher by some amount for its own class. From that the true probabilities of the classes follow exactly. Networks
see the same image alike (correlation .8). A network states the true probabilities, or some that are too sure or not
sure enough: the logarithms times a factor. The one of 40 trials that is best on the validation images ships (or there
is a single one, which nothing was chosen by), and its log loss is measured on 4,000 new images:

- *never*: the probabilities stay as they are;
- *always*: they have the temperature that was fitted on the validation images;
- *where shown to help*: they have it where ``judge_temperature`` says so.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.stats.calibration import judge_temperature
from tlsearch.stats.metrics import log_loss, softmax

BENCHMARK = "statistics.calibration"

Floats = npt.NDArray[np.float64]
Row = dict[str, object]

CLASSES = 5
ALIKE = 0.8
FALL = 0.02
"""Trials lie below the best by an exponential draw of this mean accuracy."""

SIZES = (48, 240, 1000)
"""Validation images: one fold, all five folds, and the part that is held out of 6,700 images."""

BEST = (0.88, 0.97)
TRIALS = (1, 40)
FACTORS = {"true": 1.0, "a little too sure": 1.3, "far too sure": 2.5, "not sure enough": 0.6}
RULES = ("never", "always", "where shown to help")
NEW_IMAGES = 4000


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=200, help="searches of each kind (default 200)")
    options = parse_options(parser, arguments, {"simulations": 10})
    strengths = _Strengths.measured()
    rows = [
        row
        for trials in TRIALS
        for val in SIZES
        for name in FACTORS
        for row in _rows(strengths, _World(name, trials, val), options.simulations, options.seed)
    ]
    print_rows("Log loss on new images, by what decides about the temperature", rows)
    publish(BENCHMARK, options, {"rows": rows})
    return 0


@dataclass(frozen=True)
class _Strengths:
    """By how much the number of the true class must be higher for an accuracy."""

    accuracies: Floats
    shifts: Floats

    @classmethod
    def measured(cls) -> _Strengths:
        noise = np.random.default_rng(17).standard_normal((100_000, CLASSES))
        shifts = np.linspace(0.2, 6.0, 120)
        lead = noise[:, 1:].max(axis=1) - noise[:, 0]
        return cls(np.array([float((shift > lead).mean()) for shift in shifts]), shifts)

    def of(self, accuracies: Floats) -> Floats:
        return np.interp(accuracies, self.accuracies, self.shifts)


@dataclass(frozen=True)
class _World:
    name: str
    trials: int
    val: int


def _rows(strengths: _Strengths, world: _World, simulations: int, seed: int) -> list[Row]:
    say(f"calibration: {world.trials} trials, {world.val} validation images, {world.name}")
    losses: dict[str, list[float]] = {rule: [] for rule in RULES}
    applied = []
    for number in range(simulations):
        rng = np.random.default_rng([seed, world.trials, world.val, list(FACTORS).index(world.name), number])
        best = BEST[number % len(BEST)]
        shifts = strengths.of(np.clip(best - rng.exponential(FALL, world.trials), 0.5, 0.995))
        labels, seen = _images(shifts, world.val, rng)
        chosen = int((seen.argmax(axis=2) == labels).mean(axis=1).argmax())
        factor = FACTORS[world.name] * float(shifts[chosen])
        judged = judge_temperature(softmax(factor * seen[chosen]), labels)
        new_labels, new = _images(shifts[[chosen]], NEW_IMAGES, rng)
        plain = softmax(factor * new[0])
        never = log_loss(plain, new_labels)
        always = log_loss(divide_by_temperature(plain, judged.value), new_labels)
        applied.append(judged.helps)
        for rule, loss in zip(RULES, (never, always, always if judged.helps else never), strict=True):
            losses[rule].append(loss)
    shares = {"never": 0.0, "always": 1.0, "where shown to help": float(np.mean(applied))}
    return [
        {
            "chosen from": world.trials,
            "validation images": world.val,
            "probabilities": world.name,
            "rule": rule,
            "log loss": round(float(np.mean(found)), 4),
            "standard error of what the rule changes": round(
                float(np.std(np.subtract(found, losses["never"])) / np.sqrt(simulations)), 4
            ),
            "applied": round(shares[rule], 3),
            "simulations": simulations,
        }
        for rule, found in losses.items()
    ]


def _images(shifts: Floats, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.intp], Floats]:
    """Classes (count,) and the numbers that each network sees, shape (networks, count, CLASSES)."""
    labels = rng.integers(0, CLASSES, count)
    shared = np.sqrt(ALIKE) * rng.standard_normal((count, CLASSES))
    own = np.sqrt(1 - ALIKE) * rng.standard_normal((len(shifts), count, CLASSES))
    return labels, shifts[:, None, None] * np.eye(CLASSES)[labels] + shared + own


if __name__ == "__main__":
    sys.exit(main())
