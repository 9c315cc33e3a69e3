"""A linear model whose features lie in an array, and its trainer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tlsearch.features.extractor import StoredRows
from tlsearch.models.heads import Head
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training.compiled import CompiledModel, compile_model
from tlsearch.training.trainer import Task, Trainer
from tlsearch.training.validation import class_weights
from tlsearch.types import TrialSpec

WIDTH, CLASSES, COUNT = 6, 3, 125
LABELS = np.arange(COUNT) % CLASSES
TRAIN, VAL = np.arange(100), np.arange(100, COUNT)


def features(view: int = -1) -> Any:
    """(125, 6) in which the label can be read; a view of its own noise for each number."""
    rng = np.random.default_rng(view + 10)
    return (np.eye(WIDTH)[LABELS] * 2 + rng.normal(0, 0.8, (COUNT, WIDTH))).astype(np.float16)


class Log:
    """Which views were used."""

    def __init__(self) -> None:
        self.views: list[int] = []

    def rows(self, view: int) -> StoredRows:
        """The features of a view."""
        self.views.append(view)
        return StoredRows(features(view))


def make_trainer(
    spec: TrialSpec, metric: CountMetric = "accuracy", log: Log | None = None, model: Any = None, array: Any = None
) -> Trainer:
    """A trainer of a linear model."""
    log = log or Log()
    plain = StoredRows(features() if array is None else array)
    weights = class_weights(load_metric(metric), LABELS[TRAIN], CLASSES)
    rows = log.rows if array is None else lambda view: plain
    task = Task(
        rows=rows,
        plain=lambda: plain,
        labels=LABELS,
        train=TRAIN,
        val=VAL,
        train_groups=TRAIN,
        classes=CLASSES,
        metric=load_metric(metric),
        class_weights=weights,
    )
    if model is None:
        x = keras.Input((WIDTH,))
        model = keras.Model(x, keras.layers.Dense(CLASSES, kernel_initializer="zeros")(x))
    optimizer = compile_model(model, spec, (), model.trainable_variables)
    return Trainer(CompiledModel(model, optimizer, Head(0, 0.0, CLASSES, 0)), spec, task)
