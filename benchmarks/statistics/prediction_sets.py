"""How often do prediction sets hold the true class of a new image, and how many images do they leave to a person?

    python -m benchmarks.statistics.prediction_sets

Simulated searches whose truth is known. An image has one of ten classes and shows each network ten numbers: normal, and
higher by some amount for its own class. Networks see the same image alike (correlation .8), and images of one group
(one to six, of one class) are alike (correlation .8) for all networks. Each network is too sure of itself or not sure
enough by a factor of its own. Of one trial, or of the best of 40 on the calibration images, the sets are made as a run
makes them, with the temperature that these images ask for, and are measured on 4,000 new images.

Three questions. *Scores*: which measure of nonconformity gives small sets that also hold the classes of hard images?
*Groups*: does every image count once, or every group? *Selection*: the trial was selected on the calibration images;
are they scored by its own answers, by those of trials that each image did not select, or by the larger of both?
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.calibration import judge_temperature
from tlsearch.stats.metrics import softmax
from tlsearch.stats.prediction_sets import CalibrationImages, Selection, scores_of, with_temperature
from tlsearch.stats.selection import answers_without_selection
from tlsearch.uncertainty.prediction_sets import (
    ConformalScores,
    conformal_scores,
    nonconformity,
    sorted_scores,
    true_class_scores,
)

BENCHMARK = "statistics.prediction_sets"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Row = dict[str, object]

CLASSES = 10
ALIKE = 0.8
FALL = 0.02
BEST = (0.85, 0.93)
TRIALS = 40
SURENESS = (0.6, 1.8)
SIZES = (45, 100, 340, 1000, 2000)
LEVELS = (0.8, 0.9, 0.95, 0.99)
GROUP_SIZES = (1, 2, 3, 6)
NEW_IMAGES = 4000
HARD = 0.2
"""The share of new images that the model is least sure of."""

SCORES_FROM = 1000
"""Calibration images with which measures of nonconformity are compared."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=200, help="searches of each kind (default 200)")
    options = parse_options(parser, arguments, {"simulations": 8})
    many, seed = options.simulations, options.seed
    strengths = Strengths()
    scores = compare_scores(strengths, many, seed)
    print_rows(f"Measures of nonconformity, {SCORES_FROM} calibration images", scores)
    rows = [
        row
        for size in SIZES
        for world in (
            World(size, 1, False),
            World(size, 1, True),
            World(size, TRIALS, False),
            World(size, TRIALS, True),
        )
        for row in coverage(strengths, world, many, seed)
    ]
    print_rows("Coverage of prediction sets on new images", rows)
    publish(BENCHMARK, options, {"scores": scores, "rows": rows, "trials": TRIALS})
    return 0


class Strengths:
    """By how much the number of the true class must be higher for an accuracy."""

    def __init__(self) -> None:
        noise = np.random.default_rng(17).standard_normal((60_000, CLASSES))
        self._shifts = np.linspace(0.2, 6.0, 100)
        lead = noise[:, 1:].max(axis=1) - noise[:, 0]
        self._accuracies = np.array([float((shift > lead).mean()) for shift in self._shifts])

    def of(self, accuracies: Floats) -> Floats:
        """Give the amount for each accuracy."""
        return np.interp(accuracies, self._accuracies, self._shifts)


@dataclass(frozen=True)
class World:
    """Images for calibration, the number of trials that the model is the best of, and whether images have groups."""

    images: int
    trials: int
    grouped: bool


@dataclass(frozen=True)
class Drawn:
    """Images: ``labels`` (N,), ``groups`` (N,), and probabilities (networks, N, CLASSES)."""

    labels: Ints
    groups: Ints
    probabilities: Floats


class Networks:
    """The trials of a search: how much of the truth they see, and how sure they are."""

    def __init__(self, strengths: Strengths, best: float, trials: int, rng: np.random.Generator) -> None:
        self.shifts = strengths.of(np.clip(best - rng.exponential(FALL, trials), 0.5, 0.995))
        self.factors = np.exp(rng.uniform(np.log(SURENESS[0]), np.log(SURENESS[1]), trials)) * self.shifts

    def see(self, count: int, grouped: bool, rng: np.random.Generator, only: int | None = None) -> Drawn:
        """Draw images and what the networks, or ``only`` one of them, say of them."""
        groups = np.arange(count)
        if grouped:
            sizes = rng.choice(GROUP_SIZES, count)
            groups = np.repeat(np.arange(count), sizes)[:count]
        labels = rng.integers(0, CLASSES, count)[groups]
        place = np.arange(len(self.shifts)) if only is None else np.array([only])
        common = rng.standard_normal((count, CLASSES))
        if grouped:
            of_group = rng.standard_normal((count, CLASSES))[groups]
            common = np.sqrt(ALIKE) * of_group + np.sqrt(1 - ALIKE) * common
        own = rng.standard_normal((len(place), count, CLASSES))
        seen = np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own
        seen += self.shifts[place, None, None] * np.eye(CLASSES)[labels]
        return Drawn(labels, groups, softmax(self.factors[place, None, None] * seen))


def coverage(strengths: Strengths, world: World, simulations: int, seed: int) -> list[Row]:
    """The mean coverage of each rule at each level, with the figures of the sets."""
    say(f"prediction sets: {world.images} images, {world.trials} trials{', groups' if world.grouped else ''}")
    found: dict[tuple[str, float], list[tuple[float, float, float, float]]] = {}
    for number in range(simulations):
        rng = np.random.default_rng([seed, world.images, world.trials, world.grouped, number])
        networks = Networks(strengths, BEST[number % len(BEST)], world.trials, rng)
        seen = networks.see(world.images, world.grouped, rng)
        chosen = int((seen.probabilities.argmax(axis=2) == seen.labels).mean(axis=1).argmax())
        new = networks.see(NEW_IMAGES, world.grouped, rng, only=chosen)
        images = CalibrationImages(labels=seen.labels, groups=seen.groups if world.grouped else None)
        shown = _as_winner(new.probabilities[0], seen.probabilities[chosen], images)
        for rule, scores in rules(world, seen, chosen, images, number).items():
            for level in LEVELS:
                found.setdefault((rule, level), []).append(_figures(scores, level, shown, new.labels))
    return [_row(world, rule, level, np.array(values)) for (rule, level), values in found.items()]


def rules(
    world: World, seen: Drawn, chosen: int, images: CalibrationImages, seed: int
) -> Mapping[str, ConformalScores]:
    """The scores by every rule that is compared in this world; those of a run are the last."""
    own = scores_of(images, seen.probabilities[chosen], None)
    if world.trials == 1:
        if not world.grouped:
            return {"own answers": own}
        alone = conformal_scores(with_temperature(seen.probabilities[chosen], images), images.labels, None)
        return {"every image counts once": alone, "every group counts once": own}
    order = np.argsort(-(seen.probabilities.argmax(axis=2) == seen.labels).mean(axis=1), kind="stable")
    metric, trials = load_metric("accuracy"), [seen.probabilities[trial] for trial in order]
    selection = Selection(metric=metric, trials=trials, shared=np.arange(world.images))
    tempered = [with_temperature(trial, images) for trial in trials]
    others = answers_without_selection(metric, images.labels, tempered, images.groups, seed)
    values = [true_class_scores(answers, images.labels) for answers in others]
    return {
        "own answers": own,
        "answers without selection": sorted_scores(np.stack(values), images.groups),
        "the larger of both": scores_of(images, seen.probabilities[chosen], selection, seed),
    }


def _as_winner(new: Floats, seen: Floats, images: CalibrationImages) -> Floats:
    """The probabilities of new images with the temperature of the calibration images, where it helps."""
    fitted = judge_temperature(seen, images.labels, images.groups)
    return divide_by_temperature(new, fitted.value) if fitted.helps else new


def _figures(
    scores: ConformalScores, level: float, probabilities: Floats, labels: Ints
) -> tuple[float, float, float, float]:
    """Coverage, share of single answers, mean size, and accuracy."""
    inside = scores.sets(probabilities, level)
    sizes = inside.sum(axis=1)
    covered = inside[np.arange(len(labels)), labels].mean()
    return (
        float(covered),
        float((sizes == 1).mean()),
        float(sizes.mean()),
        float((probabilities.argmax(1) == labels).mean()),
    )


def _row(world: World, rule: str, level: float, values: Floats) -> Row:
    mean, error = values.mean(axis=0), values[:, 0].std(ddof=1) / np.sqrt(len(values))
    return {
        "calibration images": world.images,
        "best of": world.trials,
        "groups": world.grouped,
        "rule": rule,
        "asked": level,
        "coverage": round(float(mean[0]), 4),
        "standard error": round(float(error), 4),
        "in 1 of 20 searches below": round(float(np.quantile(values[:, 0], 0.05)), 4),
        "single answers": round(float(mean[1]), 4),
        "mean size": round(float(mean[2]), 3),
        "accuracy": round(float(mean[3]), 4),
        "simulations": len(values),
    }


PENALTY, FREE_RANKS = 0.01, 2


def _least_probable(probabilities: Floats) -> Floats:
    """1 - p (Sadinle, Lei and Wasserman 2019), with the first class always inside."""
    score = 1 - probabilities
    score[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = 0
    return score


def _with_itself(probabilities: Floats) -> Floats:
    """The adaptive score with the probability of the class itself."""
    return nonconformity(probabilities) + probabilities


def _with_penalty(probabilities: Floats) -> Floats:
    """A penalty for each rank behind the first ones (Angelopoulos et al. 2021)."""
    ranks = (-probabilities).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return nonconformity(probabilities) + PENALTY * np.maximum(0, ranks + 1 - FREE_RANKS)


MEASURES: Mapping[str, Callable[[Floats], Floats]] = {
    "1 - probability": _least_probable,
    "adaptive, the class itself included": _with_itself,
    f"adaptive, {PENALTY} more for each rank after {FREE_RANKS}": _with_penalty,
    "adaptive": nonconformity,
}
"""Measures of nonconformity; the last is that of tlsearch."""


def compare_scores(strengths: Strengths, simulations: int, seed: int) -> list[Row]:
    """Coverage, also of hard images, and sizes of the sets by each measure of nonconformity; a single trial."""
    say("prediction sets: measures of nonconformity")
    found: dict[tuple[str, float], list[list[float]]] = {}
    for number in range(simulations):
        rng = np.random.default_rng([seed, 7, number])
        networks = Networks(strengths, BEST[number % len(BEST)], 1, rng)
        seen, new = networks.see(SCORES_FROM, False, rng), networks.see(NEW_IMAGES, False, rng)
        for name, measure in MEASURES.items():
            scores = np.sort(measure(seen.probabilities[0])[np.arange(SCORES_FROM), seen.labels])
            of_new = measure(new.probabilities[0])
            sure = new.probabilities[0].max(axis=1)
            hard = sure <= np.quantile(sure, HARD)
            for level in LEVELS:
                place = int(np.ceil(level * (SCORES_FROM + 1))) - 1
                inside = of_new <= scores[place]
                covered, sizes = inside[np.arange(NEW_IMAGES), new.labels], inside.sum(axis=1)
                figures = [covered.mean(), covered[hard].mean(), (sizes == 1).mean(), sizes.mean(), (sizes == 0).mean()]
                found.setdefault((name, level), []).append([float(figure) for figure in figures])
    names = ("coverage", f"coverage of the hardest {HARD:.0%}", "single answers", "mean size", "empty sets")
    return [
        {
            "measure": name,
            "asked": level,
            **dict(zip(names, np.mean(values, axis=0).round(4).tolist(), strict=True)),
            "simulations": simulations,
        }
        for (name, level), values in found.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
