"""The logged model: recorded without a backend, loaded and used by MLflow alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.pictures import make_pictures
from tests.helpers.models.logged_model import CLASSES, LOAD, LOG, run, save_model
from tests.helpers.servers.mlflow_server import free_port
from tlsearch.data.images import rgb
from tlsearch.data.images.decode import square_of_image
from tlsearch.predictor import Prediction, load

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Any:
    """What a process that logs a tiny model says; its folder holds the store."""
    folder = tmp_path_factory.mktemp("model")
    save_model(folder / "model")
    shutil.copy(tables, folder)
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


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures") / "all")


@pytest.fixture(scope="module")
def loaded(logged: Any, pictures: Path) -> Any:
    """What a process says that loads the model with MLflow alone."""
    return run(LOAD, logged["tracking"], logged["uri"], pictures, folder=logged["folder"])


@pytest.fixture(scope="module")
def predicted(logged: Any, pictures: Path) -> Any:
    """Probabilities (files, classes) by tlsearch's own predictor."""
    return load(logged["folder"] / "model").probabilities(sorted(pictures.iterdir()))


LOGITS = np.array([[0, 2, 0], [0, 0, 3]])
AS_IT_IS, EXPECTED = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (LOGITS, LOGITS / 2))
"""What the network gives, and with the temperature of 2, which its config applies by default."""


def test_arrays_of_any_size_are_taken(loaded: Any) -> None:
    assert loaded["labels"] == ["dog", "newt"]
    for name in ("all", "large", "floats"):
        assert np.allclose(loaded[name], EXPECTED, atol=1e-5), name
    assert np.allclose(loaded["best"], EXPECTED.max(axis=1), atol=1e-5)
    assert loaded["example"] == [1, 8, 8, 3]
    assert len(loaded["from_example"]) == 1


@pytest.mark.parametrize("side", [8, 12, 30])
def test_an_array_is_squeezed_as_the_predictor_squeezes_it(side: int) -> None:
    """Also one of the size that the network takes, where the run kept larger squares."""
    from tlsearch.tracking.quiet import quiet

    with quiet():
        from tlsearch.tracking.pyfunc_model import ImageClassifier
    classifier = ImageClassifier()
    classifier.size, classifier.base = 8, 12
    classifier.decoding, classifier.how = rgb, rgb.PLAIN
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3)).astype(np.uint8)
    ours = square_of_image(Image.fromarray(pixels), 8, 12)
    assert (classifier._squeezed(pixels) == ours).all()


def test_tables_of_files_bytes_and_base64_give_what_tlsearch_predicts(loaded: Any, predicted: Any) -> None:
    assert np.ptp(predicted, axis=0).max() > 0.05  # the pictures differ
    for name in ("paths", "bytes", "base64", "list"):
        assert np.abs(np.asarray(loaded[name]) - predicted).max() < 1e-5, name
    assert loaded["series"] == [f"f{i}" for i in range(len(predicted))]
    assert loaded["many"] == 70


def test_probabilities_have_the_temperature_unless_asked_otherwise(loaded: Any) -> None:
    assert np.allclose(loaded["calibrated"], EXPECTED, atol=1e-5)
    assert np.allclose(loaded["as_it_is"], AS_IT_IS, atol=1e-5)
    assert loaded["metadata"]["calibration"] == "temperature 2.000: it is too sure"


@pytest.fixture(scope="module")
def doubted(logged: Any, pictures: Path) -> list[Prediction]:
    """What tlsearch itself says of the pictures with a coverage of 0.9."""
    return list(load(logged["folder"] / "model").stream(sorted(pictures.iterdir()), coverage=0.9))


def test_with_a_coverage_it_says_its_doubts_as_tlsearch_does(loaded: Any, doubted: list[Prediction]) -> None:
    columns = ["label", "probability", "probabilities"]
    assert loaded["columns_as_before"] == columns
    found = loaded["doubts"]
    assert list(found) == [*columns, "prediction_set", "not_sure", "unlike"]
    assert found["prediction_set"] == [list(one.prediction_set) for one in doubted]
    assert found["not_sure"] == [one.not_sure for one in doubted]
    assert found["unlike"] == [one.unlike for one in doubted]
    for name in ("not_sure", "unlike"):
        assert set(found[name]) == {True, False}, name
    assert found["label"] == [names[0] for names in found["prediction_set"]]
    assert np.allclose(found["probabilities"], loaded["paths"])
    sets = zip(loaded["surer"]["prediction_set"], found["prediction_set"], strict=True)
    sizes = [(len(small), len(large)) for small, large in sets]
    assert all(small <= large for small, large in sizes)
    assert any(small < large for small, large in sizes)


def test_a_coverage_that_there_cannot_be_is_refused(loaded: Any) -> None:
    assert loaded["too_high"] == "The coverage is 1: give a number above 0 and below 1, such as 0.9."
    assert "coverage" in loaded["as_text"]
    assert 'params={"coverage": 0.9}' in loaded["metadata"]["coverage"]


def test_what_cannot_be_used_is_named(loaded: Any) -> None:
    assert loaded["missing"] == "The picture in row 1 (nowhere.png) cannot be used: there is no such file."
    assert loaded["broken"].startswith("The picture in row 1 cannot be used: it is")
    assert loaded["columns"] == "The table has the columns ['a', 'b']: name the one with the pictures 'image'."
    assert "some of its values are no finite numbers" in loaded["nan"]
    assert "RGB values go from 0 to 255" in loaded["scaled"]
    assert "have the shape (N, height, width, 3)" in loaded["shape"]
    assert "have the shape (height, width, 3)" in loaded["grey"]
    assert "it is of the type int" in loaded["kind"]


def test_it_stands_alone_and_says_what_it_takes(loaded: Any) -> None:
    assert not loaded["uses_tlsearch"]
    assert loaded["metadata"]["classes"] == list(CLASSES)
    assert "base64" in loaded["metadata"]["input"]


def test_it_is_served_over_http(logged: Any, pictures: Path, predicted: Any, doubted: list[Prediction]) -> None:
    files = sorted(pictures.iterdir())
    with served(logged) as address:
        images = np.zeros((2, 8, 8, 3), np.uint8)
        images[0, ..., 1] = 64
        images[1, ..., 2] = 96
        said = post(address, {"inputs": images.tolist()})["predictions"]
        assert [row["label"] for row in said] == ["dog", "newt"]
        assert np.allclose([row["probabilities"] for row in said], EXPECTED, atol=1e-5)

        given = {"inputs": images.tolist(), "params": {"calibrated": False}}
        said = post(address, given)["predictions"]
        assert np.allclose([row["probabilities"] for row in said], AS_IT_IS, atol=1e-5)

        texts = [base64.b64encode(file.read_bytes()).decode() for file in files]
        table = {"columns": ["image"], "data": [[text] for text in texts]}
        said = post(address, {"dataframe_split": table})["predictions"]
        assert np.abs(np.asarray([row["probabilities"] for row in said]) - predicted).max() < 1e-5
        assert [row["label"] for row in said] == [CLASSES[i] for i in predicted.argmax(axis=1)]
        said = post(address, {"dataframe_split": table, "params": {"coverage": 0.9}})["predictions"]
        assert [row["prediction_set"] for row in said] == [list(one.prediction_set) for one in doubted]
        assert [(row["not_sure"], row["unlike"]) for row in said] == [(one.not_sure, one.unlike) for one in doubted]
        said = post(address, {"inputs": {"image": texts[:1]}})["predictions"]
        assert np.abs(np.asarray(said[0]["probabilities"]) - predicted[0]).max() < 1e-5

        with pytest.raises(urllib.error.HTTPError) as caught:
            post(address, {"dataframe_records": [{"image": str(files[0])}]})
        with caught.value as answer:
            assert "a server opens no files" in answer.read().decode()
        assert caught.value.code == 400


@contextmanager
def served(logged: Any) -> Iterator[str]:
    """The address of ``mlflow models serve`` on a free port of this machine."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "-m", logged["uri"], "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_TRACKING_URI": logged["tracking"], "MLFLOW_DISABLE_TELEMETRY": "true"}
    # The command finds uvicorn on the path.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    log = logged["folder"] / "serve.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            command, cwd=logged["folder"], env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        until = time.monotonic() + 240
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                break
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def post(address: str, content: object) -> Any:
    request = urllib.request.Request(
        address, json.dumps(content).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)
