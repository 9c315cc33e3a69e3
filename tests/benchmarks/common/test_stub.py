"""The stub backbone of benchmarks."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.common.stub_install import stub_on_path
from tlsearch.plugins.registry import load_plugin


def test_a_stub_that_is_installed_anew_has_the_weights_of_its_own_folder(tmp_path: Path) -> None:
    for number in range(2):
        site = tmp_path / str(number)
        with stub_on_path(site):
            (source,) = load_plugin("backbone", "stub").weights.values()
            assert source.path == site / "stub.npz"
        shutil.rmtree(site)
