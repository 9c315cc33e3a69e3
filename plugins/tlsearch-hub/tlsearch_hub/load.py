"""Files of weights: those of KerasHub's presets, and those that a network of this package has saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tlsearch.plugin_api import load_keras_weights
from tlsearch_hub.architecture import Architecture
from tlsearch_hub.blocks import Arrays, arrays_of, new_backbone
from tlsearch_hub.transformer import build_transformer

if TYPE_CHECKING:
    import keras

POSITIONS = "positions"
"""The layer whose kernel holds the positions of the patches."""


def load_weights(model: keras.Model, architecture: Architecture, config: Mapping[str, Any], file: Path) -> None:
    """Fill ``model`` from a file of either kind; positions for images of another size are interpolated.

    Args:
        model: What ``build_transformer`` gave.
        architecture: Of that model.
        config: The configuration of the same backbone in KerasHub.
        file: A ``.weights.h5``.

    Raises:
        ValueError: The file is missing, unreadable or made for another network.
    """
    count = _positions_in(file, model)
    if count is None:
        arrays = _published(architecture, config, file)
    elif count == _positions_of(model):
        load_keras_weights(model, file)
        return
    else:
        arrays = _saved(architecture, count, file)
    place = model.get_layer(POSITIONS)
    shape = place.kernel.shape
    arrays[POSITIONS] = [_interpolated(arrays[POSITIONS][0], int(shape[1]) // architecture.width, architecture)]
    for name, values in arrays.items():
        model.get_layer(name).set_weights(values)


def _positions_of(model: keras.Model) -> int:
    """How many values the table of positions has."""
    return int(model.get_layer(POSITIONS).kernel.shape[1])


def _positions_in(file: Path, model: keras.Model) -> int | None:
    """The same of a file that a network of this package has saved; None for KerasHub's own."""
    import h5py
    import keras

    dense = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    number = dense.index(POSITIONS)  # Keras names what it saves by class and order
    try:
        with h5py.File(file) as saved:
            attention, kernel = (
                saved.get("layers/multi_head_attention"),
                saved.get(f"layers/dense{f'_{number}' if number else ''}/vars/0"),
            )
            return int(kernel.shape[1]) if attention is not None and kernel is not None else None
    except OSError as error:
        raise ValueError(f"{file} cannot be read as Keras weights ({error}); give a .weights.h5 file") from error


def _saved(architecture: Architecture, count: int, file: Path) -> Arrays:
    """The weights that a network for images of another size has saved."""
    grid = round((count / architecture.width) ** 0.5)
    model = build_transformer(architecture, grid * architecture.patch)
    load_keras_weights(model, file)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def _published(architecture: Architecture, config: Mapping[str, Any], file: Path) -> Arrays:
    """The weights of a preset of KerasHub."""
    backbone = new_backbone(architecture.family, config)
    load_keras_weights(backbone, file)
    return arrays_of(backbone, architecture)


def _interpolated(positions: npt.NDArray[Any], count: int, architecture: Architecture) -> npt.NDArray[Any]:
    """Positions (1, n * width) for ``count`` patches: by bicubic interpolation, as DINOv2 does."""
    from keras import ops

    places = positions.reshape(-1, architecture.width)
    if len(places) == count:
        return positions
    before, after = (round(number**0.5) for number in (len(places), count))
    grid = ops.image.resize(
        places.reshape(1, before, before, -1), (after, after), interpolation="bicubic", antialias=architecture.antialias
    )
    return np.asarray(ops.convert_to_numpy(grid)).reshape(1, -1)
