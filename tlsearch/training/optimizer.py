"""The optimizer of every trained trial: AdamW with warm-up, cosine to zero, clipping, and two learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlsearch.records import TrialSpec

if TYPE_CHECKING:
    import keras

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises linearly to its peak."""

CLIP_NORM = 1.0
"""The largest global norm of the gradients of a group (suffix, head)."""


def make_optimizer(
    spec: TrialSpec, steps: int, suffix_variables: Sequence[Any], head_variables: Sequence[Any]
) -> keras.optimizers.Optimizer:
    """AdamW with ``lr_suffix`` for the suffix and ``lr_head`` for the head, over ``steps`` steps.

    Weight decay spares biases and BatchNorm, which are the variables of one dimension.
    """
    import keras

    head = _adamw(spec.lr_head, spec.weight_decay, steps, head_variables)
    if not suffix_variables:
        return head
    tail = _adamw(spec.lr_suffix, spec.weight_decay, steps, suffix_variables)
    in_suffix = {id(v) for v in suffix_variables}
    return keras.optimizers.MultiOptimizer(lambda v: tail if id(v) in in_suffix else head)


def _adamw(peak: float, decay: float, steps: int, variables: Sequence[Any]) -> keras.optimizers.Optimizer:
    import keras

    warm_up = max(1, round(WARM_UP * steps))
    schedule = warm_up_cosine(peak, warm_up, max(1, steps - warm_up))
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=decay, global_clipnorm=CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) <= 1])
    return optimizer


def warm_up_cosine(peak: float, warm_up: int, decay_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """From ``peak / warm_up`` linearly to ``peak`` in ``warm_up`` steps, then along half a cosine to zero.

    The rates of Keras' own ``CosineDecay``, whose two branches TensorFlow compiles anew for every variable that decays:
    a quarter of the time in which a suffix is compiled.
    """
    import keras
    from keras import ops

    class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # keras has no types
        def __call__(self, step: Any) -> Any:
            step = ops.cast(step, "float32")
            rising = peak / warm_up + (peak - peak / warm_up) * step / warm_up
            done = ops.minimum(step - warm_up, float(decay_steps)) / decay_steps
            falling = 0.5 * peak * (1 + ops.cos(math.pi * done))
            return ops.where(step < warm_up, rising, falling)

    return WarmUpCosine()
