"""How often does a run claim a gain that is none, and do its intervals hold the truth: before and after?

    python -m benchmarks.decisions.claims

Whole runs whose truth is known: the searches of ``choice`` and, beside them, a network from scratch. What ships, the
linear probe and the network from scratch are tested on the same new images (15 images for every 85 of the pool), and
gains are claimed from these by the code of a run.

- *before* is the rule of choice and of claims that tlsearch had until the linear probe became a contender: the best
  mean of the best three trials ships (``choice.best_of_three``); a gain is claimed where its interval excludes 0 and p
  is below .05, whatever the opponent has learned; the error of a confirmed score comes from the spread of its folds,
  and may be 0.
- *after* is the present rule: ``choice.everything_in_common`` ships, a winner that is the probe is not compared with
  itself, a network from scratch that has not learned carries no claim, nor does one whose remaining epochs could undo
  the gain (``report.verdict.fair``; ``unfinished`` has more kinds of curves), and the error of a confirmed score comes
  from the images of its folds, and is never 0.

A claim that the search paid is false where the true accuracy of the winner is not above that of the probe. A claim that
pre-training helped is false where it is not above what the network from scratch reaches when it is trained to its end.
Its score nears that end by a factor of e in 6 epochs at the highest learning rate. The whole schedule has 60 epochs.
As in a run, one that is stopped earlier has a schedule of its own, whose learning rate falls to 0 (``unfinished``). The
exit code is 1 where something is worse after than before.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.decisions import unfinished
from benchmarks.decisions.choice import PROBE, SIZES, WORLDS, Simulated, best_of_three, everything_in_common
from benchmarks.decisions.selection_bias import SHARES, Search
from tlsearch.report.text import SIGNIFICANT
from tlsearch.stats.claims import Difference, compare, estimate
from tlsearch.stats.standard_errors import image_error

BENCHMARK = "decisions.claims"

Floats = npt.NDArray[np.float64]
Right = npt.NDArray[np.intp]
Row = dict[str, object]

GUESSING = unfinished.GUESSING
SCHEDULE = unfinished.WHOLE
CURVE = unfinished.CURVES["exponential"]
"""How a network from scratch learns."""

SCRATCH = {
    "as good, trained to its end": (0.0, SCHEDULE),
    "as good, stopped after 3 epochs": (0.0, 3),
    "as good, stopped after 8 epochs": (0.0, 8),
    "as good, stopped after 15 epochs": (0.0, 15),
    "20 points behind, trained to its end": (0.2, SCHEDULE),
    "20 points behind, stopped after 30 epochs": (0.2, 30),
}
"""By how much its end lies below the best of the search, and for how many epochs it is trained."""

OF_SCRATCH = "close"
"""The world in which the networks from scratch are opponents."""

RULES = ("before", "after")


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where something is worse after than before."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=600, help="runs of each world (default 600)")
    options = parse_options(parser, arguments, {"simulations": 6})
    rows = []
    for val in SIZES:
        for short in (True, False):
            for name in WORLDS:
                rows.append(_search_row(name, val, options.simulations, options.seed, short=short))
        for scratch in SCRATCH:
            rows.append(_scratch_row(scratch, val, options.simulations, options.seed))
    print_rows("Claims before and after", rows)
    found = worse(rows)
    publish(BENCHMARK, options, {"rows": rows, "worse": found})
    if found:
        say(f"{len(found)} figures are worse after than before: {found}")
    return 1 if found and not options.quick else 0


def worse(rows: Sequence[Row]) -> list[str]:
    """Which figures are worse after than before, two standard errors of the difference granted."""
    found = []
    for row in rows:
        for name, sign in (("false gains", 1), *((name, -1) for name in COVERED)):
            shares = [row.get(f"{name} {what}") for what in (*RULES, "standard error")]
            before, after, error = (share if isinstance(share, float) else None for share in shares)
            if before is not None and after is not None and sign * (after - before) > 2 * (error or 0.0) + 1e-9:
                found.append(f"{row['claim']}, {row['world']}, {row['validation images']}: {name}")
    return found


COVERED = ("score covered", "gain covered", "confirmed covered")


@dataclass
class _Tested:
    """New images, and what trained networks say of them; the same network says the same to both rules."""

    search: Search
    rng: np.random.Generator
    known: dict[int, Right] = field(default_factory=dict)

    @classmethod
    def of(cls, simulated: Simulated, rng: np.random.Generator) -> _Tested:
        count = round(simulated.search.pool * 0.15 / 0.85)
        search = Search(count, count, rng)
        search.truth = simulated.search.truth
        return cls(search, rng)

    def right(self, trial: int) -> Right:
        """Which of the images a trial has right, as 1 and 0."""
        if trial not in self.known:
            self.known[trial] = self.search.train(trial, np.arange(self.search.pool))[0][-1].astype(np.intp)
        return self.known[trial]


def _scratch_right(search: Search, accuracies: Floats, count: int, rng: np.random.Generator) -> Right:
    """Which of the first images of ``search`` a network from scratch has right after each epoch, as 1 and 0."""
    own = rng.standard_normal((2, count))
    shares = {name: np.sqrt(share) for name, share in SHARES.items()}
    hard = shares["image"] * search.image[:count] + shares["configuration"] * own[0] + shares["run"] * own[1]
    hard = hard + shares["epoch"] * rng.standard_normal((len(accuracies), count))
    return np.asarray(hard < ndtri(accuracies)[:, None], np.intp)


def _claimed(over: Difference) -> bool:
    """Whether a gain is claimed, before and after: its interval and its p-value agree."""
    return over.ci95[0] > 0 and over.p_value is not None and over.p_value < SIGNIFICANT


def _over(first: Right, second: Right) -> Difference:
    return compare(np.ones_like(first), first, second)


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] - 1e-12 <= truth <= interval[1] + 1e-12


def _winners(simulated: Simulated) -> dict[str, int]:
    return {"before": best_of_three(simulated), "after": everything_in_common(simulated)}


def _confirmed_covered(simulated: Simulated, trial: int, rule: str) -> bool:
    """Whether the confirmed score and 1.96 of its sampling errors hold the truth."""
    search = simulated.search
    folds = simulated.folds_of(trial) if rule == "after" or not simulated.short else 1
    values = [simulated.confirmed(trial, number) for number in range(folds)]
    mean = float(np.mean(values))
    if rule == "after":
        right = np.concatenate([simulated.answers[trial, number] for number in range(folds)]).astype(np.intp)
        error = image_error(right, np.ones_like(right), np.concatenate(simulated.folds[:folds]), "accuracy")
    elif folds > 1:
        error = error_between_folds(values, search.val, search.pool - search.val)
    else:
        error = float(np.sqrt(mean * (1 - mean) / search.val))
    return abs(mean - float(search.truth[trial])) <= 1.96 * error + 1e-12


def error_between_folds(values: Sequence[float], val_images: int, train_images: int) -> float:
    """The standard error of a mean over resampled folds from its spread over them (Nadeau and Bengio 2003).

    From five folds this knows little of itself: 1.96 of such errors hold the truth less often than 95 %.
    """
    return float(np.sqrt((1 / len(values) + val_images / train_images) * np.var(values, ddof=1)))


def _search_row(name: str, val: int, simulations: int, seed: int, *, short: bool) -> Row:
    say(f"claims: {val} validation images, {name}")
    tallies = {rule: _Tally() for rule in RULES}
    for number in range(simulations):
        rng = np.random.default_rng([seed, val, short, list(WORLDS).index(name), number])
        simulated = Simulated.of(name, val, rng, short=short)
        winners, truth = _winners(simulated), simulated.search.truth
        tested = _Tested.of(simulated, rng)
        for rule, winner in winners.items():
            tally = tallies[rule]
            score = estimate(np.ones_like(tested.right(winner)), tested.right(winner))
            tally.add("score covered", _holds(score.ci95, float(truth[winner])))
            tally.add("confirmed covered", _confirmed_covered(simulated, winner, rule))
            if winner == PROBE:  # before, it was compared with itself, which claims nothing either
                tally.gain(claimed=False, true=False)
                tally.add("gain covered", None)
                continue
            over = _over(tested.right(winner), tested.right(PROBE))
            tally.gain(claimed=_claimed(over), true=bool(truth[winner] > truth[PROBE]))
            tally.add("gain covered", _holds(over.ci95, float(truth[winner] - truth[PROBE])))
    time = "short" if short else "enough"
    return {"claim": "the search paid", "world": name, "validation images": val, "time": time, **_figures(tallies)}


def _scratch_row(name: str, val: int, simulations: int, seed: int) -> Row:
    say(f"claims: {val} validation images, the network from scratch is {name}")
    behind, epochs = SCRATCH[name]
    tallies = {rule: _Tally() for rule in RULES}
    for number in range(simulations):
        rng = np.random.default_rng([seed, val, list(SCRATCH).index(name), number, 1])
        simulated = Simulated.of(OF_SCRATCH, val, rng, short=True)
        winners, search, tested = _winners(simulated), simulated.search, _Tested.of(simulated, rng)
        end = float(search.truth.max()) - behind
        true = unfinished.scores_of(CURVE, end, epochs)
        validated = _scratch_right(search, true, val, rng)
        scratch = _scratch_right(tested.search, true[-1:], tested.search.pool, rng)[0]
        for rule, winner in winners.items():
            over = _over(tested.right(winner), scratch)
            score = float(scratch.mean())
            silent = rule == "after" and (_has_not_learned(validated, over, score) or score <= GUESSING)
            tallies[rule].gain(claimed=_claimed(over) and not silent, true=bool(search.truth[winner] > end))
            tallies[rule].add("gain covered", _holds(over.ci95, float(search.truth[winner] - true[-1])))
    world = f"from scratch: {name}"
    return {
        "claim": "pre-training helped",
        "world": world,
        "validation images": val,
        "time": "short",
        **_figures(tallies),
    }


def _has_not_learned(right: Right, over: Difference, score: float) -> bool:
    """The rule of ``report.verdict.fair``, from what is right after each epoch (EPOCHS, n), and the score on test."""
    if estimate(np.ones_like(right[-1]), right[-1]).ci95[0] <= GUESSING:
        return True
    return not unfinished.claims_gain(over, score - GUESSING, right.mean(axis=1).tolist())


@dataclass
class _Tally:
    """What came of each run by one rule."""

    false: list[float] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    covered: dict[str, list[float]] = field(default_factory=dict)

    def gain(self, *, claimed: bool, true: bool) -> None:
        """Count a claim, or that none was made; a share is over all runs."""
        self.false.append(float(claimed and not true))
        self.true.append(float(claimed and true))

    def add(self, name: str, held: bool | None) -> None:
        """Count an interval; None where none was given."""
        self.covered.setdefault(name, []).append(np.nan if held is None else float(held))


def _figures(tallies: dict[str, _Tally]) -> Row:
    """Shares before and after, and the standard error of their difference; an event more than was seen is counted."""
    before, after = (tallies[rule] for rule in RULES)
    pairs = {"false gains": (before.false, after.false), "true gains": (before.true, after.true)}
    pairs |= {name: (before.covered[name], after.covered[name]) for name in COVERED if name in before.covered}
    figures: Row = {}
    for name, (first, second) in pairs.items():
        seen = [np.asarray(values)[~np.isnan(values)] for values in (first, second)]
        shares = [float(values.mean()) if len(values) else None for values in seen]
        smooth = [((values.sum() + 1) / (len(values) + 2), len(values) + 2) for values in seen]
        error = float(np.sqrt(sum(share * (1 - share) / count for share, count in smooth)))
        named = zip((*RULES, "standard error"), (*shares, error), strict=True)
        figures |= {f"{name} {what}": None if share is None else round(share, 4) for what, share in named}
    return {**figures, "simulations": len(before.false)}


if __name__ == "__main__":
    sys.exit(main())
