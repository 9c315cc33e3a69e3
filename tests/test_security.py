"""Files from elsewhere are data: nothing in them is run, and nothing of ours listens."""

from __future__ import annotations

import ast
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tlsearch
import tlsearch_plugins
from tlsearch.cli.main import cli
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

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
    found = {ast.unparse(node.func) for _, node in calls() if called(node) in FORBIDDEN_CALLS}
    assert found <= {"inspect.signature(method).bind"}  # which compares arguments
    assert not {(path.name, node.lineno) for path, node in calls() if option(node, "shell")}


def test_models_and_arrays_are_loaded_as_data() -> None:
    models = [(path, node) for path, node in calls() if called(node) == "load_model"]
    loaders = {path.name for path, node in models if "saving" in ast.unparse(node.func)}
    assert loaders == {"loading.py", "pyfunc_model.py", "backbone.py", "keras_file.py"}
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

    def __reduce__(self) -> tuple[Any, ...]:
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


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that works."""
    import keras

    folder = write_folder(tmp_path_factory.mktemp("sound") / "model")
    image = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(image)
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(flat)).save(folder / "model.keras")
    return folder


def copy_of(sound: Path, tmp_path: Path, **files: bytes) -> Path:
    """The folder with other contents of some files."""
    folder = tmp_path / "model"
    shutil.copytree(sound, folder)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


def test_a_sound_model_folder_is_used(sound: Path, photo: Path) -> None:
    assert CliRunner().invoke(cli, ["predict", str(sound), str(photo)]).exit_code == 0


@pytest.mark.parametrize("name", ["model_keras", "labels_json", "config_json"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95", b"PK\x03\x04" + bytes(99), b"[" * 5000, b"null", b"\xff"])
def test_a_damaged_model_folder_is_a_sentence(
    sound: Path, tmp_path: Path, photo: Path, name: str, content: bytes
) -> None:
    assert name.replace("_", ".") in predict(copy_of(sound, tmp_path, **{name: content}), photo)


@pytest.mark.parametrize("size", ['"abc"', "-5", "0", "100000000", "null", "true", "1.5", "[8]"])
@pytest.mark.parametrize("name", ["image_size", "decode_size"])
def test_a_damaged_size_is_a_sentence(sound: Path, tmp_path: Path, photo: Path, name: str, size: str) -> None:
    text = '{"image_size": 8, "' + name + '": ' + size + "}"
    said = predict(copy_of(sound, tmp_path, config_json=text.encode()), photo)
    assert "config.json does not say image_size and decode_size, from 1 to 8192 pixels" in said


def test_a_model_folder_names_no_files_elsewhere(sound: Path, tmp_path: Path, photo: Path) -> None:
    """What its files say is taken for words, never for a path: the same answer, and nothing opened that they name."""
    plain = CliRunner().invoke(cli, ["predict", str(sound), str(photo), "--format", "json"]).stdout
    secret = tmp_path / "secret.json"
    os.mkfifo(secret)  # whoever opens it waits for ever
    config = {
        "image_size": 8,
        "backbone": str(secret),
        "weights": str(secret),
        "spec": {"backbone": "../../secret.json"},
    }
    folder = copy_of(sound, tmp_path, config_json=json.dumps(config).encode())
    assert CliRunner().invoke(cli, ["predict", str(folder), str(photo), "--format", "json"]).stdout == plain
