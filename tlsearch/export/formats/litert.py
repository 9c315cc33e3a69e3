"""LiteRT, formerly TensorFlow Lite: for phones and small devices."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tlsearch.backend import exporting
from tlsearch.export.contract import ExportedNetwork, Precision, Runner
from tlsearch.types import Float32Array
from tlsearch.utils.machine import usable_cores
from tlsearch.utils.texts import one_line


class LiteRT:
    """``.tflite``: written by TensorFlow's converter, run by LiteRT's interpreter.

    Labels and metadata lie in an archive at the end of the file, where programs for LiteRT look for ``labels.txt``.
    An int8 network takes and gives floats; its weights have a scale for each channel.
    """

    name = "litert"
    suffix = ".tflite"
    precisions: tuple[Precision, ...] = ("float32", "float16", "int8")
    requires: tuple[str, ...] = ("tensorflow", "ai_edge_litert")
    extra = "litert"
    int8_requires: tuple[str, ...] = ()
    int8_extra = "litert"
    threaded = True

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Convert by way of a SavedModel, which keeps the batch dynamic."""
        target.write_bytes(exporting.to_litert(network.saved_model, precision, samples))
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("labels.txt", "".join(f"{one_line(label)}\n" for label in network.labels))
            archive.writestr("tlsearch.json", json.dumps(network.metadata, ensure_ascii=False, indent=1))

    def open(self, path: Path, threads: int | None) -> Runner:
        """Open it in LiteRT's interpreter, on the processor."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=threads or usable_cores())
        (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
        shape: list[tuple[int, ...]] = []

        def run(pixels: Float32Array) -> Float32Array:
            if shape != [pixels.shape]:
                with exporting.quiet():
                    interpreter.resize_tensor_input(taken["index"], pixels.shape)
                    interpreter.allocate_tensors()
                shape[:] = [pixels.shape]
            interpreter.set_tensor(taken["index"], pixels)
            interpreter.invoke()
            return np.asarray(interpreter.get_tensor(given["index"]), dtype=np.float32)

        return run

    def runtime(self) -> str:
        """Name LiteRT and its version."""
        from importlib.metadata import version

        return f"LiteRT {version('ai-edge-litert')}"

    def parts(self, path: Path) -> tuple[Path, ...]:
        """One file."""
        return (path,)
