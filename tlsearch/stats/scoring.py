"""The metric of a run at work: scores with intervals, errors and gains.

A count metric has formulas for these; for any other metric the images are resampled.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats import bootstrap, claims, standard_errors
from tlsearch.stats.claims import Claims, Difference, Estimate, Gain, ModelPredictions
from tlsearch.stats.intervals import SCORE_INTERVAL
from tlsearch.stats.metrics import score
from tlsearch.types import AnyArray, Float64Array, LabelArray

MOST_GUESSES = 100
"""Classes, the most frequent first, of which each is tried as an answer for every image."""

GUESSED_IMAGES = 2000
"""Images by which such an answer is chosen, about: it is the same for all, and many would take memory."""


def score_by(metric: GuardedMetric, labels: AnyArray, probabilities: AnyArray) -> float:
    """The score of ``probabilities``, shape (N, classes), for images of the classes ``labels``, shape (N,)."""
    if metric.counts is not None:
        return score(labels, probabilities.argmax(axis=1), metric.counts)
    return metric.score(labels, probabilities)


def interval_method(metric: GuardedMetric) -> str:
    """How intervals are made, as people read it."""
    return SCORE_INTERVAL if metric.counts is not None else bootstrap.METHOD


def estimate_of(
    metric: GuardedMetric,
    labels: LabelArray,
    probabilities: Float64Array,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Estimate:
    """A score with its 95 % interval."""
    if metric.counts is not None:
        return claims.estimate(labels, probabilities.argmax(axis=1), metric.counts, groups)
    drawn = bootstrap.resampled_scores(metric.score, labels, [probabilities], groups, seed)
    return Estimate(metric.score(labels, probabilities), bootstrap.percentile_interval(drawn[:, 0]))


def claims_of(
    metric: GuardedMetric,
    labels: LabelArray,
    models: Mapping[str, Float64Array],
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Claims:
    """What may be claimed from the test split.

    Args:
        metric: The metric of the run.
        labels: True classes, shape (N,).
        models: The probabilities, shape (N, classes), of "winner", "linear_probe" and, where there is one, "baseline".
        seed: Decides what is drawn at random.
        groups: Numbers of groups, shape (N,); None where images are independent.

    Returns:
        The claims. A gain is by how much the winner is better, whichever way the metric counts.
    """
    if metric.counts is not None:
        predicted = {name: probabilities.argmax(axis=1) for name, probabilities in models.items()}
        compared = ModelPredictions(predicted["winner"], predicted["linear_probe"], predicted.get("baseline"))
        return claims.make_claims(labels, compared, metric.counts, seed, groups)
    names = [name for name in ("winner", "linear_probe", "baseline") if name in models]
    drawn = bootstrap.resampled_scores(metric.score, labels, [models[name] for name in names], groups, seed)
    found = {
        name: Estimate(metric.score(labels, models[name]), bootstrap.percentile_interval(drawn[:, column]))
        for column, name in enumerate(names)
    }

    def over(name: str) -> Difference:
        one, other = models["winner"], models[name]
        right = [probabilities.argmax(axis=1) == labels for probabilities in (one, other)]
        return Difference(
            difference=metric.sign * (found["winner"].value - found[name].value),
            ci95=bootstrap.percentile_interval(metric.sign * (drawn[:, 0] - drawn[:, names.index(name)])),
            discordant=(int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())),
            permutation_p=bootstrap.exchange_p_value(metric.score, labels, (one, other), groups, seed),
        )

    return Claims(
        winner=found["winner"],
        linear_probe=found["linear_probe"],
        baseline=found.get("baseline"),
        gain=_gain(over("baseline") if "baseline" in models else None, over("linear_probe")),
        majority=guess_score(metric, labels, labels, models["winner"].shape[1]),
    )


def calls_of_claims(models: int) -> int:
    """How often a metric without formulas is called for the claims on so many models, about.

    That is for the interval of each and of the corrected score, and for the p-values of two models each.
    """
    return bootstrap.DRAWS * (models + 1) + 2 * bootstrap.PERMUTATIONS * (models - 1)


def _gain(over_baseline: Difference | None, over_probe: Difference) -> Gain:
    if over_baseline is None:
        return Gain(over_linear_probe=over_probe)
    return Gain(
        test=over_baseline.difference,
        ci95=over_baseline.ci95,
        discordant=over_baseline.discordant,
        permutation_p=over_baseline.permutation_p,
        over_linear_probe=over_probe,
    )


def guess_score(metric: GuardedMetric, labels: LabelArray, known: LabelArray, classes: int) -> float:
    """The score of the best answer that is the same for every image, as one gives it without looking.

    A network that scores no better has learned nothing. For a score that is made of counts it is always the most
    frequent class. For any other it may be another class, where errors differ in weight, or the shares of the classes:
    a score of probabilities such as the log loss finds an answer that is sure of one class far worse than them.

    Args:
        metric: The metric of the run.
        labels: True classes of the images that are scored, shape (N,).
        known: The classes by which the answer is chosen, shape (M,).
        classes: The number of classes.
    """
    held = np.bincount(known, minlength=classes)
    frequent = np.argsort(-held, kind="stable")[: MOST_GUESSES if metric.counts is None else 1]
    answers = [*np.eye(classes)[frequent], *([held / held.sum()] if metric.counts is None else [])]
    few = np.sort(known)[:: max(1, len(known) // GUESSED_IMAGES)]  # of every class its share
    scores = [metric.sign * score_by(metric, few, _to_all(answer, few)) for answer in answers]
    return score_by(metric, labels, _to_all(answers[int(np.argmax(scores))], labels))


def _to_all(answer: Float64Array, labels: LabelArray) -> Float64Array:
    """The same probabilities (classes,) for each image."""
    return np.tile(answer, (len(labels), 1))


def fold_error(metric: GuardedMetric, probabilities: AnyArray, labels: LabelArray, groups: AnyArray) -> float:
    """The standard error of a score on one or more folds: over images, whole ``groups`` at a time."""
    if metric.counts is not None:
        return standard_errors.image_error(probabilities.argmax(axis=1), labels, groups, metric.counts)
    drawn = bootstrap.resampled_scores(metric.score, labels, [probabilities], groups, draws=bootstrap.ERROR_DRAWS)
    return float(drawn[:, 0].std(ddof=1))


def paired_fold_error(
    metric: GuardedMetric, best: AnyArray, other: AnyArray, labels: LabelArray, groups: AnyArray
) -> float:
    """One standard error of the difference of two models on a single fold, from their probabilities."""
    if metric.counts is not None:
        predicted = best.argmax(axis=1), other.argmax(axis=1)
        return standard_errors.paired_image_error(*predicted, labels, groups, metric.counts)
    drawn = bootstrap.resampled_scores(metric.score, labels, [best, other], groups, draws=bootstrap.ERROR_DRAWS)
    return float((drawn[:, 0] - drawn[:, 1]).std(ddof=1))
