"""The features of a built-in network at every cut point, computed with the backend of Keras that this process has.

    KERAS_BACKEND=jax python -m benchmarks.common.backend_features NAME FOLDER

The first process for a network writes random weights into FOLDER, and every one writes its features there, as
BACKEND.npz.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch import backend
from tlsearch.plugins import registry
from tlsearch.testing.network import cuts_of, inputs_of, perturbed, size_of, tensor_at, to_numpy

IMAGES = 2


def main(arguments: Sequence[str]) -> int:
    """Build or load, compute, write."""
    backend.prepare()
    import keras

    name, folder = arguments[0], Path(arguments[1])
    plugin = registry.load_plugin("backbone", name)
    weights = folder / "random.weights.h5"
    if weights.exists():
        model = plugin.build(size_of(plugin), weights)
    else:
        model = perturbed(plugin)
        model.save_weights(weights)
    cuts = cuts_of(plugin, model)
    found = keras.Model(model.input, [tensor_at(model, cut) for cut in cuts])(inputs_of(plugin, IMAGES), training=False)
    tensors = [found] if len(cuts) == 1 else found
    arrays: dict[str, Any] = {cut.name: to_numpy(tensor) for cut, tensor in zip(cuts, tensors, strict=True)}
    np.savez(folder / f"{keras.backend.backend()}.npz", **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
