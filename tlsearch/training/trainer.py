"""The training loop: rounds of steps, each followed by validation, on features or pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tlsearch.errors import TrialError
from tlsearch.features.extractor import Rows
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.training import validation as scores
from tlsearch.training.batches import epoch_batches, steps_per_epoch, view_number
from tlsearch.training.compiled import CompiledModel
from tlsearch.training.optimizer import warm_up_cosine
from tlsearch.types import Float32Array, IntArray, TrialSpec

MIN_ROUNDS = 5
"""A schedule shorter than this many epochs is still measured this often."""

PREDICT_BATCH = 64

SMALL_POOL, SMALL_PREDICT_BATCH = 320, 32
"""In a pool of fewer images a fold validates on fewer than ``PREDICT_BATCH``, for which smaller batches waste less."""

COUNTING_ROUNDS = 3
"""The last rounds, whose mean counts."""

AT_ONCE_BYTES = 16 << 20
"""Memory for the features and targets of the steps of one call; at the peak three times as much is in use."""

NORM_BATCHES = 30
"""Batches, at most, over which BatchNorm statistics are taken anew."""


@dataclass(frozen=True)
class Task:
    """What a model is trained on. ``rows`` gives the features of a view by its number; the rest are labels of the
    whole pool, rows of it, the groups of the rows to train on, and how classes are weighted."""

    rows: Callable[[int], Rows]
    plain: Callable[[], Rows]
    labels: IntArray
    train: IntArray
    val: IntArray
    train_groups: IntArray
    classes: int
    metric: GuardedMetric
    class_weights: dict[int, float] | None


@dataclass(frozen=True)
class Rounds:
    """A schedule in rounds: ``number`` of them with ``steps`` each. A round is an epoch of ``per_epoch`` steps, or a
    fifth of the schedule where that is shorter."""

    number: int
    steps: int
    per_epoch: int

    @classmethod
    def of(cls, spec: TrialSpec, images: int) -> Rounds:
        """The rounds of a trial that trains on so many images."""
        per_epoch = steps_per_epoch(images, spec.batch_size)
        steps = min(per_epoch, max(1, spec.steps // MIN_ROUNDS))
        return cls(max(1, round(spec.steps / steps)), steps, per_epoch)


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
    """Trains one model from where it is, round by round."""

    def __init__(self, compiled: CompiledModel, spec: TrialSpec, task: Task) -> None:
        self.compiled, self.model = compiled, compiled.model
        self.spec, self.task = spec, task
        rounds = Rounds.of(spec, len(task.train))
        self.rounds, self.round_steps = rounds.number, rounds.steps
        self._step, self._steps = 0, rounds.number * rounds.steps
        self._epochs_a_round = rounds.steps / rounds.per_epoch
        self.history: list[dict[str, float]] = []
        self._batches = self._stream()
        self._steps_a_call = _steps_a_call(compiled, min(spec.batch_size, len(task.train)))
        self._targets = np.eye(task.classes, dtype=np.float32)

    def epochs(self, rounds: int) -> float:
        """The epochs in so many rounds."""
        return round(rounds * self._epochs_a_round, 3)

    def _stream(self) -> Iterator[_Batch]:
        epoch = 0
        while True:
            rows = self.task.rows(view_number(self.spec, epoch))
            first = self.task.train[:0]
            for number, batch in enumerate(epoch_batches(self.spec, self.task.train, epoch)):
                first = batch if number == 0 else first
                yield _Batch(batch, np.concatenate([batch, first[: len(first) - len(batch)]]), rows)
            epoch += 1

    def run_round(self, renew_norm: bool = False) -> dict[str, float]:
        """Train one round, validate, and give the round's numbers (also kept in ``history``).

        ``renew_norm`` takes the statistics of BatchNorm anew on training images before validation.
        """
        loss, hits, images = 0.0, 0, 0
        for start in range(0, self.round_steps, self._steps_a_call):
            batches = list(islice(self._batches, min(self._steps_a_call, self.round_steps - start)))
            for batch, (of_batch, share) in zip(batches, self._train_on(batches), strict=True):
                loss += of_batch * len(batch.images)
                hits += round(share * len(batch.filled))
                images += len(batch.images)
        if not np.isfinite(loss):
            epoch = math.ceil(self.epochs(len(self.history) + 1))
            raise TrialError(f"Training diverged: the loss is not finite in epoch {epoch}.")
        if renew_norm:
            self._renew_norm()
        labels = self.task.labels[self.task.val]
        numbers = {
            "epoch": self.epochs(len(self.history) + 1),
            "train_loss": loss / images,
            "train_accuracy": hits / images,
            **scores.validation(self.probabilities(self.task.plain(), self.task.val), labels, self.task.metric),
        }
        self.history.append(numbers)
        return numbers

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

    def probabilities(self, rows: Rows, index: IntArray) -> Float32Array:
        """Class probabilities (n, classes) for rows of the pool, dropout off."""
        if not len(index):
            return np.zeros((0, self.task.classes), np.float32)
        # Batches are filled up to a size that all folds of a pool share: another would be compiled anew, and not to the
        # same graph, for TensorFlow makes the second one for batches of any size.
        size = PREDICT_BATCH if len(self.task.labels) >= SMALL_POOL else SMALL_PREDICT_BATCH
        filled = np.resize(index, -(-len(index) // size) * size)
        parts = [
            np.asarray(self.model.predict_on_batch(rows.take(filled[i : i + size]).astype(np.float32, copy=False)))
            for i in range(0, len(filled), size)
        ]
        return scores.softmax(np.concatenate(parts)[: len(index)].astype(np.float32, copy=False))

    def final(self) -> dict[str, float]:
        """What the trial is valued by: the mean of every number over the last three rounds, never the best one (the
        best epoch of many is optimistic, Cawley & Talbot 2010)."""
        last = self.history[-COUNTING_ROUNDS:]
        return {name: float(np.mean([h[name] for h in last])) for name in last[-1] if name != "epoch"}

    def _weights(self, batch: _Batch) -> Float32Array:
        """Weights of the images of a batch that is filled up, such that the mean over all is the batch's own."""
        size, own, by_class = len(batch.filled), len(batch.images), self.task.class_weights
        weights = np.zeros(size, np.float32)
        weights[:own] = 1.0 if by_class is None else [by_class[int(c)] for c in self.task.labels[batch.images]]
        return weights * np.float32(size / own)

    def _renew_norm(self) -> None:
        """Take BatchNorm's statistics anew on unaltered training images, in batches of the trial's size."""
        rows, size = self.task.plain(), min(self.spec.batch_size, len(self.task.train))
        order = np.random.default_rng(len(self.history)).permutation(self.task.train)
        starts = range(0, len(order) - size + 1, size)[:NORM_BATCHES]
        self.compiled.norm.renew(
            rows.take(order[start : start + size]).astype(np.float32, copy=False) for start in starts
        )
