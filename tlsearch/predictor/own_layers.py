"""The layers of a saved model that are not Keras' own: the modules that define them.

A model that MLflow keeps takes a copy of this file along; it imports no other module of tlsearch.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BUILT_IN = ("keras", "builtins")


def modules_of_own_layers(file: Path) -> list[str]:
    """Give the modules that layers of a ``.keras`` file are of, without those of Keras; sorted.

    Keras knows such layers once their modules are imported. A file that cannot be read names none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return []
    return sorted(set(_modules(config)))


def _modules(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        module = config.get("module")
        if config.get("registered_name") and isinstance(module, str) and module.partition(".")[0] not in _BUILT_IN:
            yield module
        config = list(config.values())
    for part in config if isinstance(config, list) else ():
        yield from _modules(part)
