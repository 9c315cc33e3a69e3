"""Pictures, and a network as an ONNX file, with metadata and the model folder that it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.images.pictures import make_pictures
from tests.helpers.models.doubting_model import write_model as write_doubting_model
from tests.helpers.runs.exported_run import write_model
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.network import exported_network
from tlsearch.export.place import sidecar_name
from tlsearch.export.sidecar import sidecar_of
from tlsearch.predictor import Predictor, load

WriteOnnx = Callable[..., tuple[Predictor, Path]]


def write_onnx(folder: Path, **config: object) -> tuple[Predictor, Path]:
    """Write a small model folder, with these values in its config, and its ONNX file; gives the model and the file."""
    model_dir = write_model(folder / "model", temperature=2.0)
    kept = json.loads((model_dir / "config.json").read_text())
    (model_dir / "config.json").write_text(json.dumps({**kept, **config}))
    predictor = load(model_dir)
    room = folder / "room"
    room.mkdir()
    Onnx().write(exported_network(predictor, room), "float32", folder / "model.onnx", ())
    return predictor, folder / "model.onnx"


@pytest.fixture(scope="session")
def doubting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Path]:
    """A model with prediction sets and reference images, and its ONNX file with distances and its sidecar."""
    for module in ("onnx", "onnxruntime", "tf2onnx"):
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    folder = tmp_path_factory.mktemp("doubting")
    predictor = load(write_doubting_model(folder / "model"))
    network, path = exported_network(predictor, folder, unlike=True), folder / "model.onnx"
    Onnx().write(network, "float32", path, ())
    sidecar_name(path).write_text(sidecar_of(predictor, network, "onnx", "float32", path.name).text())
    return predictor, path


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Path]:
    """A model that names the brightest colour of a picture, and its ONNX file."""
    for module in ("onnx", "onnxruntime", "tf2onnx"):
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    return write_onnx(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(make_pictures(tmp_path_factory.mktemp("pictures") / "all").iterdir())
