"""Formats of exported files that change what the model answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tlsearch.export.contract import PRECISIONS, ExportedNetwork, Precision, Runner
from tlsearch.export.formats.keras_file import KerasFile
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.types import Float32Array


class Swapped(KerasFile):
    """A format whose files take blue for red."""

    def open(self, path: Path, threads: int | None) -> Runner:
        run = super().open(path, threads)
        return lambda pixels: run(np.ascontiguousarray(pixels[..., ::-1]))


class Rounded(KerasFile):
    """A format of any precision whose files give rounded probabilities; it keeps the samples that it was given."""

    precisions: tuple[Precision, ...] = PRECISIONS

    def __init__(self) -> None:
        self.samples: list[Float32Array] = []

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        self.samples = list(samples)
        super().write(network, precision, target, ())

    def open(self, path: Path, threads: int | None) -> Runner:
        run = super().open(path, threads)
        return lambda pixels: np.round(run(pixels), 2)


class Doubtful(Onnx):
    """ONNX files whose runtime rounds."""

    def open(self, path: Path, threads: int | None) -> Runner:
        run = super().open(path, threads)
        return lambda pixels: np.round(run(pixels), 1)
