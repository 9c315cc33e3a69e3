"""TensorFlow's SavedModel: a folder that TensorFlow, TensorFlow Serving and many converters read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from tlsearch import backend
from tlsearch.backend import exporting
from tlsearch.export.contract import ExportedNetwork, Precision, Runner
from tlsearch.types import Float32Array

METADATA_FILE = Path("assets.extra") / "tlsearch.json"
"""Where labels and metadata lie: ``assets.extra`` is the folder for what a user adds, which TensorFlow leaves alone."""


class SavedModel:
    """A folder; ``serving_default`` takes and gives a dynamic batch."""

    name = "saved_model"
    suffix = ".saved_model"
    precisions: tuple[Precision, ...] = ("float32",)
    requires: tuple[str, ...] = ("tensorflow",)
    extra = ""
    int8_requires: tuple[str, ...] = ()
    int8_extra = ""
    threaded = False

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Write the folder with Keras' own export."""
        shutil.copytree(network.saved_model, target)
        file = target / METADATA_FILE
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(network.metadata, ensure_ascii=False, indent=1), encoding="utf-8")

    def open(self, path: Path, threads: int | None) -> Runner:
        """Load it with TensorFlow."""
        return exporting.open_saved_model(path)

    def runtime(self) -> str:
        """Name TensorFlow and its version."""
        return f"TensorFlow {backend.versions()['tensorflow']}"

    def parts(self, path: Path) -> tuple[Path, ...]:
        """One folder."""
        return (path,)
