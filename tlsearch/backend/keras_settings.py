"""Settings of Keras that a file in the user's home may have changed years ago: no number may depend on it."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.errors import UsageError
from tlsearch.utils.home import keras_home

if TYPE_CHECKING:
    from types import ModuleType

BACKEND_VARIABLE = "KERAS_BACKEND"
USUAL_BACKEND = "tensorflow"


def import_keras() -> ModuleType:
    """Import Keras with the settings that it has by itself, whatever ``keras.json`` says.

    The backend that the file names is used, unless it is one that is not installed, such as Theano, and the variable
    KERAS_BACKEND names none.

    Raises:
        UsageError: The file keeps Keras from being imported.
    """
    file = settings_file()
    if not os.environ.get(BACKEND_VARIABLE) and not _is_installed(_settings(file).get("backend", USUAL_BACKEND)):
        os.environ[BACKEND_VARIABLE] = USUAL_BACKEND
    try:
        import keras
    except (ValueError, TypeError, AttributeError) as error:
        if not file.exists():
            raise
        raise UsageError(
            f"Keras cannot be imported with the settings in {file} ({error}): delete that file."
        ) from error
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    module: ModuleType = keras
    return module


def settings_file() -> Path:
    """Give the file that Keras reads its settings from when it is imported."""
    return keras_home() / "keras.json"


def _settings(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_installed(backend: Any) -> bool:
    """Whether Keras can use it. PyTorch is called torch there as here."""
    return backend in ("tensorflow", "jax", "torch") and importlib.util.find_spec(str(backend)) is not None
