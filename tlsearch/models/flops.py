"""How much a layer computes: a deterministic estimate, which measures no time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlsearch.backend.graph import kernel_size_of
from tlsearch.backend.private_api import has_graph

OPERATIONS_PER_VALUE = 60.0
"""Reading and writing one activation costs about as much as this many operations (a roofline model with the ratio
of arithmetic to memory speed of current CPUs); it is what makes depthwise networks slower than their FLOPs suggest."""


@dataclass(frozen=True)
class Work:
    """Operations an image: ``arithmetic`` in kernels, ``memory`` for reading and writing activations."""

    arithmetic: float = 0.0
    memory: float = 0.0

    @property
    def total(self) -> float:
        """Both together."""
        return self.arithmetic + self.memory

    def __add__(self, other: Work) -> Work:
        """Give both together."""
        return Work(self.arithmetic + other.arithmetic, self.memory + other.memory)


def layer_work(layer: Any) -> Work:
    """Estimate what a layer or an operation of ``keras.ops`` needs: its multiply-adds twice, and its memory traffic.

    The multiply-adds are known exactly for convolutions and dense layers. Any other layer counts by its weights of two
    dimensions or more and by the size of its output. A model inside a model counts as its layers; a layer that holds
    others counts as one. The products of attention between tokens are left out: of a ViT-B at 224 pixels 4 %, the same
    share in each block.
    """
    if has_graph(layer):
        return sum((layer_work(inner) for inner in layer.layers), Work())
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return Work()
    *positions, channels = (float(side or 1) for side in (*shape[1:],) or (1,))
    places = float(np.prod(positions))
    return Work(2.0 * places * kernel_size_of(layer), OPERATIONS_PER_VALUE * places * channels)
