"""What a network costs at use: it is exported in float32, and the file runs on one thread."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.backend.exporting import require_tensorflow
from tlsearch.errors import UsageError
from tlsearch.export.contract import ExportedNetwork, Format
from tlsearch.export.formats.keras_file import KerasFile
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.network import exported_network
from tlsearch.export.proof import size_of
from tlsearch.export.speed import seconds_of
from tlsearch.models.use_cost import UseCost
from tlsearch.predictor import load

if TYPE_CHECKING:
    import keras

REPEATS = 2
"""How often the time is taken: the shorter counts, for what else the machine does only makes it longer."""


def cost_of_model(model: keras.Model) -> UseCost:
    """Measure a network that takes RGB values 0..255; the process must have one thread.

    It is exported to ONNX and run by onnxruntime. Where these are not installed, or cannot convert it, it is Keras' own
    file, run by Keras.
    """
    with tempfile.TemporaryDirectory(prefix="tlsearch-use-") as room:
        return _measured(ExportedNetwork(model=model, metadata={}, labels=(), room=Path(room)))


def cost_of_folder(folder: Path) -> UseCost:
    """Measure the model in a folder, as ``cost_of_model`` does.

    Raises:
        ModelError: The folder holds no model.
    """
    with tempfile.TemporaryDirectory(prefix="tlsearch-use-") as room:
        return _measured(exported_network(load(folder), Path(room)))


def _measured(network: ExportedNetwork) -> UseCost:
    started = time.perf_counter()
    form, path = _write(network)
    runner = form.open(path, 1)
    seconds = min(seconds_of(runner, 1, network.side) for _ in range(REPEATS))
    return UseCost(
        megabytes=size_of(form, path) / 1e6,
        ms_per_image=1000 * seconds,
        runtime=form.runtime(),
        seconds=time.perf_counter() - started,
    )


def _write(network: ExportedNetwork) -> tuple[Format, Path]:
    """Write the file, in ONNX where that can be."""
    onnx, own = Onnx(), KerasFile()
    path = network.room / f"model{onnx.suffix}"
    if all(find_spec(module) is not None for module in onnx.requires) and _computes_with_tensorflow():
        with suppress(Exception):  # converters raise many kinds for an operation that they do not know
            onnx.write(network, "float32", path, ())
            return onnx, path
    path = network.room / f"model{own.suffix}"
    own.write(network, "float32", path, ())
    return own, path


def _computes_with_tensorflow() -> bool:
    try:
        require_tensorflow()
    except UsageError:
        return False
    return True
