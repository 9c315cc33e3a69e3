"""Keras' own file: what a run leaves, with the temperature inside."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tlsearch import backend
from tlsearch.backend import exporting
from tlsearch.export.contract import ExportedNetwork, Precision, Runner
from tlsearch.types import Float32Array

METADATA_FILE = "tlsearch.json"
"""The member of the archive that holds labels and metadata; Keras passes over members that it does not know."""


class KerasFile:
    """``.keras``: an archive of the network's description and its weights."""

    name = "keras"
    suffix = ".keras"
    precisions: tuple[Precision, ...] = ("float32",)
    requires: tuple[str, ...] = ("keras",)
    extra = ""
    int8_requires: tuple[str, ...] = ()
    int8_extra = ""
    threaded = False

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Save the network and add its labels and metadata as a member of the archive."""
        with exporting.quiet():
            network.model.save(target)
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(METADATA_FILE, json.dumps(network.metadata, ensure_ascii=False, indent=1))

    def open(self, path: Path, threads: int | None) -> Runner:
        """Load it with Keras, in safe mode."""
        import keras

        with exporting.quiet():
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        return lambda pixels: np.asarray(model.predict_on_batch(pixels), dtype=np.float32)

    def runtime(self) -> str:
        """Name Keras and its backend with their versions."""
        found = backend.versions()
        return f"Keras {found['keras']} on {found['backend']} {found[found['backend']]}"

    def parts(self, path: Path) -> tuple[Path, ...]:
        """One file."""
        return (path,)
