"""What a model folder holds, and the one place that reads and writes its ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlsearch.errors import UsageError
from tlsearch.utils.files import write_atomically

MODEL_FILE = "model.keras"
LABELS_FILE = "labels.json"
CONFIG_FILE = "config.json"


class ModelError(UsageError):
    """A folder that does not hold a model which tlsearch can use."""


def read_json(path: Path) -> Any:
    """The content of a JSON file of a model folder.

    Raises:
        ModelError: There is no such file, or it is not readable JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(f"{path} is missing: take the whole model folder from the run again.") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not readable JSON: take it from the run again.") from None


def has_config(folder: Path) -> bool:
    """Whether a folder has a ``config.json``, as that of a model does."""
    return (folder / CONFIG_FILE).is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """What ``config.json`` of a model folder holds.

    Raises:
        ModelError: There is no such file, it is not readable JSON, or it holds no object.
    """
    file = folder / CONFIG_FILE
    config = read_json(file)
    if not isinstance(config, dict):
        raise ModelError(f"{file} holds no JSON object: take it from the run again.")
    return config


def write_config(folder: Path, config: Mapping[str, object]) -> None:
    """Write ``config.json`` of a model folder, whole or not at all."""
    write_atomically(folder / CONFIG_FILE, json.dumps(config, indent=1))


def update_config(folder: Path, entries: Mapping[str, object]) -> None:
    """Add entries to ``config.json`` of a model folder; those of the same names are replaced.

    Raises:
        ModelError: There is no such file, or it is damaged.
    """
    write_config(folder, {**read_config(folder), **entries})


def require_outside_model(to: Path, model_dir: Path) -> None:
    """Raise ``UsageError`` where ``to`` is the folder of the model or lies in it: what is written could break it."""
    if to.resolve().is_relative_to(model_dir.resolve()):
        raise UsageError(f"{to} lies in the folder of the model, {model_dir}, which stays as it is: name another.")
