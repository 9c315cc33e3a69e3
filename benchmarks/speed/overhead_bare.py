"""The same trials without tlsearch: Keras' own ``fit``, or one call of the solver, on arrays in memory.

``overhead.py`` starts it as a process of its own with two files: ``overhead_bare JOB ANSWER``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.overhead_parts import BARE
from benchmarks.speed.stack_sampler import Sampler, seconds_by_part
from tlsearch.data.images.pixels import open_pixels
from tlsearch.data.split import Fold
from tlsearch.features.extractor import Extractor, Pool
from tlsearch.features.prefix import Network
from tlsearch.features.store import FeatureStore
from tlsearch.features.view import PLAIN
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.plugins.registry import load_plugin
from tlsearch.training.batches import trial_seed
from tlsearch.training.linear_head import LabelledImages, fit_linear_head, logits
from tlsearch.types import TrialSpec
from tlsearch.utils import serialize

FloatArray = np.ndarray[Any, np.dtype[np.float32]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]

VALIDATION_BATCH = 64
COUNTED_EPOCHS = 3
"""The value of a trained trial is the mean over this many last epochs."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to fit, and on what.

    The first of ``specs`` is fitted once more before the clock starts, as what a process does only once is not the
    price of a trial. ``versions`` are "distribution version" of the plugins; ``watched`` asks for the parts.
    """

    facts: MeasuredCandidate
    versions: dict[str, str]
    pixels: str
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str
    store: str
    fold: Fold
    specs: tuple[TrialSpec, ...]
    watched: bool


@dataclass(frozen=True, kw_only=True)
class Images:
    """Pooled features by row with labels and groups, and which rows train and which validate."""

    features: FloatArray
    labels: IntArray
    groups: IntArray
    train: IntArray
    val: IntArray
    classes: int


def main() -> int:
    """Read the job, fit, write what it took."""
    job = serialize.STRICT.decode(Job, json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    features = _Features(job)
    images = features.of(job.specs[0])
    fit(job.specs[0], images)
    sampler = Sampler(BARE)
    if job.watched:
        sampler.start()
    windows, values = [], []
    for spec in job.specs:
        images = features.of(spec)
        began = time.monotonic()
        values.append(fit(spec, images))
        windows.append((began, time.monotonic()))
    parts = seconds_by_part(sampler.stop(), windows) if job.watched else {}
    answer = {"seconds": [end - start for start, end in windows], "values": values, "parts": parts}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


class _Features:
    """The pooled features that the profile left in the store, as arrays in memory."""

    def __init__(self, job: Job) -> None:
        self._job = job
        candidate = job.facts.candidate
        plugin = load_plugin("backbone", candidate.backbone)
        self._network = Network(plugin, candidate, job.facts.cuts, job.facts.precision)
        labels, groups = np.asarray(job.labels, np.int64), np.asarray(job.groups, np.int64)
        pixels = {candidate.image_size: open_pixels(Path(job.pixels))}
        pool = Pool(pixels=pixels, labels=labels, groups=groups, classes=job.classes, digest=job.digest)
        store = FeatureStore(Path(job.store), sys.maxsize)
        self._extractor = Extractor(
            store=store,
            pool=pool,
            augmentations=lambda name: load_plugin("augmentation", name),
            provenance=lambda _, name: job.versions[name],
        )

    def of(self, spec: TrialSpec) -> Images:
        """What a trial of ``spec`` is fitted on."""
        depths = [spec.skip_cut, spec.depth] if spec.skip_cut else [spec.depth]
        arrays = self._extractor.pooled(self._network, PLAIN, depths)
        if self._extractor.computed:
            raise SystemExit("the features of the profile are not found in the store")
        # Pooled rows hold averages, then maxima.
        used = [a if spec.pooling == "avgmax" else a[:, : a.shape[1] // 2] for a in arrays]
        pool, fold = self._extractor.pool, self._job.fold
        joined = np.concatenate(used, axis=1)
        return Images(
            features=joined,
            labels=pool.labels,
            groups=pool.groups,
            train=np.asarray(fold.train),
            val=np.asarray(fold.val),
            classes=len(pool.classes),
        )


def fit(spec: TrialSpec, images: Images) -> float:
    """Fit a head and validate it; gives its accuracy as the trial's value is defined."""
    return _solve(spec, images) if spec.is_linear_probe else _train(spec, images)


def _solve(spec: TrialSpec, images: Images) -> float:
    x, y = images.features[images.train], images.labels[images.train]
    fitted = LabelledImages(y, images.groups[images.train], images.classes)
    head, _ = fit_linear_head(x, fitted, trial_seed(spec, "solve"), None)
    scores = logits(head, images.features[images.val])
    return float((scores.argmax(axis=1) == images.labels[images.val]).mean())


def _train(spec: TrialSpec, images: Images) -> float:
    import keras

    keras.utils.set_random_seed(spec.seed)
    x, held = images.features[images.train], images.features[images.val]
    targets = np.eye(images.classes, dtype=np.float32)[images.labels]
    variance = x.var(axis=0)
    variance[variance < 1e-12 * variance.max()] = 1.0  # a constant column is not blown up
    layers: list[Any] = [keras.Input((x.shape[1],)), keras.layers.Normalization(mean=x.mean(axis=0), variance=variance)]
    layers += [keras.layers.Dropout(spec.dropout)] if spec.dropout else []
    layers += [keras.layers.Dense(spec.units, activation="relu", kernel_initializer="he_normal")]
    layers += [keras.layers.Dropout(spec.dropout)] if spec.dropout else []
    model = keras.Sequential([*layers, keras.layers.Dense(images.classes)])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=spec.label_smoothing)
    model.compile(_optimizer(spec, model), loss, metrics=["accuracy"])
    history = model.fit(
        x,
        targets[images.train],
        batch_size=spec.batch_size,
        epochs=spec.steps // -(-len(x) // spec.batch_size),
        validation_data=(held, targets[images.val]),
        validation_batch_size=VALIDATION_BATCH,
        verbose=0,
    )
    accuracies: Sequence[float] = history.history["val_accuracy"]
    return float(np.mean(accuracies[-COUNTED_EPOCHS:]))


def _optimizer(spec: TrialSpec, model: Any) -> Any:
    """AdamW as the method says.

    A tenth of the steps warm up, then a cosine to zero; gradients clipped at norm 1; no decay of biases.
    """
    import keras

    warm_up = max(1, round(0.1 * spec.steps))
    rate = keras.optimizers.schedules.CosineDecay(
        spec.lr_head / warm_up, max(1, spec.steps - warm_up), warmup_target=spec.lr_head, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=spec.weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_list=[v for v in model.trainable_variables if len(v.shape) == 1])
    return optimizer


if __name__ == "__main__":
    sys.exit(main())
