"""Reading a Keras weights file into a model, with one kind of error when it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def load_keras_weights(model: keras.Model, file: Path) -> None:
    """Fill ``model`` from ``file``: Keras' legacy ``.h5``, ``.weights.h5`` or ``.keras``, without a top.

    Values are cast to the variables' type, so a float16 file is welcome.

    Raises:
        ValueError: The file is missing, unreadable or made for another network.
    """
    if not file.is_file():
        raise ValueError(f"the weights file {file} does not exist; give the path of an existing file")
    try:
        model.load_weights(str(file))
    except Exception as error:  # h5py, zipfile and Keras each raise kinds of their own
        what = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights file {file} does not fit {model.name} without its top ({what}); give a .h5, "
            f".weights.h5 or .keras file that was saved from this network without its classification layers"
        ) from error
