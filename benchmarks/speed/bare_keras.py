"""The arithmetic of a trial by bare Keras and scikit-learn on arrays in memory: no store, no engine.

Nothing is shared with tlsearch's own training. Each function gives seconds. Whatever is chosen to be fastest
(precision, batch of a forward pass) is chosen before the clock runs; building and tracing what is then used counts.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.loops.images import Images
from benchmarks.common.loops.keras_model import add_head, build_network, compile_model, load_backbone, pool
from benchmarks.common.loops.timing import Stopwatch, Timed
from benchmarks.common.loops.trial_kinds import BATCH
from tlsearch.backend import FLOAT32, fastest_precision
from tlsearch.models.partition import dtype_policy
from tlsearch.plugins.api import Augmentation
from tlsearch.plugins.registry import load_plugin
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.linear_head import C_GRID, INNER_SHARE, MAX_ITERATIONS
from tlsearch.types import Candidate, TrialSpec

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]

AGREEMENT = 1e-2
"""The largest relative distance from float32 at which features in another precision are the same features."""

BATCHES = (32, 64, 128)
"""Images in a batch of a forward pass; the fastest is taken."""

TIMED_CALLS = 3
RENDERED = 64
VALIDATION_BATCH = 64


@dataclass(frozen=True)
class Forward:
    """The fastest forward pass: up to ``layer``, or where that is None to pooled features of the whole network."""

    policy: str
    batch: int
    layer: str | None


def build_forward(candidate: Candidate, policy: str, layer: str | None) -> keras.Model:
    """uint8 pixels to the float16 map at ``layer``, or to the whole network's averages and maxima in float32."""
    import keras

    with dtype_policy(policy):
        network = build_network(candidate)
    size = candidate.image_size
    x = keras.Input((size, size, 3), dtype="uint8")
    y = load_backbone(candidate).preprocess(keras.ops.cast(x, "float32"))
    if layer is None:
        return keras.Model(x, pool(network(y, training=False), "avgmax"))
    part = keras.Model(network.input, network.get_layer(layer).output)
    return keras.Model(x, keras.ops.cast(part(y, training=False), "float16"))


def choose_forward(candidate: Candidate, pixels: Array, layer: str | None) -> Forward:
    """The fastest precision, of those whose features agree with float32, and the fastest batch."""
    sample = np.resize(pixels[: max(BATCHES)], (max(BATCHES), *pixels.shape[1:]))
    speeds: dict[Forward, float] = {}
    exact = None
    for policy in dict.fromkeys((FLOAT32, fastest_precision())):
        model = build_forward(candidate, policy, layer)
        outputs_of_batch = np.asarray(model.predict_on_batch(sample[: min(BATCHES)]), np.float32)
        exact = outputs_of_batch if exact is None else exact
        if np.linalg.norm(outputs_of_batch - exact) > AGREEMENT * np.linalg.norm(exact):
            continue
        for batch in BATCHES:
            speeds[Forward(policy, batch, layer)] = _seconds_of_batch(model, sample[:batch]) / batch
    return min(speeds, key=speeds.__getitem__)


def _seconds_of_batch(model: keras.Model, inputs: Array) -> float:
    model.predict_on_batch(inputs)
    times = []
    for _ in range(TIMED_CALLS):
        started = time.perf_counter()
        model.predict_on_batch(inputs)
        times.append(time.perf_counter() - started)
    return median(times)


def start_forward(candidate: Candidate, forward: Forward, pixels: Array) -> tuple[float, keras.Model]:
    """Seconds to build a network and trace its pass, and the model."""
    started = time.perf_counter()
    model = build_forward(candidate, forward.policy, forward.layer)
    model.predict_on_batch(pixels[: forward.batch])
    return time.perf_counter() - started, model


def pass_over(model: keras.Model, forward: Forward, pixels: Array) -> tuple[float, Array]:
    """Seconds of one pass over ``pixels``, and what it gives."""
    started = time.perf_counter()
    outputs = np.empty((len(pixels), *model.output.shape[1:]), model.output.dtype)
    for start in range(0, len(pixels), forward.batch):
        inputs = pixels[start : start + forward.batch]
        if len(inputs) < forward.batch:  # filled up, for another size would be compiled anew
            inputs = np.resize(inputs, (forward.batch, *inputs.shape[1:]))
        outputs_of_batch = np.asarray(model.predict_on_batch(inputs))
        outputs[start : start + forward.batch] = outputs_of_batch[: len(pixels) - start]
    return time.perf_counter() - started, outputs


def render(policy: str, strength: float, number: int, pixels: Array) -> tuple[float, Array]:
    """Seconds to render a view by its plugin, and its pixels."""
    augmentation: Augmentation = load_plugin("augmentation", policy)
    rng = np.random.default_rng(number)
    started = time.perf_counter()
    outputs = np.empty_like(pixels)
    for start in range(0, len(pixels), RENDERED):
        outputs[start : start + RENDERED] = augmentation.render(pixels[start : start + RENDERED], strength, rng)
    return time.perf_counter() - started, outputs


def solve(views: list[Array], images: Images, pooling: str) -> float:
    """Seconds to solve a linear head on the pooled features of the training images in ``views``.

    The choice of C on a held-out fifth is part of it.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split

    started = time.perf_counter()
    once = np.asarray(images.labels)[images.train]
    x, y = np.concatenate([columns(view, pooling)[images.train] for view in views]), np.tile(once, len(views))
    x = standardised(x, x)
    fitted, held = train_test_split(np.arange(len(once)), test_size=INNER_SHARE, stratify=once, random_state=0)
    rows = np.concatenate([fitted + view * len(once) for view in range(len(views))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=MAX_ITERATIONS, tol=1e-3, warm_start=True)
        losses = {}
        for c in C_GRID:
            model.set_params(C=c).fit(x[rows], y[rows])
            losses[c] = log_loss(y[held], model.predict_proba(x[held]), labels=model.classes_)
        best = min(losses, key=losses.__getitem__)
        LogisticRegression(C=best, max_iter=MAX_ITERATIONS, tol=1e-3).fit(x, y)
    return time.perf_counter() - started


def columns(pooled: Array, pooling: str) -> Array:
    """The part of pooled features (averages, then maxima) that a trial reads."""
    return pooled if pooling == "avgmax" else pooled[:, : pooled.shape[1] // 2]


def standardised(features: Array, by: Array) -> Array:
    """``features`` less the mean of ``by``, over its standard deviation."""
    scale = by.std(axis=0)
    scale[scale == 0] = 1
    return np.asarray((features - by.mean(axis=0)) / scale, np.float32)


def train_head(spec: TrialSpec, pooled: Array, images: Images, epochs: int, validate: bool) -> Timed:
    """Train a head on pooled features for ``epochs`` epochs."""
    import keras

    x = columns(pooled, spec.pooling)
    started = time.perf_counter()
    x = standardised(x, x[images.train])
    inputs = keras.Input((x.shape[1],))
    model = keras.Model(inputs, add_head(inputs, spec, len(images.classes)))
    data = x[images.train], x[images.val] if validate else None
    compile_model(model, spec, [], epochs * steps_per_epoch(len(images.train), BATCH))
    return _fit(model, data, images, epochs, started)


@dataclass(frozen=True)
class NetworkEnd:
    """What follows ``layer`` in a network, in the precision ``policy``."""

    candidate: Candidate
    policy: str
    layer: str


def train_suffix(end: NetworkEnd, spec: TrialSpec, maps: Array, images: Images, epochs: int, run: int) -> Timed:
    """Train the end of a network with a head on maps in memory, float32 (N, h, w, C).

    Of a trial of ``epochs`` epochs the first ``run`` are trained.
    """
    import keras

    data = maps[images.train], maps[images.val]
    started = time.perf_counter()
    with dtype_policy(end.policy):
        network = build_network(end.candidate)
        part = keras.Model(network.get_layer(end.layer).output, network.output)
    inputs = keras.Input(maps.shape[1:])
    logits = add_head(pool(part(inputs), spec.pooling), spec, len(images.classes))
    model = keras.Model(inputs, logits)
    steps = epochs * steps_per_epoch(len(images.train), BATCH)
    compile_model(model, spec, list(part.trainable_variables), steps)
    return _fit(model, data, images, run, started)


def _fit(model: keras.Model, data: tuple[Array, Array | None], images: Images, epochs: int, started: float) -> Timed:
    x, x_val = data
    watch = Stopwatch()
    model.fit(
        x,
        images.one_hot[images.train],
        validation_data=None if x_val is None else (x_val, images.one_hot[images.val]),
        validation_batch_size=VALIDATION_BATCH,
        batch_size=BATCH,
        epochs=epochs,
        callbacks=[watch.callback()],
        verbose=0,
    )
    return Timed(time.perf_counter() - started, epochs, watch.epoch_seconds())
