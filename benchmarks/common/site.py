"""Installs a module as a distribution with plugins into a folder, to be put on the path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType


def install_plugins(site: Path, module: ModuleType, group: str, names: Mapping[str, str]) -> Path:
    """Write a distribution into ``site``, whose entry points of ``group`` are ``names`` in the module; gives it."""
    name = f"benchmark_{module.__name__.rpartition('.')[2]}"
    facts = site / f"{name}-1.0.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    shutil.copy(str(module.__file__), site / f"{name}.py")
    lines = [f"[{group}]", *(f"{entry} = {name}:{attribute}" for entry, attribute in names.items())]
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return site
