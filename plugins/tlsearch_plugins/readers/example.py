"""The images of the examples that readers write for their checks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def write_example(folder: Path, files: Mapping[str, str]) -> None:
    """Write a small picture to each path below ``folder``; its colour depends on the path and on its label."""
    for path, label in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        red, green, blue = hashlib.sha256(f"{label} {path}".encode()).digest()[:3]
        Image.new("RGB", (8, 8), (red, green, blue)).save(file)
