"""Trials that tune the same layers of one network, trained in this process as a worker trains them, and judged later.

A division has images to train on, images that choose, and images that judge the choice. The latter two are seen as they
are and in a mirror.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common.loops.images import Images
from benchmarks.common.tuning.averaging import MovingAverage, Weights
from tlsearch.data.split import Fold
from tlsearch.data.stratify import draw_stratified
from tlsearch.features.extractor import Extractor, Pool, Rows
from tlsearch.features.prefix import Network
from tlsearch.features.store import FeatureStore
from tlsearch.features.view import PLAIN
from tlsearch.plugins.load_metric import load_metric
from tlsearch.plugins.provenance import provenance
from tlsearch.training.compiled import CompiledModel
from tlsearch.training.trainer import Trainer
from tlsearch.training.trial import TrialRunner
from tlsearch.types import Candidate, Float32Array, TrialSpec
from tlsearch.worker.state import augmentation_plugin, backbone_plugin

STORE_BYTES = 4 << 30
MOST = 0.98
"""The largest share of images that is drawn; more of them are taken as they are."""

AVERAGED_EVERY = 4
"""Steps between two updates of a moving average."""

IntRows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """Rows of a sample: to train on, to choose by, and to judge the choice by."""

    train: IntRows
    val: IntRows
    test: IntRows

    @property
    def judged(self) -> IntRows:
        """The rows that choose, then those that judge."""
        return np.concatenate([self.val, self.test])


def sample(images: Images, sizes: Sequence[int], seed: int) -> Images:
    """As many of the images as a division of ``sizes`` (train, val, test) takes, every class in its share."""
    share = sum(sizes) / len(images.labels)
    if share >= MOST:
        return images
    rows = np.array(draw_stratified(images.labels, images.groups, (share,), (seed, 7))[0])
    file = images.file.with_name(f"{images.file.stem}-sample.npy")
    np.save(file, images.pixels[rows])
    return replace(
        images,
        file=file,
        labels=tuple(images.labels[row] for row in rows),
        groups=tuple(images.groups[row] for row in rows),
        digest=hashlib.sha256(f"{images.digest} {rows.tolist()}".encode()).hexdigest(),
    )


def divide(images: Images, sizes: Sequence[int], seed: int) -> Division:
    """Divide a sample in the proportion of ``sizes`` so that groups stay together and classes have their share."""
    train, val, _ = sizes
    shares = (train / sum(sizes), val / sum(sizes))
    parts = draw_stratified(images.labels, images.groups, shares, (seed, 8))
    return Division(*(np.array(part, np.int64) for part in parts))


@dataclass(frozen=True)
class Trained:
    """A trial after its training.

    Attributes:
        value: What a search would value it by.
        weights: Those at its end.
        averages: The moving averages over its end, in the order of the horizons.
    """

    value: float
    weights: Weights
    averages: Sequence[Weights]


def load_network(candidate: Candidate, images: Images) -> Network:
    """The network, inspected on some of the images."""
    network = Network(backbone_plugin(candidate.backbone), candidate, None, None)
    cuts = network.inspect(images.pixels[:32].astype(np.float32))
    network.candidate = replace(candidate, depth=len(cuts))
    return network


class TunedTrials:
    """Trains trials on divisions of a sample and gives what any weights answer.

    Trials may differ in rates, strength and steps alone: they share a compiled model, as contenders do in a run.
    """

    def __init__(self, network: Network, images: Images, store: Path) -> None:
        """Begin with nothing trained; features are kept in the folder ``store``."""
        self._network, self._store = network, FeatureStore(store, STORE_BYTES)
        self._seen = (self._extractor(images, images.pixels), self._extractor(images, images.pixels[:, :, ::-1]))
        self._runner = TrialRunner(self._seen[0], load_metric("accuracy"))
        self._trainer: Trainer | None = None

    def _extractor(self, images: Images, pixels: npt.NDArray[np.uint8]) -> Extractor:
        kept = np.ascontiguousarray(pixels)
        pool = Pool(
            pixels={images.size: kept},
            labels=np.asarray(images.labels, np.int64),
            groups=np.asarray(images.groups, np.int64),
            classes=images.classes,
            digest=hashlib.sha256(kept.tobytes()).hexdigest(),
        )
        return Extractor(store=self._store, pool=pool, augmentations=augmentation_plugin, provenance=provenance)

    def train(self, division: Division, specs: Sequence[TrialSpec], horizons: Sequence[float]) -> list[Trained]:
        """Train each of ``specs`` in full; ``horizons`` of the moving averages are shares of its steps."""
        fold = Fold(tuple(division.train.tolist()), tuple(division.val.tolist()))
        with self._runner.models.during(reuse=True, keep=True):
            return [self._train(fold, spec, horizons) for spec in specs]

    def _train(self, fold: Fold, spec: TrialSpec, horizons: Sequence[float]) -> Trained:
        trainer = self._trainer = self._runner.prepare(self._network, spec, fold)
        averages = [MovingAverage(max(1.0, share * spec.steps / AVERAGED_EVERY)) for share in horizons]
        with _followed(trainer.compiled, averages):
            for _ in range(trainer.epochs):
                trainer.run_epoch()
        return Trained(trainer.final()["objective"], values_of(trainer.compiled), [a.weights for a in averages])

    def probabilities(self, weights: Weights, rows: IntRows, *, mirrored: bool = False) -> Float32Array:
        """What the model with these weights answers for some images of the sample, (N, classes)."""
        if self._trainer is None:
            raise RuntimeError("nothing is trained yet")
        trainer = self._trainer
        for variable, values in zip(trainer.compiled.model.trainable_variables, weights, strict=True):
            variable.assign(values)
        maps: Rows = self._seen[mirrored].maps(self._network, PLAIN, trainer.spec.freeze_depth)
        return trainer.probabilities(maps, rows)


def values_of(compiled: CompiledModel) -> list[npt.NDArray[np.float32]]:
    """The values of what is trained."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(v)) for v in compiled.model.trainable_variables]


@contextmanager
def _followed(compiled: CompiledModel, averages: Sequence[MovingAverage]) -> Iterator[None]:
    """Enclose a training, in which moving averages follow the steps."""
    steps, done = compiled.steps, 0

    def followed(x: Float32Array, y: Float32Array, weights: Float32Array, numbers: Float32Array) -> Float32Array:
        nonlocal done
        found = steps(x, y, weights, numbers)
        done += len(numbers)
        if done % AVERAGED_EVERY == 0:
            values = values_of(compiled)
            for average in averages:
                average.update(values)
        return found

    compiled.steps = followed
    try:
        yield
    finally:
        compiled.steps = steps
