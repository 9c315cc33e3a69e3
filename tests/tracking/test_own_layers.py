"""A logged model whose network has layers of another package, loaded by MLflow alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.models.logged_model import run
from tests.helpers.models.own_layers import write_lazy_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LOAD = """
import json, sys
import mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
labels = list(model.predict(np.full((1, 8, 8, 3), (9, 200, 9), np.uint8))["label"])
print(json.dumps({"labels": labels, "uses_tlsearch": "tlsearch" in sys.modules}))
"""


def test_its_package_is_imported_and_stands_among_the_requirements(
    install: Callable[..., None], tmp_path: Path
) -> None:
    from tlsearch.tracking.quiet import quiet

    with quiet():
        from mlflow.models import Model

        from tlsearch.tracking.exported import ExportedModel, ModelPage
        from tlsearch.tracking.model import _saved

    write_lazy_model(tmp_path / "model", tmp_path / "site", install)
    (tmp_path / "site" / "lazy_net-2.5.dist-info" / "top_level.txt").write_text("lazy_layers\nlazy_net\n")
    page = ModelPage(note="", params={})
    example = np.zeros((1, 8, 8, 3), np.uint8)
    classes = ("red", "green", "blue")
    exported = ExportedModel(folder=tmp_path / "model", example=example, classes=classes, page=page)
    with quiet(), _saved(exported, Model()) as folder:
        assert "lazy-net==2.5" in (folder / "requirements.txt").read_text().splitlines()
        found = run(LOAD, folder, folder=tmp_path)
    assert (found["labels"], found["uses_tlsearch"]) == (["green"], False)
