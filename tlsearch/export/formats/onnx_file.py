"""ONNX: for C++, C#, Java, browsers and servers, by way of onnxruntime and others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch.backend import exporting
from tlsearch.export.contract import DISTANCE_NAME, INPUT_NAME, OUTPUT_NAME, ExportedNetwork, Precision, Runner
from tlsearch.types import Float32Array
from tlsearch.utils.machine import usable_cores


class Onnx:
    """``.onnx``: written by tf2onnx, run by onnxruntime on the processor.

    Labels and metadata are among the model's properties. A float16 or int8 network takes and gives floats; the weights
    of an int8 network have a scale for each channel. In float32 it may have the second output ``distance``.
    """

    name = "onnx"
    suffix = ".onnx"
    precisions: tuple[Precision, ...] = ("float32", "float16", "int8")
    requires: tuple[str, ...] = ("tensorflow", "tf2onnx", "onnx", "onnxruntime")
    extra = "onnx"
    int8_requires: tuple[str, ...] = ()
    int8_extra = "onnx"
    threaded = True

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Convert in float32, then to another precision where that is asked for, then add the metadata."""
        import onnx

        outputs = (OUTPUT_NAME, DISTANCE_NAME)[: len(network.model.outputs)]
        made = exporting.to_onnx(network.model, INPUT_NAME, outputs)
        with exporting.quiet():
            if precision == "float16":
                made = _halved(made)
            elif precision == "int8":
                made = _quantized(made, samples)
        onnx.helper.set_model_props(made, dict(network.metadata))
        onnx.save(made, str(target))

    def open(self, path: Path, threads: int | None) -> Runner:
        """Open it in onnxruntime, on the processor."""
        return self._open(path, threads, OUTPUT_NAME)

    def open_distance(self, path: Path, threads: int | None) -> Runner:
        """Open a file of a network that has one for the distances from the training images, shape (N,)."""
        return self._open(path, threads, DISTANCE_NAME)

    @staticmethod
    def _open(path: Path, threads: int | None, output: str) -> Runner:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda pixels: np.asarray(session.run([output], {name: pixels})[0], dtype=np.float32)

    def runtime(self) -> str:
        """Name onnxruntime and its version."""
        from importlib.metadata import version

        return f"onnxruntime {version('onnxruntime')}"

    def parts(self, path: Path) -> tuple[Path, ...]:
        """One file."""
        return (path,)


def _halved(model: Any) -> Any:
    """The network with weights and arithmetic in float16, its input and output in float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)


def _quantized(model: Any, samples: Iterable[Float32Array]) -> Any:
    """The network with weights and arithmetic in int8, between bounds that ``samples`` showed.

    Before that, onnxruntime folds each BatchNorm into its convolution. Without it, of 238 photographs of clothes an
    EfficientNet-Lite0 in int8 gave 75 % the answer of float32, with it 92 %.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Samples(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.images: Iterator[Float32Array] = iter(samples)

        def get_next(self) -> dict[str, Float32Array] | None:
            image = next(self.images, None)
            return None if image is None else {INPUT_NAME: image}

    with tempfile.TemporaryDirectory(prefix="tlsearch-onnx-") as folder:
        source, folded, target = (Path(folder) / f"{name}.onnx" for name in ("float32", "folded", "int8"))
        onnx.save(model, str(source))
        quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
        quantize_static(str(folded), str(target), Samples(), quant_format=QuantFormat.QDQ, per_channel=True)
        return onnx.load(str(target))
