"""Presets of KerasHub on this machine: a folder each, with a configuration and weights."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "TLSEARCH_HUB_PRESETS"
"""Names the folder that holds presets, each in a folder of its own name."""

CONFIG_FILE, WEIGHTS_FILE, PIXELS_FILE = "config.json", "model.weights.h5", "image_converter.json"
"""As KerasHub calls them."""


def presets_folder() -> Path:
    """Give the folder of presets: that of ``TLSEARCH_HUB_PRESETS``, else one beside the weights that Keras keeps."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models" / "tlsearch-hub"


@dataclass(frozen=True)
class Preset:
    """A preset in a folder, which need not be there."""

    folder: Path

    @property
    def is_here(self) -> bool:
        """Whether the folder holds a preset with weights."""
        return (self.folder / CONFIG_FILE).is_file() and self.weights.is_file()

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return self.folder / WEIGHTS_FILE

    @cached_property
    def class_name(self) -> str:
        """The class of its backbone, such as ``ViTBackbone``. Raises ``ValueError``."""
        return str(self._config["class_name"])

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The configuration of its backbone. Raises ``ValueError``."""
        return dict(self._config["config"])

    @cached_property
    def pixels(self) -> tuple[Sequence[float], Sequence[float]] | None:
        """By what each of RGB 0..255 is multiplied, and what is then added; None where the preset does not say."""
        file = self.folder / PIXELS_FILE
        if not file.is_file():
            return None
        converter = _read(file).get("config", {})
        scale, offset = converter.get("scale"), converter.get("offset")
        return _three(scale, 1.0, file), _three(offset, 0.0, file)

    def settings_id(self, arguments: Mapping[str, Any]) -> str:
        """Give a text that changes with whatever decides features besides the weights and the code of this package.

        That is the configuration of the backbone, ``arguments``, how pixels are scaled, and the version of KerasHub.
        Raises ``ValueError``.
        """
        known = [arguments, self.pixels, hub_version()]
        return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        config = _read(self.folder / CONFIG_FILE)
        if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config"), dict):
            raise ValueError(f"{self.folder / CONFIG_FILE} is not the configuration of a KerasHub preset")
        return config


def hub_version() -> str:
    """Give the version of the installed KerasHub; empty where there is none."""
    try:
        return metadata.version("keras-hub")
    except metadata.PackageNotFoundError:
        return ""


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error}); give the folder of a KerasHub preset") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds no JSON object; give the folder of a KerasHub preset")
    return found


def _three(value: Any, otherwise: float, file: Path) -> list[float]:
    """A number for each colour."""
    values = [otherwise if value is None else value] * 3 if value is None or isinstance(value, int | float) else value
    if not isinstance(values, list) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
        raise ValueError(f"{file} has {value!r} where a number, or three, are needed")
    return [float(value) for value in values]
