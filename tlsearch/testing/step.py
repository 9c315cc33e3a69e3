"""One step of training, to see what it reaches."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.models.build import in_inference_mode

if TYPE_CHECKING:
    import keras


LONG_STEP = 1e30
"""A learning rate with which a gradient of 1e-30 changes a weight of 1."""


def train_a_step(part: keras.Model, x: Any, *, inference: bool) -> None:
    """Take a step of gradient descent on ``part`` towards random features.

    It is taken in inference mode (no dropout, BatchNorm as it is) or in training mode. The step is so long that the
    smallest gradient moves a float32, also where random layers make what passes smaller and smaller, as in MobileNet;
    where it leads does not matter. In training mode the step is compiled, as in a search; in inference mode it is not,
    which for a large network takes a quarter of the time.
    """
    import keras

    inputs = keras.Input(x.shape[1:])
    trainer = keras.Model(inputs, in_inference_mode(part)(inputs) if inference else part(inputs))
    trainer.compile(keras.optimizers.SGD(LONG_STEP), "mse", jit_compile=False, run_eagerly=inference)
    target = np.random.default_rng(0).normal(size=(len(x), *part.output.shape[1:])).astype(np.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")  # the check says it in its own words
        trainer.train_on_batch(x, target)
