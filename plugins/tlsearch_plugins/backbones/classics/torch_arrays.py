"""Weights of networks of PyTorch, as arrays by name, into Keras layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from tlsearch.plugin_api import load_keras_weights
from tlsearch_plugins.backbones.arrays import UNREADABLE, open_arrays

NORM_ARRAYS = ("weight", "bias", "running_mean", "running_var")
"""BatchNorm's arrays in PyTorch's names, in the order of Keras' weights."""


def load_weights(model: keras.Model, file: Path, layers: Mapping[str, str]) -> None:
    """Fill ``model`` from a ``.npz`` of arrays in PyTorch's names and layout, or from a Keras weights file.

    ``layers`` gives for each layer with weights what the names of its arrays begin with: ``{"conv1": "features.0"}``.
    Arrays of other layers, such as a top, are not read. Raises ``ValueError`` when the file is unreadable, and when an
    array is missing or has another shape.
    """
    if file.suffix != ".npz":
        load_keras_weights(model, file)
        return
    try:
        with open_arrays(file) as arrays:
            for name, prefix in layers.items():
                layer = model.get_layer(name)
                layer.set_weights(_weights_of(layer, prefix, arrays))
    except (*UNREADABLE, KeyError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights file {file} does not fit {model.name} ({what}); give what `tlsearch weights convert "
            f"{model.name} FILE` wrote, or a .weights.h5 saved from this network"
        ) from error


def _weights_of(
    layer: keras.layers.Layer, prefix: str, arrays: Mapping[str, npt.NDArray[np.float32]]
) -> list[npt.NDArray[np.float32]]:
    """The weights of one layer. PyTorch's convolutions are (out, in, height, width).

    Its dense layers are (out, in), and see a map as all rows of one channel after those of another.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        return [arrays[f"{prefix}.{part}"] for part in NORM_ARRAYS]
    height, width, channels, filters = layer.kernel.shape
    kernel = arrays[f"{prefix}.weight"]
    if kernel.ndim == 2:
        kernel = kernel.reshape(filters, channels, height, width)
    kernel = kernel.transpose(2, 3, 1, 0)
    return [kernel, arrays[f"{prefix}.bias"]] if layer.use_bias else [kernel]
