"""The training loop: epochs, each followed by validation, on features or pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tlsearch.errors import TrialError
from tlsearch.features.extractor import Rows
from tlsearch.models.weight_average import WeightAverage
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.metrics import softmax
from tlsearch.training.batches import epoch_batches, steps_per_epoch, view_number
from tlsearch.training.compiled import CompiledModel
from tlsearch.training.schedule import warm_up_cosine
from tlsearch.training.validation import validation
from tlsearch.types import AVERAGED, Float32Array, IntArray, TrialSpec
from tlsearch.utils.deadline import check_time

MIN_EPOCHS = 5
"""A schedule shorter than this many epochs is still measured this often."""

PREDICT_BATCH = 64

SMALL_POOL, SMALL_PREDICT_BATCH = 320, 32
"""In a pool of fewer images a fold validates on fewer than ``PREDICT_BATCH``, for which smaller batches waste less."""

COUNTED_EPOCHS = 3
"""The last epochs, whose mean counts."""

AT_ONCE_BYTES = 16 << 20
"""Memory for the features and targets of the steps of one call; at the peak three times as much is in use."""

NORM_BATCHES = 30
"""Batches, at most, over which BatchNorm statistics are taken anew."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a model is trained on.

    Attributes:
        rows: Gives the features of a view by its number.
        plain: Gives the features of the images as they are.
        labels: Those of the whole pool.
        train: The rows of the pool to train on.
        val: Those to validate on.
        train_groups: The groups of the rows to train on.
        classes: The number of classes.
        metric: What trials are valued by.
        class_weights: How classes are weighted; None for equally.
        image_weights: How much each image of the pool counts in training; None where all count alike.
    """

    rows: Callable[[int], Rows]
    plain: Callable[[], Rows]
    labels: IntArray
    train: IntArray
    val: IntArray
    train_groups: IntArray
    classes: int
    metric: GuardedMetric
    class_weights: dict[int, float] | None
    image_weights: Float32Array | None = None

    @property
    def train_weights(self) -> Float32Array | None:
        """The weights of the rows to train on."""
        return None if self.image_weights is None else self.image_weights[self.train]


@dataclass(frozen=True)
class EpochSchedule:
    """A schedule in epochs: ``number`` of them with ``steps`` each.

    In an epoch every image is seen once, which takes ``full_steps``. Where a fifth of the schedule is shorter, that is
    an epoch.
    """

    number: int
    steps: int
    full_steps: int

    @classmethod
    def of(cls, spec: TrialSpec, images: int) -> EpochSchedule:
        """Give the epochs of a trial that trains on so many images."""
        full_steps = steps_per_epoch(images, spec.batch_size)
        steps = min(full_steps, max(1, spec.steps // MIN_EPOCHS))
        return cls(max(1, round(spec.steps / steps)), steps, full_steps)


@dataclass(frozen=True)
class _Batch:
    """The images of a step, rows of the pool, filled up to the size of all steps, and the features of their view."""

    images: IntArray
    filled: IntArray
    rows: Rows


def _steps_a_call(compiled: CompiledModel, batch_size: int) -> int:
    """How many steps are trained in one call: as many as fit where images are vectors, else one."""
    if not compiled.takes_vectors:
        return 1
    width: int = compiled.model.input.shape[-1] + compiled.model.output.shape[-1]
    return max(1, AT_ONCE_BYTES // (4 * width * batch_size))


class Trainer:
    """Trains one model from where it is, epoch by epoch."""

    def __init__(self, compiled: CompiledModel, spec: TrialSpec, task: Task) -> None:
        """Train ``compiled`` as ``spec`` says on ``task``."""
        self.compiled, self.model = compiled, compiled.model
        self.spec, self.task = spec, task
        schedule = EpochSchedule.of(spec, len(task.train))
        self.epochs, self.epoch_steps = schedule.number, schedule.steps
        self._step, self._steps = 0, schedule.number * schedule.steps
        self._share_seen = schedule.steps / schedule.full_steps
        self.history: list[dict[str, float]] = []
        self._batches = self._stream()
        self._steps_a_call = _steps_a_call(compiled, min(spec.batch_size, len(task.train)))
        self._targets = np.eye(task.classes, dtype=np.float32)
        self._average: WeightAverage | None = None

    def times_seen(self, epochs: int) -> float:
        """Give how often the images are seen in so many epochs: less than once in each where the schedule is short."""
        return round(epochs * self._share_seen, 3)

    def shorten(self, epochs: int) -> None:
        """End after so many epochs in all: the learning rate falls to zero until then, from where it is."""
        self.epochs = epochs
        self._steps = epochs * self.epoch_steps

    def go_on(self, history: Sequence[Mapping[str, float]]) -> None:
        """Go on after the epochs of ``history``, of which the model is in the state that it had at their end."""
        self.history = [dict(numbers) for numbers in history]
        self._step = len(history) * self.epoch_steps
        self._batches = self._stream(self._step)

    def _stream(self, done: int = 0) -> Iterator[_Batch]:
        """The batches of every step that comes after the first ``done``."""
        epoch, skipped = divmod(done, steps_per_epoch(len(self.task.train), self.spec.batch_size))
        while True:
            rows = self.task.rows(view_number(self.spec, epoch))
            first = self.task.train[:0]
            for number, batch in enumerate(epoch_batches(self.spec, self.task.train, epoch)):
                first = batch if number == 0 else first
                if number >= skipped:
                    yield _Batch(batch, np.concatenate([batch, first[: len(first) - len(batch)]]), rows)
            epoch, skipped = epoch + 1, 0

    def run_epoch(self, renew_norm: bool = False) -> dict[str, float]:
        """Train one epoch, validate, and give the epoch's numbers (also kept in ``history``).

        ``renew_norm`` takes the statistics of BatchNorm anew on training images before validation.

        Raises ``OutOfTimeError`` between two batches where the time for it is over.
        """
        loss, hits, images = 0.0, 0, 0
        for start in range(0, self.epoch_steps, self._steps_a_call):
            check_time()
            batches = list(islice(self._batches, min(self._steps_a_call, self.epoch_steps - start)))
            for batch, (of_batch, share) in zip(batches, self._train_on(batches), strict=True):
                loss += of_batch * len(batch.images)
                hits += round(share * len(batch.filled))
                images += len(batch.images)
            if self._average is not None:
                self._average.add(len(batches))
        if not np.isfinite(loss):
            epoch = math.ceil(self.times_seen(len(self.history) + 1))
            raise TrialError(f"Training diverged: the loss is not finite in epoch {epoch}.")
        if renew_norm:
            self._renew_norm()
        numbers = {
            "epoch": self.times_seen(len(self.history) + 1),
            "train_loss": loss / images,
            "train_accuracy": hits / images,
            **self._validated(),
        }
        self.history.append(numbers)
        return numbers

    def begin_average(self) -> None:
        """Average the weights from here on, where that has not begun."""
        self._average = self._average or WeightAverage(self.model)

    def validate_average(self) -> None:
        """Add the score of the average, with new statistics of BatchNorm, to the numbers of the last epoch."""
        if self._average is None or not len(self.task.val):
            return
        with self._average.in_place():
            self._renew_norm()
            found = self._validated()
        self.history[-1][AVERAGED] = found["objective"]

    def _train_on(self, batches: Sequence[_Batch]) -> list[list[float]]:
        """A step on each; gives the loss of each alone and its share of hits among as many as it was filled up to.

        An epoch's last batch is filled up with images of its first, which have no weight and no class: another size
        would be compiled anew, and BatchNorm would take its statistics from a few images.
        """
        targets = self._targets[self.task.labels[np.stack([batch.filled for batch in batches])]]
        for target, batch in zip(targets, batches, strict=True):
            target[len(batch.images) :] = 0
        taken = [batch.rows.take(batch.filled).astype(np.float32, copy=False) for batch in batches]
        features = np.stack(taken) if len(taken) > 1 else taken[0][None]  # no copy of a batch of feature maps
        shares = [warm_up_cosine(self._step + number, self._steps) for number in range(len(batches))]
        rates = np.outer(shares, [self.spec.lr_suffix, self.spec.lr_head]).astype(np.float32)
        self._step += len(batches)
        weights = np.stack([self._weights(batch) for batch in batches])
        found: list[list[float]] = self.compiled.steps(features, targets, weights, rates).tolist()
        return found

    def _validated(self) -> dict[str, float]:
        rows = self.task.val
        return validation(self.probabilities(self.task.plain(), rows), self.task.labels[rows], self.task.metric)

    def probabilities(self, rows: Rows, index: IntArray) -> Float32Array:
        """Give class probabilities (n, classes) for rows of the pool, dropout off."""
        if not len(index):
            return np.zeros((0, self.task.classes), np.float32)
        # Batches are filled up to a size that all folds of a pool share: another would be compiled anew, and not to the
        # same graph, for TensorFlow makes the second one for batches of any size.
        size = PREDICT_BATCH if len(self.task.labels) >= SMALL_POOL else SMALL_PREDICT_BATCH
        filled = np.resize(index, -(-len(index) // size) * size)
        parts = []
        for i in range(0, len(filled), size):
            check_time()
            batch = rows.take(filled[i : i + size]).astype(np.float32, copy=False)
            parts.append(np.asarray(self.model.predict_on_batch(batch)))
        return softmax(np.concatenate(parts)[: len(index)].astype(np.float32, copy=False))

    def final(self, epochs: int | None = None) -> dict[str, float]:
        """Give what the trial is valued by: the mean of every number over the last three of the first ``epochs``.

        It is never the best epoch: the best epoch of many is optimistic (Cawley & Talbot 2010). None is all epochs.
        """
        last = self.history[:epochs][-COUNTED_EPOCHS:]
        return {name: float(np.mean([h[name] for h in last])) for name in last[-1] if name not in ("epoch", AVERAGED)}

    def _weights(self, batch: _Batch) -> Float32Array:
        """Weights of the images of a batch that is filled up, such that the mean over all is the batch's own."""
        size, own, by_class = len(batch.filled), len(batch.images), self.task.class_weights
        weights = np.zeros(size, np.float32)
        weights[:own] = 1.0 if by_class is None else [by_class[int(c)] for c in self.task.labels[batch.images]]
        if self.task.image_weights is not None:
            weights[:own] *= self.task.image_weights[batch.images]
        return weights * np.float32(size / own)

    def _renew_norm(self) -> None:
        """Take BatchNorm's statistics anew on unaltered training images, in batches of the trial's size."""
        rows, size = self.task.plain(), min(self.spec.batch_size, len(self.task.train))
        order = np.random.default_rng(len(self.history)).permutation(self.task.train)
        starts = range(0, len(order) - size + 1, size)[:NORM_BATCHES]
        self.compiled.norm.renew(
            rows.take(order[start : start + size]).astype(np.float32, copy=False) for start in starts
        )
