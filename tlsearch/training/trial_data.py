"""What a trial reads: the features or pixels of each view of its augmentation, and the labels that go with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tlsearch.data.split import Fold
from tlsearch.features.extractor import Extractor, JoinedRows, Rows, StoredRows
from tlsearch.features.prefix import Network
from tlsearch.features.view import PLAIN, View
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.training.trainer import Task
from tlsearch.training.validation import class_weights
from tlsearch.types import AnyArray, Float32Array, IntArray, TrialSpec


@dataclass(frozen=True)
class FlatRows:
    """Feature maps as vectors (n, h * w * C) in float32."""

    maps: Rows

    def take(self, index: AnyArray) -> AnyArray:
        """See ``Rows``."""
        taken = self.maps.take(index)
        return taken.reshape(len(taken), math.prod(taken.shape[1:])).astype(np.float32)


class TrialData:
    """The tasks of trials on one pool, whose rows come from ``extractor``."""

    def __init__(self, extractor: Extractor, metric: GuardedMetric) -> None:
        """Read the rows of ``extractor``."""
        self._extractor, self._metric = extractor, metric

    def pooled(self, network: Network, spec: TrialSpec, fold: Fold) -> Task:
        """Give a fold of pooled or flattened features (n, d), those of the skip_cut first where there is one."""
        return self._task(spec, fold, lambda number: self._pooled(network, spec, number))

    def maps(self, network: Network, spec: TrialSpec, fold: Fold) -> Task:
        """Give a fold of feature maps (n, h, w, c) or tokens at the trial's cut, of pixels where nothing is frozen."""
        return self._task(spec, fold, lambda number: self._maps(network, spec, number))

    def _task(self, spec: TrialSpec, fold: Fold, rows: Callable[[int], Rows]) -> Task:
        pool = self._extractor.pool
        train, val = np.asarray(fold.train, np.int64), np.asarray(fold.val, np.int64)
        weights = class_weights(self._metric, pool.labels[train], len(pool.classes))
        known: dict[int, Rows] = {}

        def remembered(number: int) -> Rows:
            if number not in known:
                known.clear()  # one view at a time: a fresh one is large, a stored one is found again
                known[number] = rows(number)
            return known[number]

        plain: list[Rows] = []

        def of_plain() -> Rows:
            if not plain:
                plain.append(rows(-1))
            return plain[0]

        return Task(
            rows=remembered,
            plain=of_plain,
            labels=pool.labels,
            train=train,
            val=val,
            train_groups=pool.groups[train],
            classes=len(pool.classes),
            metric=self._metric,
            class_weights=weights,
            image_weights=_mean_one(pool.image_weights, train),
        )

    def _pooled(self, network: Network, spec: TrialSpec, number: int) -> Rows:
        view = _view(spec, number)
        if spec.pooling == "flatten":
            rows: Rows = FlatRows(self._extractor.maps(network, view, spec.depth))
            return self._extractor.counted(network, view, spec.depth, rows)
        depths = [spec.skip_cut, spec.depth] if spec.skip_cut else [spec.depth]
        arrays = self._extractor.pooled(network, view, depths)
        used = [a[:, network.cuts.point(d).columns(spec.pooling)] for a, d in zip(arrays, depths, strict=True)]
        rows = StoredRows(used[0]) if len(used) == 1 else JoinedRows(tuple(used))
        return self._extractor.counted(network, view, spec.depth, rows)

    def _maps(self, network: Network, spec: TrialSpec, number: int) -> Rows:
        view, depth = _view(spec, number), spec.freeze_depth
        if depth == 0 and not spec.views and not view.plain:
            return StoredRows(self._extractor.fresh_pixels(spec.image_size, view))
        return self._extractor.counted(network, view, depth, self._extractor.maps(network, view, depth))


def _mean_one(weights: Float32Array | None, train: IntArray) -> Float32Array | None:
    """The weights of the pool's images, scaled so that those to train on have a mean of 1.

    The learning rate then means what it does without weights.
    """
    if weights is None:
        return None
    scaled: Float32Array = (weights / weights[train].mean()).astype(np.float32)
    return scaled


def _view(spec: TrialSpec, number: int) -> View:
    """View ``number`` of the trial's augmentation; -1 and strength 0 are the images as they are."""
    if number < 0 or not spec.strength:
        return PLAIN
    return View(policy=spec.policy, strength=spec.strength, number=number, seed=spec.seed)
