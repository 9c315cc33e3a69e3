"""What a trial reads: the features or pixels of each view of its augmentation, and the labels that go with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


PLAIN_VIEW = -1
"""The number of the images as they are."""


@dataclass
class _Views:
    """What is read of the views of a trial: the images as they are, and one other view at a time.

    A fresh view is large, and a stored one is found again. What is not stored is computed once for all that read it.
    """

    read: Callable[[int], Rows]
    is_augmented: bool
    _known: dict[int, Rows] = field(default_factory=dict)

    def rows(self, number: int) -> Rows:
        """The rows of a view."""
        wanted = number if self.is_augmented else PLAIN_VIEW
        if wanted not in self._known:
            self._known = {n: rows for n, rows in self._known.items() if n == PLAIN_VIEW}
            self._known[wanted] = self.read(wanted)
        return self._known[wanted]

    def plain(self) -> Rows:
        """The rows of the images as they are."""
        return self.rows(PLAIN_VIEW)


class TrialData:
    """The tasks of trials on one pool, whose rows come from ``extractor``."""

    def __init__(self, extractor: Extractor, metric: GuardedMetric) -> None:
        """Read the rows of ``extractor``."""
        self._extractor, self._metric = extractor, metric
        self._shared: dict[Hashable, _Views] | None = None

    @contextmanager
    def for_all_folds(self) -> Iterator[None]:
        """Enclose a trial, whose folds share what they read."""
        self._shared = {}
        try:
            yield
        finally:
            self._shared = None

    def pooled(self, network: Network, spec: TrialSpec, fold: Fold) -> Task:
        """Give a fold of pooled or flattened features (n, d), those of the skip_cut first where there is one."""
        views = self._views("pooled", network, spec, lambda number: self._pooled(network, spec, number))
        return self._task(fold, views)

    def maps(self, network: Network, spec: TrialSpec, fold: Fold) -> Task:
        """Give a fold of feature maps (n, h, w, c) or tokens at the trial's cut, of pixels where nothing is frozen."""
        views = self._views("maps", network, spec, lambda number: self._maps(network, spec, number))
        return self._task(fold, views)

    def _views(self, what: str, network: Network, spec: TrialSpec, read: Callable[[int], Rows]) -> _Views:
        views = _Views(read, bool(spec.strength))
        if self._shared is None:
            return views
        return self._shared.setdefault((what, network.candidate, network.precision, spec), views)

    def _task(self, fold: Fold, views: _Views) -> Task:
        pool = self._extractor.pool
        train, val = np.asarray(fold.train, np.int64), np.asarray(fold.val, np.int64)
        weights = class_weights(self._metric, pool.labels[train], len(pool.classes))
        return Task(
            rows=views.rows,
            plain=views.plain,
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
