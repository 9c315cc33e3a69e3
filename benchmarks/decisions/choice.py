"""Which model ships, and how much does that choice lose?

    python -m benchmarks.decisions.choice

A simulation of searches whose truth is known: 40 configurations of one network, of which the first is the plain linear
probe, 15 are other linear heads and 24 tune layers. Images and networks are as in ``selection_bias``. Where images are
few and time is short, trials that tune layers have one fold and linear heads have five. Two rules are compared:

- *the best of three*: the three best trials on the folds that all have are trained anew on resampled folds (one where
  time is short), and the best mean ships;
- *everything in common*: the linear probe and the best trial on all folds take part as well, each gets as many folds
  as it is cheap, two are compared on all folds that both have, and of those that none leads by a tenth of a standard
  error the simplest ships, of equally simple ones the best on all folds that they have in common
  (``pipeline.confirm``).

There is one network here, so that nothing costs less than anything else. A network that costs less at use is given half
a standard error instead of a tenth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.decisions.selection_bias import FOLDS, TRIALS, Row, Search, mean_of_last_epochs
from tlsearch.pipeline.confirm import CONTENDERS, MOST_FOLDS
from tlsearch.pipeline.confirm.fold_runs import FEWEST_FOLDS, LEAD
from tlsearch.stats.standard_errors import paired_error

BENCHMARK = "decisions.choice"

PROBE, SOLVED = 0, 16
"""The number of the linear probe, and below which heads are solved."""

WORLDS = {
    "probe is enough": (0.88, 0.88, 0.88),
    "close": (0.87, 0.875, 0.88),
    "tuning pays": (0.84, 0.85, 0.90),
    "tuning pays a lot": (0.78, 0.80, 0.90),
    "easy": (0.94, 0.95, 0.945),
}
"""The true accuracy of the linear probe, of the best other linear head and of the best that tunes layers."""

SIZES = (48, 340)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=200, help="searches of each world (default 200)")
    options = parse_options(parser, arguments, {"simulations": 4})
    rows = [
        row
        for val in SIZES
        for short in (True, False)
        for name in WORLDS
        for row in _rows(name, val, options.simulations, options.seed, short=short)
    ]
    print_rows("Regret of the model that ships, and how often it is the linear probe", rows)
    publish(BENCHMARK, options, {"rows": rows})
    return 0


def _rows(name: str, val: int, simulations: int, seed: int, *, short: bool) -> list[Row]:
    say(f"choice: {val} validation images, {name}")
    shipped: dict[str, list[tuple[float, bool]]] = {}
    for number in range(simulations):
        rng = np.random.default_rng([seed, val, short, list(WORLDS).index(name), number])
        simulated = Simulated.of(name, val, rng, short=short)
        for rule, choose in RULES.items():
            trial = choose(simulated)
            regret = float(simulated.search.truth.max() - simulated.search.truth[trial])
            shipped.setdefault(rule, []).append((regret, trial == PROBE))
    return [
        {
            "validation images": val,
            "time": "short" if short else "enough",
            "world": name,
            "rule": rule,
            "regret, points": round(100 * float(np.mean([regret for regret, _ in found])), 2),
            "standard error": round(100 * float(np.std([regret for regret, _ in found]) / np.sqrt(len(found))), 2),
            "probe shipped": round(float(np.mean([is_probe for _, is_probe in found])), 2),
            "simulations": simulations,
        }
        for rule, found in shipped.items()
    ]


@dataclass(kw_only=True)
class Simulated:
    """One search, with what it saw and what resampled folds say.

    Attributes:
        search: What is true of its images and trials.
        seen: The values of each trial on the folds of the search.
        shared: On how many of them all trials were scored.
        folds: The images of the resampled folds.
        short: Whether there is time for one resampled fold only, but for what is cheap.
        again: The values on resampled folds, by trial and number of the fold.
        answers: Which images of these folds are right at the end of training.
    """

    search: Search
    seen: dict[int, list[float]]
    shared: int
    folds: list[np.ndarray[tuple[int], np.dtype[np.intp]]]
    short: bool
    again: dict[tuple[int, int], float] = field(default_factory=dict)
    answers: dict[tuple[int, int], np.ndarray[tuple[int], np.dtype[np.bool_]]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, val: int, rng: np.random.Generator, *, short: bool) -> Simulated:
        """Simulate a search of the world ``name`` on ``val`` validation images."""
        small = val * FOLDS < 600
        search = Search(val * FOLDS if small else round(val * 0.85 / 0.15), val, rng)
        probe, solved, tuned = WORLDS[name]
        search.truth = np.r_[
            probe,
            solved - rng.exponential(0.02, SOLVED - 1),
            np.clip(tuned - rng.exponential(0.03, TRIALS - SOLVED), 0.3, None),
        ]
        parts = np.array_split(rng.permutation(search.pool), FOLDS) if small else [np.arange(val)]
        few = 1 if small and short else len(parts)
        seen = {
            trial: [search.value(trial, part) for part in parts[: len(parts) if trial < SOLVED else few]]
            for trial in range(TRIALS)
        }
        folds = [rng.permutation(search.pool)[:val] for _ in range(MOST_FOLDS)]
        return cls(search=search, seen=seen, shared=few, folds=folds, short=short)

    @property
    def best(self) -> list[int]:
        """The best trials on the folds that all have."""
        return sorted(range(TRIALS), key=lambda trial: -float(np.mean(self.seen[trial][: self.shared])))[:CONTENDERS]

    def confirmed(self, trial: int, number: int) -> float:
        """The value of a trial on a resampled fold."""
        key = trial, number
        if key not in self.again:
            right, _ = self.search.train(trial, self.folds[number])
            self.again[key], self.answers[key] = mean_of_last_epochs(right), right[-1]
        return self.again[key]

    def folds_of(self, trial: int) -> int:
        """How many resampled folds there is time for."""
        return MOST_FOLDS if trial < SOLVED or not self.short else 1

    def values(self, trial: int, other: int) -> list[float]:
        """The values of ``trial`` on all folds that ``other`` has too."""
        common = min(len(self.seen[trial]), len(self.seen[other]))
        again = min(self.folds_of(trial), self.folds_of(other))
        return [*self.seen[trial][:common], *(self.confirmed(trial, number) for number in range(again))]

    def is_better(self, trial: int, other: int) -> bool:
        """The rule of ``FoldRuns.is_better``."""
        one, two = self.values(trial, other), self.values(other, trial)
        lead = float(np.mean(one) - np.mean(two))
        if len(one) < FEWEST_FOLDS:
            return lead > 0
        val = self.search.val
        return lead > 0 and lead > LEAD * paired_error(one, two, val, self.search.pool - val)


def best_of_three(simulated: Simulated) -> int:
    """Give the trial that ships by the old rule."""
    folds = 1 if simulated.short else MOST_FOLDS
    return max(simulated.best, key=lambda t: float(np.mean([simulated.confirmed(t, n) for n in range(folds)])))


def everything_in_common(simulated: Simulated) -> int:
    """Give the trial that ships by the present rule."""
    more = [t for t in range(TRIALS) if len(simulated.seen[t]) > simulated.shared]
    thorough = [max(more, key=lambda t: float(np.mean(simulated.seen[t])))] if more else []
    contenders = list(dict.fromkeys([*simulated.best, *thorough, PROBE]))
    level = [c for c in contenders if not any(simulated.is_better(other, c) for other in contenders)] or contenders
    seen, folds = min(len(simulated.seen[c]) for c in level), min(simulated.folds_of(c) for c in level)

    def preference(trial: int) -> tuple[int, float]:
        simple = 0 if trial == PROBE else 1 if trial < SOLVED else 3
        again = (simulated.confirmed(trial, number) for number in range(folds))
        return simple, -float(np.mean([*simulated.seen[trial][:seen], *again]))

    return min(level, key=preference)


RULES: dict[str, Callable[[Simulated], int]] = {
    "the best of three": best_of_three,
    "everything in common": everything_in_common,
}


if __name__ == "__main__":
    sys.exit(main())
