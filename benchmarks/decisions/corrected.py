"""Is the validation figure of the best trial honest once it is corrected for its selection?

    python -m benchmarks.decisions.corrected

A simulation of searches whose truth is known; images and networks are as in ``selection_bias``. The figure of the best
trial is compared with the true accuracy of that trial: as it is, and corrected for its selection (``stats.selection``).
Coverage is how often the 95 % interval holds the truth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.decisions.selection_bias import BEST, FALL, TRIALS, Floats, Row, Search
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.claims import estimate
from tlsearch.stats.selection import corrected_estimate

BENCHMARK = "decisions.corrected"

SIZES = (45, 100, 340, 1000, 2000)

WORLDS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "most near the best": lambda rng: np.clip(BEST - rng.exponential(FALL, TRIALS), 0.3, None),
    "all equal": lambda rng: np.full(TRIALS, BEST),
    "one is best": lambda rng: np.r_[0.92, np.clip(0.84 - rng.exponential(FALL, TRIALS - 1), 0.3, None)],
}
"""The true accuracy of the trials."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=500, help="searches of each size and world (default 500)")
    options = parse_options(parser, arguments, {"simulations": 3})
    rows = [row for val in SIZES for world in WORLDS for row in simulate(world, val, options.simulations, options.seed)]
    print_rows("How far the best figure of a search lies above the truth, and coverage of its interval", rows)
    publish(BENCHMARK, options, {"trials": TRIALS, "rows": rows})
    return 0


def simulate(world: str, val: int, simulations: int, seed: int) -> list[Row]:
    """The bias in points and the coverage of each figure."""
    say(f"corrected: {val} validation images, {world}")
    bias: dict[str, list[float]] = {}
    covered: dict[str, list[bool]] = {}
    for number in range(simulations):
        rng = np.random.default_rng([seed, val, list(WORLDS).index(world), number])
        search = Search(val, val, rng)
        search.truth = WORLDS[world](rng)
        right = np.stack([search.train(trial, np.arange(val))[0][-1] for trial in range(TRIALS)])
        order = np.argsort(-right.mean(axis=1), kind="stable")
        truth = float(search.truth[order[0]])
        labels, trials = np.zeros(val, np.intp), [_answers(right[trial]) for trial in order]
        plain = estimate(labels, trials[0].argmax(axis=1))
        corrected = corrected_estimate(load_metric("accuracy"), labels, trials, None, number)
        for name, found in (("as it is", plain), ("corrected", corrected)):
            if found is not None:
                bias.setdefault(name, []).append(found.value - truth)
                covered.setdefault(name, []).append(found.ci95[0] <= truth <= found.ci95[1])
    return [
        {
            "validation images": val,
            "world": world,
            "figure": name,
            "points too high": round(100 * float(np.mean(values)), 2),
            "standard error": round(100 * float(np.std(values) / np.sqrt(len(values))), 2),
            "coverage": round(float(np.mean(covered[name])), 3),
            "simulations": simulations,
        }
        for name, values in bias.items()
    ]


def _answers(right: npt.NDArray[np.bool_]) -> Floats:
    """Probabilities of two classes, of which the first is the true one."""
    return np.stack([right, ~right], axis=1).astype(np.float64)


if __name__ == "__main__":
    sys.exit(main())
