"""Models with layers of another package, loaded in a process that has not built their network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.models.logged_model import run
from tests.helpers.models.own_layers import write_lazy_model
from tlsearch.predictor.own_layers import modules_of_own_layers

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LOAD = """
import json, sys
import numpy as np
from tlsearch.predictor import load
found = load(sys.argv[1]).predict([np.full((8, 8, 3), (9, 200, 9), np.uint8)])
print(json.dumps({"labels": [item.label for item in found]}))
"""


def test_a_package_that_imports_its_layers_late_is_no_hindrance(install: Callable[..., None], tmp_path: Path) -> None:
    write_lazy_model(tmp_path / "model", tmp_path / "site", install)
    assert modules_of_own_layers(tmp_path / "model" / "model.keras") == ["lazy_layers"]
    assert run(LOAD, tmp_path / "model", folder=tmp_path)["labels"] == ["green"]


def test_what_is_no_model_names_no_layers(tmp_path: Path) -> None:
    (tmp_path / "odd.keras").write_text("nothing")
    assert modules_of_own_layers(tmp_path / "odd.keras") == []
    assert modules_of_own_layers(tmp_path / "gone.keras") == []
