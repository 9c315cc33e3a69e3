"""Models that are compiled once and trained several times, each time from their start.

Building and tracing a suffix takes seconds, as long as training it on a few hundred images. The folds of a trial differ
in images only, so that one model serves them all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch import backend
from tlsearch.backend import train_steps
from tlsearch.models.heads import Head
from tlsearch.training.batch_norm import NormRenewal
from tlsearch.training.optimizer import TwoRateOptimizer
from tlsearch.types import AnyArray, TrialSpec

if TYPE_CHECKING:
    import keras

KEPT_BYTES = 1 << 30
"""Memory for models that are kept beyond their trial: their variables, and the values that these started from."""


def hits(targets: Any, logits: Any) -> Any:
    """Give 1 for each image whose class is right; 0 where the target names none."""
    from keras import ops

    right = ops.equal(ops.argmax(targets, axis=-1), ops.argmax(logits, axis=-1))
    return ops.cast(right, "float32") * ops.max(targets, axis=-1)


def compile_model(model: keras.Model, spec: TrialSpec, suffix: Sequence[Any], head: Sequence[Any]) -> TwoRateOptimizer:
    """Prepare ``model`` for training and give its optimizer.

    ``suffix`` and ``head`` are its variables in two groups.
    """
    import keras

    optimizer = TwoRateOptimizer(spec.weight_decay, suffix, head)
    # Variables that are made in the first step, of the optimizer or of a metric, have it traced twice.
    optimizer.optimizer.build(model.trainable_variables)
    model.compile(
        optimizer.optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=spec.label_smoothing),
        metrics=[keras.metrics.MeanMetricWrapper(hits, name="hits")],
        jit_compile=backend.jit_compile(),
    )
    return optimizer


State = list[AnyArray]
"""The values of all variables of a compiled model."""


class CompiledModel:
    """The model of a trial with its optimizer.

    Attributes:
        model: Maps features to logits.
        optimizer: Its optimizer.
        head: Its last part.
        backbone: Holds the variables of the whole backbone; None where the head is trained alone.
    """

    def __init__(
        self, model: keras.Model, optimizer: TwoRateOptimizer, head: Head, backbone: keras.Model | None = None
    ) -> None:
        """Take the parts of a model that is compiled."""
        self.model, self.optimizer, self.head, self.backbone = model, optimizer, head, backbone
        # Those of the layers come with the states of dropout, those of the optimizer with its count of steps.
        self._variables = [*model.variables, *optimizer.optimizer.variables]

    @cached_property
    def steps(self) -> train_steps.Steps:
        """What trains the model on batches, one for each two learning rates, and gives loss and hits of each alone."""
        return train_steps.make_steps(self.model, self.optimizer.set_rates, ("loss", "hits"), self.takes_vectors)

    @property
    def takes_vectors(self) -> bool:
        """Whether an image is a vector of pooled features, of which many fit into memory at once."""
        return len(self.model.input.shape) == 2

    @cached_property
    def norm(self) -> NormRenewal:
        """What takes the statistics of the model's BatchNorm anew."""
        return NormRenewal(self.model)

    def state(self) -> State:
        """Give where the model is in its training: weights, the optimizer's moments, the states of dropout."""
        from keras import ops

        return [np.array(ops.convert_to_numpy(v)) for v in self._variables]

    def restore(self, state: State) -> None:
        """Put every variable back to where it was."""
        for variable, value in zip(self._variables, state, strict=True):
            variable.assign(value)
        self.model.reset_metrics()


@dataclass
class _Kept:
    model: CompiledModel
    start: State

    @property
    def nbytes(self) -> int:
        return 2 * sum(value.nbytes for value in self.start)


class ModelCache:
    """Compiled models by what they were made of."""

    def __init__(self) -> None:
        """Begin without models."""
        self._reusing = False
        self._models: dict[Hashable, _Kept] = {}

    @contextmanager
    def during(self, *, reuse: bool, keep: bool) -> Iterator[None]:
        """Enclose a trial. Nothing stays after an error, for which memory may be the reason.

        Args:
            reuse: Whether the trial will use its models again.
            keep: Whether others will, so that they stay beyond it, beside those that are here already, as far as
                ``KEPT_BYTES`` allow.
        """
        if not keep:
            self.clear()
        self._reusing, done = reuse or keep, False
        try:
            yield
            done = True
        finally:
            self._reusing = False
            if not (keep and done):
                self.clear()
            # The last ones go, not those that were used longest ago: trials come in turns, fold after fold.
            while sum(kept.nbytes for kept in self._models.values()) > KEPT_BYTES:
                self._models.popitem()

    def get(self, key: Hashable, make: Callable[[], CompiledModel]) -> CompiledModel:
        """Give the model of ``key`` at its start, which ``make`` gives where it is not here."""
        kept = self._models.get(key)
        if kept is not None:
            kept.model.restore(kept.start)
            return kept.model
        model = make()
        if self._reusing:
            self._models[key] = _Kept(model, model.state())
        return model

    def clear(self) -> None:
        """Forget all models."""
        self._models.clear()
