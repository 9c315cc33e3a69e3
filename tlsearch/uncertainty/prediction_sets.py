"""Prediction sets: the classes of a picture, one of which is the true one with a stated probability.

Split conformal prediction (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., J. Am.
Stat. Assoc. 113 (2018) 1094). The nonconformity of a class is the probability of all classes that the model prefers to
it: the adaptive score of Romano, Sesia and Candes (NeurIPS 2020) in the form without randomness, so that a picture
always has the same set and no set is empty. A penalty on ranks (Angelopoulos, Bates, Malik and Jordan, ICLR 2021) is
left out: benchmarks/statistics/prediction_sets.py shows that it takes single answers away where coverage is high.

A set holds every class whose nonconformity is at most that of the ceil((n + 1) * coverage)-th of n calibration images.
Where images come in groups, each group counts once, whatever its size: its images share the weight of one (Dunn,
Wasserman and Ramdas, J. Am. Stat. Assoc. 118 (2023) 2491; Lee, Barber and Willett, arXiv 2306.06342, 2023).

A model that MLflow keeps takes a copy of this file along: it imports nothing of tlsearch but ``temperature``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tlsearch.models.temperature import Temperature, divide_by_temperature

if TYPE_CHECKING:
    from tlsearch.types import BoolArray, Float64Array

CONFIG_KEY = "prediction_sets"
"""Where ``config.json`` has the scores; files of older versions, and of models without validation images, do not."""

COVERAGE = 0.9
"""The coverage of sets unless somebody asks for another."""

HIGHER = (0.9, 0.95, 0.99, 0.995, 0.999)
"""Coverages that somebody may ask for where a lower one leaves no picture to a person."""

MOST_SCORES = 1000
"""Scores that are kept: of more, every k-th, so that a set may cover up to a thousandth more than it must."""

_DIGITS = 1e6
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class ConformalScores:
    """How nonconform the true classes of images were that the model had not seen.

    Attributes:
        scores: Sorted, from low to high. The j-th of m is the least value that a share j / m of all groups does not
            exceed.
        groups: How many groups they come from, which are independent; images that belong to none count as one each.
        images: How many images they come from.
        reason: What they come from, for people; no full stop.
    """

    scores: tuple[float, ...]
    groups: int
    images: int
    reason: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ConformalScores | None:
        """Read what ``config.json`` holds; None where it has no scores.

        Raises:
            ValueError: What is there has another shape.
        """
        kept = config.get(CONFIG_KEY)
        if kept is None:
            return None
        if not isinstance(kept, Mapping):
            raise ValueError(f"{CONFIG_KEY} is no object")
        scores, groups, images = kept.get("scores"), kept.get("groups"), kept.get("images")
        if not isinstance(scores, list) or not scores or not all(_is_score(score) for score in scores):
            raise ValueError(f"the scores of {CONFIG_KEY} are no list of numbers of 0 or more")
        if scores != sorted(scores):
            raise ValueError(f"the scores of {CONFIG_KEY} are not sorted")
        if type(groups) is not int or type(images) is not int or not 1 <= groups <= images:
            raise ValueError(f"groups and images of {CONFIG_KEY} are no whole numbers of 1 or more")
        return cls(scores=tuple(map(float, scores)), groups=groups, images=images, reason=str(kept.get("reason", "")))

    def in_config(self) -> dict[str, Any]:
        """Give the entry of ``config.json`` that ``of`` reads."""
        kept = {"groups": self.groups, "images": self.images, "reason": self.reason, "scores": list(self.scores)}
        return {CONFIG_KEY: kept}

    def suffices(self, coverage: float) -> bool:
        """Whether there are enough groups for this coverage: at least ``fewest_groups``."""
        return self.groups >= fewest_groups(coverage)

    def shortage(self, coverage: float) -> str:
        """Say in a sentence that there are too few groups for this coverage; empty where there are enough."""
        if self.suffices(coverage):
            return ""
        alone = self.groups == self.images
        what = "images" if alone else "groups of images"
        return (
            f"A coverage of {coverage:g} needs scores of at least {fewest_groups(coverage):,} {what}, and the model "
            f"has those of {self.groups:,}: every prediction set holds all classes."
        )

    def single_answers(self, coverage: float) -> str:
        """Say in a sentence that no set has several classes at this coverage; empty where some may have.

        The sentence names the first higher coverage at which that is otherwise, if there is one.
        """
        if self.threshold(coverage) > 0:
            return ""
        more = next((at for at in HIGHER if at > coverage and 0 < self.threshold(at) < math.inf), None)
        ask = f": ask for more with --coverage {more:g}" if more else ""
        return (
            f"A coverage of {coverage:g} is reached by the most probable class alone, so no picture is called not "
            f"sure{ask}."
        )

    def threshold(self, coverage: float) -> float:
        """Give the highest nonconformity of a class in a set; infinite where there are too few groups.

        Args:
            coverage: The probability with which a set holds the true class of a new picture, above 0 and below 1.
        """
        check_coverage(coverage)
        if not self.suffices(coverage):
            return math.inf
        share = coverage * (self.groups + 1) / self.groups
        place = math.ceil(share * len(self.scores) - _ROUNDING * len(self.scores))
        return self.scores[min(max(place, 1), len(self.scores)) - 1]

    def sets(self, probabilities: npt.ArrayLike, coverage: float) -> BoolArray:
        """Say which classes are in the set of each picture.

        Args:
            probabilities: Shape (N, classes), with the temperature that predictions have by default.
            coverage: As for ``threshold``.

        Returns:
            Shape (N, classes). The most probable class is always in its set.
        """
        return np.asarray(nonconformity(probabilities) <= self.threshold(coverage))


@dataclass(frozen=True, kw_only=True)
class SetMaker:
    """Makes the prediction sets of a model.

    Attributes:
        scores: What they are made by.
        temperature: The temperature that the model's predictions have by default; None for none. The scores were made
            with it, so that sets do not depend on the probabilities that somebody wants to see.
        coverage: The probability with which a set holds the true class of a new picture, above 0 and below 1.
    """

    scores: ConformalScores
    temperature: Temperature | None
    coverage: float

    def classes(self, probabilities: Float64Array) -> tuple[int, ...]:
        """Give the numbers of the classes in the set of a picture, the most probable first.

        ``probabilities``, shape (classes,), are those of the network.
        """
        rows = probabilities[None]
        if self.temperature is not None:
            rows = divide_by_temperature(rows, self.temperature.value)
        inside = self.scores.sets(rows, self.coverage)[0]
        return tuple(int(place) for place in np.argsort(-probabilities, kind="stable") if inside[place])


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def check_coverage(coverage: float) -> None:
    """Raise ``ValueError`` unless a coverage is above 0 and below 1."""
    if not 0 < coverage < 1:
        raise ValueError(f"a coverage is above 0 and below 1, not {coverage}")


def fewest_groups(coverage: float) -> int:
    """Give how many calibration groups, or images where there are no groups, a coverage needs: 9 for 0.9."""
    check_coverage(coverage)
    return math.ceil(coverage / (1 - coverage) - 1e-6)


def nonconformity(probabilities: npt.ArrayLike) -> Float64Array:
    """Give for each class the probability of those that are preferred to it.

    Args:
        probabilities: Shape (N, classes). Of equally probable classes the first is preferred.

    Returns:
        Shape (N, classes). It is 0 for the most probable class, and grows along the others.
    """
    given = np.asarray(probabilities, np.float64)
    order = np.argsort(-given, axis=1, kind="stable")
    ranked = np.take_along_axis(given, order, axis=1)
    before = np.zeros_like(ranked)
    before[:, 1:] = np.cumsum(ranked, axis=1)[:, :-1]
    found = np.empty_like(before)
    np.put_along_axis(found, order, before, axis=1)
    return found


def true_class_scores(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> Float64Array:
    """Give the nonconformity of the true class ``labels``, shape (N,), of each image, shape (N,)."""
    truth = np.asarray(labels, np.intp)
    return np.asarray(nonconformity(probabilities)[np.arange(len(truth)), truth])


def conformal_scores(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike | None, reason: str = ""
) -> ConformalScores:
    """Make the scores of calibration images.

    Args:
        probabilities: Those of a model that had not seen the images, shape (N, classes), N >= 1.
        labels: Their true classes, shape (N,).
        groups: Numbers of groups, shape (N,); None where images are independent.
        reason: What they come from, for people.
    """
    return sorted_scores(true_class_scores(probabilities, labels)[None], groups, reason)


def sorted_scores(found: Float64Array, groups: npt.ArrayLike | None, reason: str = "") -> ConformalScores:
    """Keep the nonconformity of the true classes of N images, shape (D, N): of each D values with equal weights."""
    images = found.shape[1]
    unit = np.arange(images) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)
    count = int(unit.max()) + 1
    weight = np.broadcast_to(1 / np.bincount(unit)[unit] / len(found), found.shape)
    kept = min(MOST_SCORES, max(count, found.size))
    return ConformalScores(
        scores=_quantiles(found.ravel(), weight.ravel(), kept), groups=count, images=images, reason=reason
    )


def larger(first: ConformalScores, second: ConformalScores) -> ConformalScores:
    """Join two scores of the same images: at every coverage the larger threshold of the two."""
    count = max(len(first.scores), len(second.scores))
    places = np.arange(1, count + 1) / count
    both = [_at(np.asarray(scores.scores), places) for scores in (first, second)]
    joined = np.maximum(*both)
    return ConformalScores(
        scores=tuple(map(float, joined)), groups=first.groups, images=first.images, reason=first.reason
    )


def _at(scores: Float64Array, shares: Float64Array) -> Float64Array:
    """The scores that these shares of all do not exceed."""
    place = np.ceil(shares * len(scores) - _ROUNDING * len(scores)).astype(np.intp)
    return scores[np.clip(place, 1, len(scores)) - 1]


def _quantiles(values: Float64Array, weights: Float64Array, count: int) -> tuple[float, ...]:
    """``count`` values that 1/count, 2/count, ... of all weight do not exceed, rounded up."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    shares = np.arange(1, count + 1) / count * reached[-1]
    place = np.searchsorted(reached, shares - _ROUNDING * reached[-1])
    chosen = values[order][np.clip(place, 0, len(values) - 1)]
    return tuple(max(0.0, float(value)) for value in np.ceil(chosen * _DIGITS - _ROUNDING) / _DIGITS)
