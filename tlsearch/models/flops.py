"""How much a layer computes: a deterministic estimate, which measures no time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    """Estimate what ``layer`` needs: twice the multiply-adds of its kernel, and its memory traffic.

    Known exactly for convolutions and dense layers; any other layer counts by the size of its output.
    """
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return Work()
    values = float(np.prod([d or 1 for d in shape[1:]]))
    kernel = getattr(layer, "kernel", None)
    multiply_adds = 0.0
    if kernel is not None and len(kernel.shape) == 2:
        multiply_adds = float(np.prod(kernel.shape))
    elif kernel is not None:
        # A depthwise kernel is (h, w, channels, multiplier), any other (h, w, in / groups, out).
        depthwise = "Depthwise" in type(layer).__name__
        per_value = np.prod(kernel.shape[:2]) if depthwise else np.prod(kernel.shape[:-1])
        multiply_adds = values * float(per_value)
    return Work(2.0 * multiply_adds, OPERATIONS_PER_VALUE * values)
