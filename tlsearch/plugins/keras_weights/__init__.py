"""Reading a Keras weights file into a network, with one kind of error when it does not fit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OTHER_FORMATS = {
    ".npz": "arrays by name",
    ".pth": "a file of PyTorch",
    ".pt": "a file of PyTorch",
    ".safetensors": "a file of safetensors",
}
"""What a file holds that is none of Keras, by the ending of its name."""


class OtherFormatError(ValueError):
    """A file of weights is not one of Keras, and the network reads no other."""


def load_keras_weights(model: keras.Model, file: Path) -> None:
    """Fill ``model`` from a file of its weights, or of a larger model that it is a part of.

    The file is a ``.keras``, a ``.weights.h5`` or an ``.h5``, as Keras 2 wrote it too. Where it does not hold just this
    network, the network is found in it: as a model inside the other, as the layers of the same names, or as those of
    the same shapes in the same order. So a model with its own top serves, and ``model.keras`` of an earlier run. No
    code of the file is run. Values are cast to the type of the variables, so float16 is welcome.

    Raises:
        ValueError: The file is missing, unreadable or made for another network, or has only some of its layers. The
            message names the layers that it lacks. Weights may have been changed then.
    """
    if not file.is_file():
        raise ValueError(f"the weights file {file} does not exist; give the path of an existing file")
    if (other := OTHER_FORMATS.get(file.suffix.lower())) is not None:
        raise OtherFormatError(str(_no_fit(model, file, f"it is {other}, and this network reads those of Keras")))
    from tlsearch.plugins.keras_weights.inside import has_more_layers, load_from_inside

    fault = load_as_it_is(model, file)
    if not fault and not has_more_layers(model, file):
        return
    try:
        missing = load_from_inside(model, file)
    except Exception as error:  # h5py, zipfile and Keras each raise kinds of their own
        raise _no_fit(model, file, " ".join(str(error).split())[:200] or fault) from error
    if missing:
        raise _no_fit(model, file, missing)


def load_as_it_is(model: keras.Model, file: Path) -> str:
    """Have Keras fill ``model`` from a file of just this network; says what is in the way, empty where all is well."""
    try:
        with warnings.catch_warnings():
            # Of layers that it leaves as they are, Keras only warns.
            warnings.filterwarnings("error", message="Skipping")
            model.load_weights(str(file))
    except Exception as error:  # h5py, zipfile and Keras each raise kinds of their own
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""


def _no_fit(model: keras.Model, file: Path, what: str) -> ValueError:
    name = "the network" if model.name.startswith("functional") else model.name  # the name that Keras gives
    return ValueError(
        f"the weights file {file} does not fit {name} ({what}); give a .h5, .weights.h5 or .keras file that was "
        "saved from this network, or from a model that it is a part of"
    )
