"""OpenVINO's own form: fast on processors and small GPUs of Intel, and on those of others."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch.backend import exporting
from tlsearch.export.contract import INPUT_NAME, OUTPUT_NAME, ExportedNetwork, Precision, Runner
from tlsearch.types import Float32Array
from tlsearch.utils.machine import usable_cores


class OpenVino:
    """``.xml`` with the operations, and beside it ``.bin`` with the weights.

    Labels and metadata are in its runtime information, under ``model_info``, where OpenVINO's Model API looks. An int8
    network is made by NNCF, takes and gives floats, and has a scale for each channel of its weights.
    """

    name = "openvino"
    suffix = ".xml"
    precisions: tuple[Precision, ...] = ("float32", "float16", "int8")
    requires: tuple[str, ...] = ("tensorflow", "openvino")
    extra = "openvino"
    int8_requires: tuple[str, ...] = ("nncf",)
    int8_extra = "nncf"
    threaded = True

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Convert by way of a SavedModel, which keeps the batch dynamic."""
        openvino = _openvino()
        converted = openvino.convert_model(network.saved_model)
        converted.inputs[0].get_tensor().set_names({INPUT_NAME})
        converted.outputs[0].get_tensor().set_names({OUTPUT_NAME})
        if precision == "int8":
            with exporting.quiet():
                converted = _quantized(converted, samples)
        for name, text in network.metadata.items():
            converted.set_rt_info(text, ["model_info", name])
        openvino.save_model(converted, target, compress_to_fp16=precision == "float16")

    def open(self, path: Path, threads: int | None) -> Runner:
        """Compile it for the processor, where it computes in float32 as on any machine."""
        openvino = _openvino()
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
        }
        compiled = openvino.Core().compile_model(path, "CPU", settings)
        return lambda pixels: np.array(compiled(pixels)[0], dtype=np.float32)

    def runtime(self) -> str:
        """Name OpenVINO and its version."""
        from importlib.metadata import version

        return f"OpenVINO {version('openvino')}"

    def parts(self, path: Path) -> tuple[Path, ...]:
        """The operations and the weights."""
        return (path, path.with_suffix(".bin"))


def _quantized(model: Any, samples: Iterable[Float32Array]) -> Any:
    """The network with weights and arithmetic in int8, between bounds that ``samples`` showed."""
    import nncf

    images = list(samples)
    nncf.set_log_level(logging.ERROR)
    return nncf.quantize(model, nncf.Dataset(images), subset_size=len(images))


def _openvino() -> Any:
    """Import OpenVINO so that it sends nothing to anybody.

    It tells Intel's statistics what is imported and converted unless a person has forbidden that, or the package
    ``openvino_telemetry`` is missing. For this process it is missing.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so an import fails
    import openvino

    return openvino
