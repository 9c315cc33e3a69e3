"""A small model that is logged, and loaded by MLflow alone, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.uncertainty.reference import ComparedLayer, ReferenceSource, make_reference

CLASSES = ("cat", "dog", "newt")

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
import base64, json, sys, mlflow, numpy as np, pandas as pd
from pathlib import Path
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
files = sorted(map(str, Path(sys.argv[3]).iterdir()))
contents = [Path(file).read_bytes() for file in files]
texts = [base64.encodebytes(content).decode() for content in contents]
images = np.zeros((2, 8, 8, 3), np.uint8)
images[0, ..., 1] = 64
images[1, ..., 2] = 96
small = model.predict(images)

def complaint(given, params=None):
    try:
        return str(model.predict(given, params=params))
    except mlflow.exceptions.MlflowException as error:
        return error.message

def all_of(given, **options):
    return list(model.predict(given, **options)["probabilities"])

def doubts(coverage):
    table = model.predict(pd.DataFrame({"image": files}), params={"coverage": coverage})
    return {name: list(table[name]) for name in table}

example = mlflow.models.Model.load(sys.argv[2]).load_input_example(sys.argv[2])
print(json.dumps({
    "labels": list(small["label"]), "best": list(small["probability"]), "all": list(small["probabilities"]),
    "large": all_of(images.repeat(3, 1).repeat(3, 2)), "floats": all_of(images.astype("float64")),
    "example": list(example.shape), "from_example": list(model.predict(example)["label"]),
    "paths": all_of(pd.DataFrame({"image": files, "wanted": range(len(files))})),
    "bytes": all_of(pd.DataFrame({"anything": contents})), "base64": all_of(pd.DataFrame({"image": texts})),
    "list": all_of(files),
    "series": list(model.predict(pd.Series(files, index=[f"f{i}" for i, _ in enumerate(files)])).index),
    "many": len(all_of(files[:1] * 70)),
    "missing": complaint(pd.DataFrame({"image": [files[0], "nowhere.png"]})),
    "broken": complaint([contents[0], contents[0][:60]]), "columns": complaint(pd.DataFrame({"a": [1], "b": [2]})),
    "nan": complaint(np.where(images == images[0, 0, 0, 0], np.nan, images)), "scaled": complaint(images / 255),
    "shape": complaint(images[0]), "grey": complaint(images[..., :1]), "kind": complaint(pd.DataFrame({"image": [3]})),
    "calibrated": all_of(images, params={"calibrated": True}),
    "columns_as_before": list(small), "doubts": doubts(0.9), "surer": doubts(0.5),
    "too_high": complaint(images, {"coverage": 1.0}), "as_text": complaint(images, {"coverage": "high"}),
    "as_it_is": all_of(images, params={"calibrated": False}),
    "metadata": model.metadata.metadata, "uses_tlsearch": "tlsearch" in sys.modules,
}))
"""


SCORES = ConformalScores(
    scores=(0.0, 0.1, 0.2, 0.3, 0.32, 0.34, 0.345, 0.35, 0.355, 0.36), groups=10, images=10, reason=""
)
"""A coverage of 0.9 takes the second class in where the first has at most 0.36, and 0.5 where it has at most 0.34."""


def save_model(folder: Path) -> None:
    """A model without variables, with conformal scores and reference images, in a folder as a run leaves it."""
    import keras

    folder.mkdir()
    pixels, image = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    backbone = keras.Model(pixels, keras.layers.Rescaling(1 / 32, name="scaled")(pixels), name="backbone")
    x = keras.layers.GlobalAveragePooling2D()(backbone(image))
    keras.Model(image, keras.layers.Softmax()(x)).save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(CLASSES))
    calibration = {"temperature": 2.0, "fitted_on": 9, "by_default": True, "reason": "it is too sure"}
    config = {"image_size": 8, "decode_size": 12, "backbone": "tiny", "calibration": calibration}
    (folder / "config.json").write_text(json.dumps({**config, **SCORES.in_config()}))
    rng = np.random.default_rng(0)
    colours = (rng.uniform(2, 6, (300, 1)) * rng.normal(1, 0.03, (300, 3))).astype(np.float32)  # nearly grey
    source = ReferenceSource(
        layers=(ComparedLayer(name="scaled", width=3),), frozen=True, predicted=np.array([100, 100, 100])
    )
    made = make_reference(source, colours, None, np.arange(300), 0)
    assert made is not None
    made.save(folder)


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
