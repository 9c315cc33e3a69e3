"""The optimizer of every trained trial: AdamW with warm-up, cosine to zero, clipping, and two learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlsearch.backend import train_steps

if TYPE_CHECKING:
    import keras

CLIP_NORM = 1.0
"""The largest global norm of the gradients of a group (suffix, head)."""


class TwoRateOptimizer:
    """AdamW with one learning rate for the suffix and one for the head; ``optimizer`` is the one to compile with.

    Both rates are variables that are 0 until ``set_rates``, so that schedules of any length and height share what was
    compiled. Weight decay spares biases and BatchNorm, which are the variables of one dimension.
    """

    def __init__(self, decay: float, suffix_variables: Sequence[Any], head_variables: Sequence[Any]) -> None:
        """Make an optimizer with weight decay ``decay`` for these variables."""
        import keras

        self._head = head = _adamw(decay, head_variables)
        self._suffix = suffix = _adamw(decay, suffix_variables) if suffix_variables else None
        in_suffix = {id(v) for v in suffix_variables}
        self.optimizer = head
        if suffix is not None:
            self.optimizer = keras.optimizers.MultiOptimizer(lambda v: suffix if id(v) in in_suffix else head)

    def set_rates(self, suffix: float, head: float) -> None:
        """Set the learning rates of the next step."""
        if self._suffix is not None:
            self._suffix.learning_rate = suffix
        self._head.learning_rate = head


def _adamw(decay: float, variables: Sequence[Any]) -> keras.optimizers.Optimizer:
    optimizer = train_steps.adamw(decay, CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) <= 1])
    return optimizer
