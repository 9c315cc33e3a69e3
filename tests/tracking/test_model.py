"""The logged model: recorded without a backend, loaded and used by MLflow alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLASSES = ("cat", "dog", "newt")

MAKE = """
import json, sys, keras, numpy as np
from pathlib import Path
folder = Path(sys.argv[1])
folder.mkdir()
image = keras.Input((8, 8, 3))
x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 32)(image))
model = keras.Model(image, keras.layers.Softmax()(x))
model.save(folder / "model.keras")
(folder / "labels.json").write_text(json.dumps(["cat", "dog", "newt"]))
(folder / "config.json").write_text("{}")
"""

LOG = """
import json, sys, warnings
warnings.simplefilter("error")
from pathlib import Path
import numpy as np
from tlsearch.tracking.tracker import Tracker
folder = Path(sys.argv[1])
told = []
tracker = Tracker.open(None, "models", directory=folder, warn=told.append)
run_id = tracker.start_parent("search", {"a": 1}, {})
uri = tracker.log_model(run_id, folder / "model", np.zeros((1, 8, 8, 3), np.uint8), ("cat", "dog", "newt"))
tracker.finish(run_id, "FINISHED")
backends = sorted({"keras", "tensorflow", "jax", "torch", "sklearn"} & set(sys.modules))
print(json.dumps({"uri": uri, "run_id": run_id, "tracking": tracker.uri, "told": told, "backends": backends}))
"""

LOAD = """
import json, sys, mlflow, numpy as np
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
images = np.zeros((2, 8, 8, 3), np.uint8)
images[0, ..., 1] = 64
images[1, ..., 2] = 96
small = model.predict(images)
large = model.predict(images.repeat(3, 1).repeat(3, 2))
example = mlflow.models.Model.load(sys.argv[2]).load_input_example(sys.argv[2])
print(json.dumps({
    "labels": list(small["label"]), "best": list(small["probability"]), "all": list(small["probabilities"]),
    "large": list(large["probabilities"]), "example": list(example.shape), "kind": str(example.dtype),
    "uses_tlsearch": "tlsearch" in sys.modules,
}))
"""


def run(code: str, *arguments: object, folder: Path) -> Any:
    """The JSON object on the last line that ``code`` prints in a process of its own."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    return {**(json.loads(lines[-1]) if lines else {}), "printed": lines[:-1], "stderr": done.stderr}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process that logs a tiny model says; its folder holds the store."""
    folder = tmp_path_factory.mktemp("model")
    run(MAKE, folder / "model", folder=folder)
    return {**run(LOG, folder, folder=folder), "folder": folder}


def test_logging_imports_no_backend_and_says_nothing(logged: Any) -> None:
    assert logged["backends"] == []
    assert logged["told"] == []
    assert logged["printed"] == []
    assert logged["stderr"] == ""


def test_the_model_belongs_to_its_run(logged: Any) -> None:
    from tlsearch.tracking.quiet import quiet

    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(logged["tracking"])
        run_ = client.get_run(logged["run_id"])
        model = client.get_logged_model(logged["uri"].removeprefix("models:/"))
    assert run_.info.status == "FINISHED"
    assert run_.outputs is not None
    assert [output.model_id for output in run_.outputs.model_outputs] == [model.model_id]
    assert model.source_run_id == logged["run_id"]
    assert model.status == "READY"
    assert model.name == "winner"


def test_mlflow_alone_loads_and_uses_it(logged: Any) -> None:
    got = run(LOAD, logged["tracking"], logged["uri"], folder=logged["folder"])
    assert got["labels"] == ["dog", "newt"]
    scores = np.exp([[0, 2, 0], [0, 0, 3]])
    expected = scores / scores.sum(axis=1, keepdims=True)
    assert np.allclose(got["all"], expected, atol=1e-5)
    assert np.allclose(got["large"], expected, atol=1e-5)
    assert np.allclose(got["best"], expected.max(axis=1), atol=1e-5)
    assert got["example"] == [1, 8, 8, 3]
    assert got["kind"] == "uint8"
    assert not got["uses_tlsearch"]
