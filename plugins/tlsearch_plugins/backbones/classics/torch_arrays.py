"""Weights of networks of PyTorch, as arrays by name, into Keras layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from tlsearch.plugin_api import load_keras_weights
from tlsearch_plugins.backbones.arrays import UNREADABLE, open_arrays

NORM_ARRAYS = ("weight", "bias", "running_mean", "running_var")
"""BatchNorm's arrays in PyTorch's names, in the order of Keras' weights."""

PYTORCH = (".pth", ".pt")
"""The endings of PyTorch's own files."""

MOST_NAMED = 3
"""Arrays that an error names at most."""


def load_weights(model: keras.Model, file: Path, layers: Mapping[str, str]) -> None:
    """Fill ``model`` from a ``.npz`` of arrays in PyTorch's names and layout, or from a Keras weights file.

    ``layers`` gives for each layer with weights what the names of its arrays begin with: ``{"conv1": "features.0"}``.
    Arrays of other layers, such as a top, are not read. Raises ``ValueError`` when the file is unreadable, and when an
    array is missing or has another shape.
    """
    if file.suffix.lower() in PYTORCH:
        raise ValueError(
            f"the weights file {file} is one of PyTorch; make it one that {model.name} reads with `tlsearch weights "
            f"convert {model.name} {file}`, and give what that wrote"
        )
    if file.suffix != ".npz":
        load_keras_weights(model, file)
        return
    try:
        with open_arrays(file) as arrays:
            named = {model.get_layer(name): prefix for name, prefix in layers.items()}
            _require([name for layer, prefix in named.items() for name in _names_of(layer, prefix)], arrays)
            for layer, prefix in named.items():
                layer.set_weights(_weights_of(layer, prefix, arrays))
    except (*UNREADABLE, KeyError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights file {file} does not fit {model.name} ({what}); give what `tlsearch weights convert "
            f"{model.name} FILE` wrote, or a .weights.h5 saved from this network"
        ) from error


def _names_of(layer: keras.layers.Layer, prefix: str) -> list[str]:
    """The names of the arrays of one layer."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [f"{prefix}.{part}" for part in NORM_ARRAYS]
    return [f"{prefix}.weight", *([f"{prefix}.bias"] if layer.use_bias else [])]


def _require(names: Sequence[str], arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Raise ``ValueError``, which names what there is instead, where an array is missing."""
    missing = [name for name in names if name not in arrays]
    if not missing:
        return
    more = f" and {len(missing) - MOST_NAMED} others" if len(missing) > MOST_NAMED else ""
    spare = [name for name in arrays if name not in names][:MOST_NAMED]
    has = f"; among its others are {', '.join(spare)}" if spare else ""
    raise ValueError(f"it lacks {', '.join(missing[:MOST_NAMED])}{more}{has}")


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
