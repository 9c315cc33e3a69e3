"""How often the intervals hold the truth, and how often the p-values cry wolf, on simulated test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from honesty_worlds import CLASSES, METRICS, Floats, Labels, Simulator, World, worlds
from scipy.stats import binom

from tlsearch.config import Metric
from tlsearch.stats.claims import difference_interval, estimate, p_value
from tlsearch.stats.intervals import amended_wilson, wilson
from tlsearch.stats.metrics import score_counts

SIZES = (45, 100, 370, 2000)
LOWEST = 0.93
"""An interval that holds the truth less often than this falls short; the level is .95."""

RESAMPLES = 499
PERMUTATIONS = 999
"""Fewer than the tool's 9999, for time: a permutation test keeps its level with any number."""

Row = dict[str, object]
Tell = Callable[[str], None]


@dataclass
class Tally:
    """How often the truth lay below, in and above the intervals."""

    below: int = 0
    inside: int = 0
    above: int = 0
    width: float = 0.0

    def add(self, interval: tuple[float, float], truth: float) -> None:
        """Count one interval."""
        low, high = interval
        self.below += truth < low - 1e-12
        self.above += truth > high + 1e-12
        self.inside += low - 1e-12 <= truth <= high + 1e-12
        self.width += high - low

    def row(self) -> Row:
        """Shares of all intervals, and their mean width."""
        count = self.below + self.inside + self.above
        return {
            "coverage": round(self.inside / count, 4),
            "below": round(self.below / count, 4),
            "above": round(self.above / count, 4),
            "width": round(self.width / count, 4),
            "simulations": count,
        }


def coverage(simulations: int, seed: int, tell: Tell) -> list[Row]:
    """Coverage of the interval of a score and of a difference, for each metric, world and size."""
    rows: list[Row] = []
    for world in worlds():
        for n in SIZES:
            tell(f"coverage: {world.name}, groups {world.grouping}, n = {n}")
            rows.extend(_cover(world, n, simulations, seed))
    return rows


def _cover(world: World, n: int, simulations: int, seed: int) -> Iterator[Row]:
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


def bootstrap(simulations: int, seed: int, tell: Tell) -> list[Row]:
    """Coverage of percentile bootstrap intervals on independent images, the usual way, to compare with ``coverage``."""
    rows: list[Row] = []
    for world in worlds(("none",)):
        for n in SIZES[:-1]:
            tell(f"bootstrap: {world.name}, n = {n}")
            simulator = Simulator(world, n)
            rng = np.random.default_rng([seed, n])
            tallies = {(metric, kind): Tally() for metric in METRICS for kind in ("score", "difference")}
            for _ in range(simulations):
                drawn = simulator.draw(rng)
                chosen = rng.integers(0, n, (RESAMPLES, n))
                for metric in METRICS:
                    winner, other = (_scores(drawn.y, said, chosen, metric) for said in (drawn.winner, drawn.other))
                    first, second = simulator.truth(metric)
                    tallies[metric, "score"].add(_percentiles(winner), first)
                    tallies[metric, "difference"].add(_percentiles(winner - other), first - second)
            for (metric, kind), tally in tallies.items():
                rows.append({"metric": metric, "interval": kind, "world": world.name, "n": n, **tally.row()})
    return rows


def _scores(y: Labels, said: Labels, chosen: Labels, metric: Metric) -> Floats:
    """The score of every resample; ``chosen`` is (resamples, n), rows of images."""
    truth, guess = y[chosen], said[chosen]

    def count(labels: Labels, kept: npt.NDArray[np.bool_] | None = None) -> Floats:
        place = np.arange(len(chosen))[:, None] * CLASSES + labels
        flat = place[kept] if kept is not None else place.ravel()
        return np.bincount(flat, minlength=len(chosen) * CLASSES).reshape(-1, CLASSES).astype(np.float64)

    return score_counts(count(truth, truth == guess), count(truth), count(guess), metric)


def _percentiles(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def exact_wilson() -> list[Row]:
    """Coverage of the interval of one accuracy by the binomial distribution, without simulation, plain and amended: the
    mean and the lowest over accuracies of .60 to .95 (the range of the other simulations), and of .95 to .995."""
    rows: list[Row] = []
    for n in SIZES:
        for name, interval in (("Wilson", wilson), ("amended", amended_wilson)):
            ends = np.array([interval(k, n) for k in range(n + 1)])
            for low, high in ((0.60, 0.95), (0.95, 0.995)):
                grid = np.linspace(low, high, 701)
                held = (ends[:, :1] <= grid) & (grid <= ends[:, 1:])
                each = (binom.pmf(np.arange(n + 1)[:, None], n, grid) * held).sum(axis=0)
                figures = {"mean": float(each.mean()), "lowest": float(each.min()), "at": float(grid[each.argmin()])}
                where = {"n": n, "interval": name, "accuracy": f"{low:.2f} to {high:.3f}"}
                rows.append({**where, **{key: round(value, 4) for key, value in figures.items()}})
    return rows


def p_values(simulations: int, seed: int, tell: Tell) -> list[Row]:
    """How often p < .05 where the two models are equally good, for each metric, grouping and size."""
    rows: list[Row] = []
    for world in worlds():
        if world.name not in ("even, alike", "7:1, equal"):
            continue
        # The same two recalls for the same classes: what one has right the other might as well.
        equal = replace(world, other=world.winner)
        for n in SIZES:
            tell(f"p-values: {world.name}, groups {world.grouping}, n = {n}")
            rows.extend(_reject(equal, n, simulations, seed))
    return rows


def _reject(world: World, n: int, simulations: int, seed: int) -> Iterator[Row]:
    simulator = Simulator(world, n)
    rng = np.random.default_rng([seed, n, 1])
    low, said = dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0)
    for number in range(simulations):
        drawn = simulator.draw(rng)
        for metric in METRICS:
            p = p_value(drawn.y, drawn.winner, drawn.other, metric, number, drawn.groups, PERMUTATIONS)
            said[metric] += p is not None
            low[metric] += p is not None and p < 0.05
    for metric in METRICS:
        yield {
            "metric": metric,
            "world": f"{world.name} (recall {world.winner})",
            "groups": world.grouping,
            "n": n,
            "p below .05": round(low[metric] / simulations, 4),
            "p stated": round(said[metric] / simulations, 4),
            "simulations": simulations,
        }
