"""A candidate that is loaded for extraction: its model, its cut points, and its compiled prefixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch import backend
from tlsearch.backend.graph import not_finite
from tlsearch.errors import PluginFailedError
from tlsearch.models import partition
from tlsearch.models.cuts import Cuts, Feature
from tlsearch.plugins.api import Backbone
from tlsearch.types import AnyArray, Candidate

if TYPE_CHECKING:
    import keras

AGREEMENT = 1e-2
"""The largest relative L2 distance from float32 at which another precision may stand in for it."""

ARITHMETIC_BOUND = 0.8
"""Below this share of arithmetic a network waits for memory, and bfloat16, which needs conversions, is slower: on a
CPU with AVX512-BF16 VGG16 (.97) runs twice as fast in it, EfficientNet-Lite0 (.4) does not gain."""

EXTRACT_BATCH = 32
"""Extraction always runs on batches of this size (the last one padded), so that an image's features do not depend
on the images beside it."""

GRAPHS_KEPT = 4
"""Compiled prefixes that stay in memory, each with buffers, perhaps weights, of its own. A trial uses two or three."""

WEIGHTS_FIX = "try other weights"

Forward = Callable[[AnyArray], Mapping[str, Any]]
"""Features by name (as ``partition.prefix`` gives them) of a full batch."""


class Network:
    """A pre-trained candidate in the fastest precision, ready to compute the features of any cut.

    ``cuts`` are known from ``inspect`` on a sample of the pool, or given by whoever did that before, so that a
    renewed worker stores in the same dtypes.
    """

    def __init__(self, plugin: Backbone, candidate: Candidate, cuts: Cuts | None, precision: str | None) -> None:
        """Load nothing yet; ``precision`` None is float32."""
        self.plugin = plugin
        self.candidate = candidate
        self.precision = precision or backend.FLOAT32
        self._known = cuts
        self._graphs: dict[tuple[int, tuple[Feature, ...]], Forward] = {}

    @cached_property
    def model(self) -> keras.Model:
        """The whole backbone with its weights, in ``precision``."""
        return self._built(self.precision)

    def _built(self, precision: str) -> keras.Model:
        file = self.candidate.weights_file
        return partition.build(self.plugin, self.candidate.image_size, Path(file) if file else None, precision)

    @property
    def cuts(self) -> Cuts:
        """The cut points; known once ``inspect`` has run or where they were given."""
        if self._known is None:
            raise RuntimeError("the cut points are not known before inspect() has run")
        return self._known

    def inspect(self, sample: AnyArray) -> Cuts:
        """Find the cut points and choose the precision from a sample of images (N, S, S, 3) in 0..255.

        It is bfloat16 where the machine has that in hardware, the network is bound by arithmetic and its features agree
        with float32; the choice does not depend on measured times.
        """
        if self._known is None:
            self._known = partition.inspect(self.plugin, self.model, sample)
            fast = backend.fastest_precision()
            if fast != self.precision and partition.arithmetic_share(self.model) >= ARITHMETIC_BOUND:
                self._try(fast, sample)
        return self._known

    def _try(self, precision: str, sample: AnyArray) -> None:
        other = self._built(precision)
        inputs = np.asarray(self.plugin.preprocess(sample.astype(np.float32)))
        exact = np.asarray(self.model.predict_on_batch(inputs), np.float32)
        rough = np.asarray(other.predict_on_batch(inputs)).astype(np.float32)
        if np.linalg.norm(rough - exact) <= AGREEMENT * np.linalg.norm(exact):
            self.precision = precision
            self.model = other

    def graph(self, start: int, wanted: tuple[Feature, ...]) -> Forward:
        """Give the prefix that computes what is wanted in one pass from depth ``start``, 0 for pixels."""
        key = (start, wanted)
        found = self._graphs.pop(key, None) or self._compiled(start, wanted)
        self._graphs[key] = found  # the one used last stands last
        if len(self._graphs) > GRAPHS_KEPT:
            del self._graphs[next(iter(self._graphs))]
        return found

    def _compiled(self, start: int, wanted: tuple[Feature, ...]) -> Forward:
        prefix = partition.prefix(self.plugin, self.model, self.cuts, start, wanted)
        # On a GPU Keras compiles with XLA, which folds by itself; in bfloat16 casts stand between what could be folded.
        if self.precision == backend.FLOAT32 and partition.has_batch_norm(self.model) and not backend.has_gpu():
            return backend.with_constants(prefix, EXTRACT_BATCH)
        forward: Forward = prefix.predict_on_batch
        return forward

    def compute(self, start: int, wanted: tuple[Feature, ...], inputs: AnyArray) -> dict[Feature, AnyArray]:
        """Compute the features of a batch.

        Args:
            start: The depth of ``inputs``.
            wanted: What to compute.
            inputs: Pixels, or stored features of a stage end: at most ``EXTRACT_BATCH`` rows.

        Raises:
            PluginFailedError: Features, weights or preprocessed pixels are not finite; it names the plugin.
        """
        n = len(inputs)
        batch = np.zeros((EXTRACT_BATCH, *inputs.shape[1:]), dtype="float32" if start == 0 else inputs.dtype)
        batch[:n] = inputs
        if not self._finite_weights:
            raise self._failed(f"has weights for {self.candidate.label} that are not finite", WEIGHTS_FIX)
        graph = self.graph(start, wanted)
        outputs = {name: np.asarray(values)[:n] for name, values in graph(batch).items()}
        if not outputs.pop(partition.FINITE, np.True_).all():
            raise self._failed("turns an image into values that are not finite", "fix its preprocess")
        if not all(np.isfinite(values).all() for values in outputs.values()):
            raise self._failed(f"gives features that are not finite for {self.candidate.label}", WEIGHTS_FIX)
        return {feature: outputs[str(feature)] for feature in wanted}

    @cached_property
    def _finite_weights(self) -> bool:
        """Weights that are NaN may not be seen in features: see ``partition.prefix``."""
        return not not_finite(self.model)

    def _failed(self, what: str, fix: str) -> PluginFailedError:
        name = self.plugin.name
        text = f"The backbone plugin '{name}' {what}; {fix}, or leave it out with --backbone."
        return PluginFailedError(text, plugin=f"backbone {name}")
