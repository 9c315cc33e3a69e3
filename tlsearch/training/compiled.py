"""Models that are compiled once and trained several times, each time from their start.

Building and tracing a suffix takes seconds, as long as training it on a few hundred images. The folds of a trial differ
in images only, so that one model serves them all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch import runtime
from tlsearch.records import TrialSpec
from tlsearch.training.network import Head
from tlsearch.training.norm import NormRenewal
from tlsearch.training.optimizer import make_optimizer

if TYPE_CHECKING:
    import keras

KEPT_BYTES = 1 << 30
"""Memory for the models that are kept: their variables, and the values these started from."""


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


class CompiledModel:
    """The model of a trial with its optimizer: ``model`` maps features to logits, ``head`` is its last part, and
    ``backbone`` holds the variables of the whole backbone, None where the head is trained alone."""

    def __init__(self, model: keras.Model, head: Head, backbone: keras.Model | None = None) -> None:
        self.model, self.head, self.backbone = model, head, backbone
        self._start: list[tuple[Any, np.ndarray[Any, Any]]] = []

    @cached_property
    def norm(self) -> NormRenewal:
        """Takes the statistics of the model's BatchNorm anew."""
        return NormRenewal(self.model)

    def mark(self) -> None:
        """Take the values of all variables as those to start from."""
        from keras import ops

        # Those of the layers come with the states of dropout, those of the optimizer with its count of steps.
        variables = [*self.model.variables, *self.model.optimizer.variables]
        self._start = [(v, np.array(ops.convert_to_numpy(v))) for v in variables]

    def rewind(self) -> None:
        """Put every variable back to where it was marked: weights, the optimizer's, dropout's random states."""
        for variable, value in self._start:
            variable.assign(value)
        self.model.reset_metrics()

    @property
    def nbytes(self) -> int:
        """Bytes of all marked variables and of the values to start from."""
        return 2 * sum(value.nbytes for _, value in self._start)


class ModelShelf:
    """Compiled models by what they were made of, within ``over``; those that were used longest ago go where the
    variables of all take more than ``KEPT_BYTES``."""

    def __init__(self) -> None:
        self._keeping = False
        self._models: dict[Hashable, CompiledModel] = {}

    @contextmanager
    def over(self, *, keep: bool, several: bool) -> Iterator[None]:
        """A trial, of ``several`` folds or not; with ``keep`` its models, and those that were there before, stay here
        beyond it, unless it ends in an error."""
        if not keep:
            self.clear()
        self._keeping, done = keep or several, False
        try:
            yield
            done = True
        finally:
            self._keeping = False
            if not (keep and done):
                self.clear()

    def take(self, key: Hashable, make: Callable[[], CompiledModel]) -> CompiledModel:
        """The model of ``key`` at its start, which ``make`` gives where it is not here."""
        model = self._models.pop(key, None)
        if model is not None:
            model.rewind()
        else:
            model = make()
            if not self._keeping:
                return model
            model.mark()
        self._models[key] = model
        while len(self._models) > 1 and sum(m.nbytes for m in self._models.values()) > KEPT_BYTES:
            del self._models[next(iter(self._models))]
        return model

    def clear(self) -> None:
        """Forget all models."""
        self._models.clear()
