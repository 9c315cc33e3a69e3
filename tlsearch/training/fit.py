"""The training loop: rounds of steps, each followed by validation, on features or pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch import runtime
from tlsearch.config import Metric
from tlsearch.errors import TrialError
from tlsearch.features.extract import Rows
from tlsearch.records import TrialSpec
from tlsearch.training import scores
from tlsearch.training.batches import IntArray, epoch_batches, steps_per_epoch
from tlsearch.training.norm import NormRenewal
from tlsearch.training.optimizer import make_optimizer

if TYPE_CHECKING:
    import keras

FloatArray = np.ndarray[Any, np.dtype[np.float32]]

MIN_ROUNDS = 5
"""A schedule shorter than this many epochs is still measured this often."""

PREDICT_BATCH = 64

COUNTING_ROUNDS = 3
"""The last rounds, whose mean counts."""

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
    metric: Metric
    class_weights: dict[int, float] | None


def hits(targets: Any, logits: Any) -> Any:
    """1 for each image whose class is right; 0 where the target names none."""
    from keras import ops

    right = ops.equal(ops.argmax(targets, axis=-1), ops.argmax(logits, axis=-1))
    return ops.cast(right, "float32") * ops.max(targets, axis=-1)


def compile_model(model: keras.Model, spec: TrialSpec, steps: int, suffix: Sequence[Any], head: Sequence[Any]) -> None:
    """Prepare ``model`` for ``steps`` training steps; ``suffix`` and ``head`` are its variables in two groups."""
    import keras

    optimizer = make_optimizer(spec, steps, suffix, head)
    # Variables that are made in the first step, of the optimizer or of a metric, have it traced twice.
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=spec.label_smoothing),
        metrics=[keras.metrics.MeanMetricWrapper(hits, name="hits")],
        jit_compile=runtime.jit_compile(),
    )


class Trainer:
    """Trains one model in rounds. A round is an epoch, or a fifth of the schedule where that is shorter."""

    def __init__(
        self,
        model: keras.Model,
        suffix: list[Any],
        head: list[Any],
        spec: TrialSpec,
        task: Task,
        view: Callable[[int], int],
    ) -> None:
        self.model, self.spec, self.task = model, spec, task
        per_epoch = steps_per_epoch(len(task.train), spec.batch_size)
        self.round_steps = min(per_epoch, max(1, spec.steps // MIN_ROUNDS))
        self._epochs_a_round = self.round_steps / per_epoch
        self.rounds = max(1, round(spec.steps / self.round_steps))
        self.history: list[dict[str, float]] = []
        self._view = view
        self._first = task.train[:0]
        self._batches = self._stream()
        self._norm: NormRenewal | None = None
        self._targets = np.eye(task.classes, dtype=np.float32)
        compile_model(model, spec, self.rounds * self.round_steps, suffix, head)

    def epochs(self, rounds: int) -> float:
        """The epochs in so many rounds."""
        return round(rounds * self._epochs_a_round, 3)

    def _stream(self) -> Iterator[tuple[IntArray, Rows]]:
        epoch = 0
        while True:
            rows = self.task.rows(self._view(epoch))
            for number, batch in enumerate(epoch_batches(self.spec, self.task.train, epoch)):
                if number == 0:
                    self._first = batch
                yield batch, rows
            epoch += 1

    def run_round(self, renew_norm: bool = False) -> dict[str, float]:
        """Train one round, validate, and give the round's numbers (also kept in ``history``).

        ``renew_norm`` takes the statistics of BatchNorm anew on training images before validation.
        """
        loss, accuracy, images = 0.0, 0.0, 0
        for _ in range(self.round_steps):
            batch, rows = next(self._batches)
            logs = self._train_on(batch, rows)
            loss += logs["loss"] * len(batch)
            accuracy += logs["accuracy"] * len(batch)
            images += len(batch)
        if not np.isfinite(loss):
            epoch = math.ceil(self.epochs(len(self.history) + 1))
            raise TrialError(f"Training diverged: the loss is not finite in epoch {epoch}.")
        if renew_norm:
            self._renew_norm()
        labels = self.task.labels[self.task.val]
        numbers = {
            "epoch": self.epochs(len(self.history) + 1),
            "train_loss": loss / images,
            "train_accuracy": accuracy / images,
            **scores.validation(self.probabilities(self.task.plain(), self.task.val), labels, self.task.metric),
        }
        self.history.append(numbers)
        return numbers

    def _train_on(self, batch: IntArray, rows: Rows) -> dict[str, float]:
        """One step; gives the loss and the accuracy of this batch alone.

        An epoch's last batch is filled up with images of its first, which have no weight and no class: another size
        would be compiled anew, and BatchNorm would take its statistics from a few images.
        """
        size = len(self._first)
        filled = np.concatenate([batch, self._first[: size - len(batch)]])
        targets = self._targets[self.task.labels[filled]]
        targets[len(batch) :] = 0
        features = rows.take(filled).astype(np.float32, copy=False)
        logs = self.model.train_on_batch(features, targets, sample_weight=self._weights(batch), return_dict=True)
        return {"loss": float(logs["loss"]), "accuracy": float(logs["hits"]) * size / len(batch)}

    def probabilities(self, rows: Rows, index: IntArray) -> FloatArray:
        """Class probabilities (n, classes) for rows of the pool, dropout off."""
        if not len(index):
            return np.zeros((0, self.task.classes), np.float32)
        # The last batch is filled up to the size of the others: another size would be compiled anew.
        size = min(PREDICT_BATCH, len(index))
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

    def _weights(self, batch: IntArray) -> FloatArray | None:
        """Weights of the images of a batch that is filled up, such that the mean over all is the batch's own; None
        where no batch needs any."""
        size, by_class = len(self._first), self.task.class_weights
        if by_class is None and len(self.task.train) % size == 0:
            return None
        weights = np.zeros(size, np.float32)
        weights[: len(batch)] = 1.0 if by_class is None else [by_class[int(c)] for c in self.task.labels[batch]]
        return weights * np.float32(size / len(batch))

    def _renew_norm(self) -> None:
        """Take BatchNorm's statistics anew on unaltered training images, in batches of the trial's size."""
        if self._norm is None:
            self._norm = NormRenewal(self.model)
        rows, size = self.task.plain(), min(self.spec.batch_size, len(self.task.train))
        order = np.random.default_rng(len(self.history)).permutation(self.task.train)
        starts = range(0, len(order) - size + 1, size)[:NORM_BATCHES]
        self._norm.renew(rows.take(order[start : start + size]).astype(np.float32, copy=False) for start in starts)
