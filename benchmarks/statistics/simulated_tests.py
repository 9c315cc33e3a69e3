"""Simulated test sets whose truth is known exactly: two models, ten classes, with or without groups of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.metrics import score_counts

Labels = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Grouping = Literal["none", "copies", "patients"]

CLASSES = 10
METRICS: tuple[CountMetric, ...] = ("accuracy", "balanced_accuracy", "macro_f1")
SAME_WRONG = 0.6
"""How often two models that both err with an image choose the wrong class by the same draw."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Two models and the images that they are tested on.

    ``winner`` and ``other`` are mean recalls over the classes; the error rate of the hardest class is 1.6 times the
    mean and that of the easiest 0.4 times, and rare classes are the hard ones. ``imbalance`` is images of the largest
    class by those of the smallest. ``alike`` is the correlation of how hard an image is for the two models. "copies"
    are near-duplicates of one class (half of the images alone, the others in groups of 2 to 4; correlation .9);
    "patients" are groups of 4 images of whatever class (correlation .3).
    """

    name: str
    winner: float
    other: float
    imbalance: float
    alike: float
    grouping: Grouping = "none"


@dataclass(frozen=True)
class Drawn:
    """One test set and what the two models call it, each (N,). ``groups`` is None where images are independent."""

    y: Labels
    winner: Labels
    other: Labels
    groups: Labels | None


WORLDS = (
    World(name="even, far apart", winner=0.90, other=0.60, imbalance=1, alike=0.5),
    World(name="even, alike", winner=0.90, other=0.88, imbalance=1, alike=0.9),
    World(name="7:1, far apart", winner=0.85, other=0.60, imbalance=7, alike=0.5),
    World(name="7:1, alike", winner=0.95, other=0.94, imbalance=7, alike=0.9),
    World(name="7:1, equal", winner=0.75, other=0.75, imbalance=7, alike=0.5),
)


class Simulator:
    """Draws tests of ``n`` images from ``world``. The number of images of each class is the same in all of them."""

    def __init__(self, world: World, n: int) -> None:
        """Fix the labels, the groups and which classes are taken for which."""
        self.world = world
        self.counts = class_counts(n, world.imbalance)
        self.y: Labels = np.repeat(np.arange(CLASSES), self.counts)
        hardness = np.linspace(0.4, 1.6, CLASSES)
        self.recalls = np.stack([1 - (1 - mean) * hardness for mean in (world.winner, world.other)])
        fixed = np.random.default_rng(17)
        # Errors go to few classes, as with images: a Dirichlet draw of low concentration for every class.
        wrong = fixed.dirichlet(np.full(CLASSES, 0.5), CLASSES) * (1 - np.eye(CLASSES)) + 1e-9
        np.fill_diagonal(wrong, 0.0)
        self.wrong: Floats = wrong / wrong.sum(axis=1, keepdims=True)
        self.groups = _groups(self.y, world.grouping, fixed)
        self.within = {"none": 0.0, "copies": 0.9, "patients": 0.3}[world.grouping]

    def truth(self, metric: CountMetric) -> tuple[float, float]:
        """The exact scores of the two models: those of the expected counts."""
        scores = []
        for recalls in self.recalls:
            shares = recalls[:, None] * np.eye(CLASSES) + (1 - recalls)[:, None] * self.wrong
            expected = self.counts[:, None] * shares
            scores.append(float(score_counts(expected.diagonal(), self.counts, expected.sum(axis=0), metric)))
        return scores[0], scores[1]

    def draw(self, rng: np.random.Generator) -> Drawn:
        """One test."""
        shared = self._normal(rng)
        models = []
        way = ndtr(self._normal(rng))
        for number, recalls in enumerate(self.recalls):
            own = self._normal(rng)
            hard = np.sqrt(self.world.alike) * shared + np.sqrt(1 - self.world.alike) * own
            right = ndtr(hard) < recalls[self.y]
            other_way = rng.random(len(self.y)) > SAME_WRONG
            chance = np.where(other_way & (number == 1), ndtr(self._normal(rng)), way)
            steps = self.wrong.cumsum(axis=1)[self.y]
            models.append(np.where(right, self.y, (chance[:, None] > steps).sum(axis=1).clip(max=CLASSES - 1)))
        return Drawn(self.y, models[0], models[1], self.groups)

    def _normal(self, rng: np.random.Generator) -> Floats:
        """A standard normal number for every image, alike within groups."""
        alone = rng.standard_normal(len(self.y))
        if self.groups is None:
            return alone
        together = rng.standard_normal(int(self.groups.max()) + 1)[self.groups]
        return np.asarray(np.sqrt(self.within) * together + np.sqrt(1 - self.within) * alone)


def class_counts(n: int, imbalance: float) -> npt.NDArray[np.int64]:
    """``n`` images over ten classes, sizes falling evenly from ``imbalance`` to 1, at least one each."""
    shares = np.linspace(imbalance, 1, CLASSES)
    exact = shares / shares.sum() * n
    counts: npt.NDArray[np.int64] = np.maximum(1, np.floor(exact)).astype(np.int64)
    for place in np.argsort(counts - exact)[: n - int(counts.sum())]:
        counts[place] += 1
    return counts


def worlds(groupings: tuple[Grouping, ...] = ("none", "copies", "patients")) -> Iterator[World]:
    """Every world with every way of grouping images."""
    for grouping in groupings:
        for world in WORLDS:
            yield World(
                name=world.name,
                winner=world.winner,
                other=world.other,
                imbalance=world.imbalance,
                alike=world.alike,
                grouping=grouping,
            )


def _groups(y: Labels, grouping: Grouping, rng: np.random.Generator) -> Labels | None:
    if grouping == "none":
        return None
    if grouping == "patients":
        order = rng.permutation(len(y))
        groups = np.empty(len(y), np.intp)
        groups[order] = np.arange(len(y)) // 4
        return groups
    sizes: list[int] = []
    for count in np.bincount(y):
        left = int(count)
        while left:
            size = 1 if rng.random() < 0.75 else int(rng.integers(2, 5))
            sizes.append(min(size, left))
            left -= sizes[-1]
    return np.repeat(np.arange(len(sizes)), sizes)
