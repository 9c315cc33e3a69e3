"""Keras' and TensorFlow's converters: a network as a SavedModel or as a file for LiteRT.

They write much on the terminal and warn of themselves; both is dropped, for it says nothing of the network.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.backend import silent_stderr
from tlsearch.errors import UsageError
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras

ONNX_OPSET = 17
"""The version of ONNX' operations: onnxruntime reads it since 1.12 (2022), onnxruntime-web and OpenVINO do too."""


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what converters say of themselves inside the block."""
    with warnings.catch_warnings(), silent_stderr(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def require_tensorflow() -> None:
    """Check that Keras computes with TensorFlow, whose converters are used.

    Raises:
        UsageError: It uses another backend.
    """
    import keras

    if (name := keras.backend.backend()) != "tensorflow":
        raise UsageError(
            f"Models are exported by TensorFlow, but Keras uses {name} here: set KERAS_BACKEND=tensorflow."
        )


def write_saved_model(model: keras.Model, folder: Path) -> None:
    """Write ``model`` as a SavedModel into ``folder``, with a dynamic batch, in inference mode."""
    with quiet():
        model.export(folder, format="tf_saved_model", verbose=False)


def to_onnx(model: keras.Model, name: str, outputs: Sequence[str]) -> Any:
    """Convert ``model`` to ONNX in float32 with a dynamic batch ``N``.

    Args:
        model: Maps one tensor to one or several.
        name: What its input is called.
        outputs: What its outputs are called, in their order.

    Raises:
        ValueError: The converter leaves something open besides the input.
    """
    import tensorflow as tf
    import tf2onnx

    signature = (tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name=name),)

    def answer(x: Any) -> dict[str, Any]:
        given = model(x, training=False)
        return dict(zip(outputs, given if isinstance(given, list | tuple) else [given], strict=True))

    function = tf.function(answer, input_signature=signature)
    with quiet():
        made, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=ONNX_OPSET)
    _close(made, function.get_concrete_function())
    if [tensor.name for tensor in made.graph.input] != [name]:
        raise ValueError("the converter leaves open what the network holds besides its weights")
    places = {tensor.name: tensor for tensor in made.graph.output}  # in the order of their names
    ordered = [places[output] for output in outputs]
    del made.graph.output[:]
    made.graph.output.extend(ordered)
    for tensor in (*made.graph.input, *made.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    return made


def _close(made: Any, function: Any) -> None:
    """Make constants of what a graph captured that is no variable, such as the mean of ``Normalization``.

    tf2onnx takes them for inputs of the network.
    """
    from onnx import numpy_helper

    captured = function.captured_inputs
    held = {inner.name: outer for inner, outer in zip(function.inputs[-len(captured) :], captured, strict=True)}
    for tensor in [tensor for tensor in made.graph.input if tensor.name in held]:
        made.graph.initializer.append(numpy_helper.from_array(held[tensor.name].numpy(), tensor.name))
        made.graph.input.remove(tensor)


def open_saved_model(folder: Path) -> Callable[[Float32Array], Float32Array]:
    """Give the function that a SavedModel serves: an array (N, S, S, 3) to an array (N, classes)."""
    import numpy as np
    import tensorflow as tf

    with quiet():
        loaded = tf.saved_model.load(str(folder))
    # The function keeps no reference to what was loaded, whose variables it needs.
    return lambda pixels: np.asarray(loaded.serve(tf.constant(pixels)), dtype=np.float32)


def to_litert(folder: Path, precision: str, samples: Iterable[Float32Array]) -> bytes:
    """Convert a SavedModel for LiteRT.

    Args:
        folder: The SavedModel.
        precision: ``float32``, ``float16`` (weights alone) or ``int8`` (weights, a scale for each channel, and what is
            computed; input and output stay floats).
        samples: Single images that say between which bounds values lie; for ``int8`` alone.
    """
    import tensorflow as tf

    converter: Any = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ([image] for image in samples)
    with quiet():
        return bytes(converter.convert())
