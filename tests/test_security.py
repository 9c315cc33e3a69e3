"""Files from elsewhere are data: nothing in them is run, and nothing of ours listens."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tlsearch
import tlsearch_plugins
from tlsearch.cli import cli
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

PACKAGES = [Path(str(package.__file__)).parent for package in (tlsearch, tlsearch_plugins)]

RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "runpy", "yaml"}
LISTENS = {"socketserver", "http.server", "xmlrpc", "asyncio", "flask", "uvicorn", "fastapi"}
FORBIDDEN_CALLS = {"eval", "exec", "bind", "listen", "system", "popen", "unpack_archive", "extractall"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of what is shipped."""
    for folder in PACKAGES:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in what is shipped."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node


def option(node: ast.Call, name: str) -> object:
    """The constant that a call gives for an option; None where it gives none."""
    for keyword in node.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None


def test_nothing_reads_formats_that_run_code_and_nothing_listens() -> None:
    found = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found |= {(path.name, name) for name in names if {name, name.split(".")[0]} & (RUNS_CODE | LISTENS)}
    assert not found


def test_nothing_is_evaluated_unpacked_or_given_to_a_shell() -> None:
    assert not {(path.name, called(node)) for path, node in calls() if called(node) in FORBIDDEN_CALLS}
    assert not {(path.name, node.lineno) for path, node in calls() if option(node, "shell")}


def test_models_and_arrays_are_loaded_as_data() -> None:
    models = [(path, node) for path, node in calls() if called(node) == "load_model"]
    loaders = {path.name for path, node in models if "saving" in ast.unparse(node.func)}
    assert loaders == {"predictor.py", "pyfunc_model.py", "backbone.py"}
    for path, node in models:
        if path.name in loaders:
            assert option(node, "safe_mode") is True, f"{path}:{node.lineno}"
    assert not {path.name for path, node in calls() if option(node, "allow_pickle")}
    assert not {path.name for path, node in calls() if called(node) == "enable_unsafe_deserialization"}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    return path


def predict(folder: Path, photo: Path) -> str:
    """What the command says of a model folder that it must refuse."""
    done = CliRunner().invoke(cli, ["predict", str(folder), str(photo)])
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return " ".join(done.output.split())


def write_folder(folder: Path) -> Path:
    """The small files of a model folder."""
    folder.mkdir()
    (folder / "labels.json").write_text(json.dumps(["a", "b"]))
    (folder / "config.json").write_text(json.dumps({"image_size": 8, "backbone": "efficientnet_lite0"}))
    return folder


@pytest.mark.filterwarnings("ignore")  # of the model that is made here
def test_code_in_a_model_file_is_not_run(tmp_path: Path, photo: Path) -> None:
    import keras

    folder, marker = write_folder(tmp_path / "model"), tmp_path / "was here"
    image = keras.Input((8, 8, 3))
    # Made in a function, so that Keras must write its code into the file.
    evil = eval(f"lambda x: (__import__('pathlib').Path({str(marker)!r}).touch(), x)[1]")
    flat = keras.layers.Flatten()(keras.layers.Lambda(evil, output_shape=(8, 8, 3))(image))
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(flat)).save(folder / "model.keras")
    marker.unlink(missing_ok=True)
    said = predict(folder, photo)
    assert "model.keras cannot be loaded" in said
    assert not marker.exists()


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> object:
        return Path.touch, (self.marker,)


def test_code_in_a_weights_file_is_not_run(tmp_path: Path) -> None:
    marker, file = tmp_path / "was here", tmp_path / "weights.npz"
    names = ["_conv_stem.weight", *(f"_bn0.{name}" for name in ("weight", "bias", "running_mean", "running_var"))]
    np.savez(file, **{name: np.array([Evil(marker)], dtype=object) for name in names})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not fit"):
        EfficientNetLite0().build(64, file)
    assert not marker.exists()
    with np.load(file, allow_pickle=True) as arrays:
        arrays[names[0]]
    assert marker.exists()  # it would have been


@pytest.mark.parametrize("name", ["model.keras", "labels.json", "config.json"])
@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04\x95", b"PK\x03\x04" + bytes(200), b"[" * 5000, b"null", b"\xff\xfe"]
)
def test_a_damaged_model_folder_is_a_sentence(tmp_path: Path, photo: Path, name: str, content: bytes) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "model.keras").write_bytes(b"not a model")
    (folder / name).write_bytes(content)
    assert name in predict(folder, photo) or name == "labels.json"


def test_a_model_folder_cannot_reach_outside_itself(tmp_path: Path, photo: Path) -> None:
    folder = write_folder(tmp_path / "model")
    config = {"image_size": 8, "backbone": "../../etc/passwd", "weights": "/etc/passwd", "decode_size": 8}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.keras").write_bytes(b"not a model")
    said = predict(folder, photo)
    assert "model.keras cannot be loaded" in said
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "labels.json", "model.keras"]
