"""Installs the stub backbone into a folder, as a package would be installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tlsearch.plugins import registry

PLUGIN = Path(__file__).with_name("stub_backbone.py")
MODULE = "benchmark_stub"

_WEIGHT_SHAPES = [(3, 3, 3, 8), (8,), (3, 3, 8, 16), (16,), (3, 3, 16, 16), (16,)]


def install_stub(site: Path) -> Path:
    """Write a distribution with the backbone "stub" into ``site``, to be put on the path; gives ``site``.

    One that this process has loaded from another folder, which may be gone with its weights, is forgotten.
    """
    sys.modules.pop(MODULE, None)
    for entry in [entry for entry in registry._cache if entry.target.startswith(f"{MODULE}:")]:
        del registry._cache[entry]
    facts = site / "benchmark_stub-1.0.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    shutil.copy(PLUGIN, site / f"{MODULE}.py")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: benchmark-stub\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text(f"[tlsearch.backbones]\nstub = {MODULE}:Stub\n", encoding="utf-8")
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(0, 0.2, shape).astype(np.float32) if len(shape) > 1 else np.zeros(shape) for shape in _WEIGHT_SHAPES
    ]
    np.savez(site / "stub.npz", *arrays)
    return site


@contextmanager
def stub_on_path(site: Path) -> Iterator[None]:
    """Have the stub backbone, installed into ``site``, on the path of this process and of those that it starts."""
    install_stub(site)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(site), *([before] if before else [])])
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
