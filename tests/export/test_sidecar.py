"""The file beside an exported one: with it and the probabilities a program says what `predict` says of its doubts."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Keras and TensorFlow say of themselves while they are imported
    import keras  # noqa: F401

from tests.helpers.models.doubting_model import LABELS, SCORES, SIDE, colours, write_model
from tests.helpers.runs.exported_run import write_run
from tlsearch.cli.main import cli
from tlsearch.errors import UsageError
from tlsearch.export.distances import DistanceComparison, require_distance
from tlsearch.export.export import ExportOptions, _with_distance, export_model
from tlsearch.export.formats import FORMATS
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.network import exported_network
from tlsearch.export.proof import Proof
from tlsearch.export.sidecar import sidecar_of
from tlsearch.predictor import Predictor, load
from tlsearch.types import Float32Array

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COVERAGES = (0.8, 0.9, 0.95, 0.99)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = write_model(tmp_path_factory.mktemp("sidecar") / "model")
    config = json.loads((folder / "config.json").read_text())
    calibration = {"temperature": 1.5, "fitted_on": 50, "by_default": True, "reason": "it helps"}
    (folder / "config.json").write_text(json.dumps({**config, "calibration": calibration}))
    return load(folder)


@pytest.fixture(scope="module")
def pixels() -> Float32Array:
    """Squares of one colour: like the training images, between two classes, and unlike all of them."""
    between = np.array([[150, 140, 30], [20, 160, 150], [180, 30, 165]])
    foreign = np.array([[250, 250, 250], [5, 5, 5], [120, 120, 121]])
    found = np.concatenate([colours(30, 5), between, foreign]).astype(np.float32)
    return np.broadcast_to(found[:, None, None], (len(found), SIDE, SIDE, 3)).copy()


@pytest.fixture(scope="module")
def written(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An ONNX file with distances, and its sidecar as it is read."""
    for module in Onnx.requires:
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    room = tmp_path_factory.mktemp("room")
    network = exported_network(predictor, room, unlike=True)
    Onnx().write(network, "float32", room / "model.onnx", ())
    return room / "model.onnx", json.loads(sidecar_of(predictor, network, "onnx", "float32", "model.onnx").text())


def sets_of(probabilities: np.ndarray, threshold: float | None) -> list[tuple[str, ...]]:
    """As the documentation says it: from the most probable class on, as long as those before have at most so much."""
    found = []
    for row in probabilities:
        order = sorted(range(len(row)), key=lambda place: -row[place])
        names, before = [], 0.0
        for place in order:
            if threshold is not None and before > threshold:
                break
            names.append(LABELS[place])
            before += float(row[place])
        found.append(tuple(names))
    return found


def test_prediction_sets_follow_from_the_file_and_its_sidecar(
    predictor: Predictor, written: tuple[Path, Any], pixels: Float32Array
) -> None:
    path, told = written
    probabilities = Onnx().open(path, None)(pixels)
    sizes = set()
    for coverage in COVERAGES:
        expected = [tuple(one.prediction_set) for one in predictor.predict(list(pixels), coverage=coverage)]
        found = sets_of(probabilities, told["prediction_sets"]["thresholds"][f"{coverage:g}"])
        assert found == expected, coverage
        sizes |= set(map(len, found))
    assert {1, 2} <= sizes
    assert told["labels"] == LABELS
    assert told["temperature"] == 1.5


def test_every_coverage_follows_from_the_scores(written: tuple[Path, Any]) -> None:
    sets = written[1]["prediction_sets"]
    scores, groups = sets["scores"], sets["groups"]
    for coverage in (0.5, 0.77, 0.9, 0.985):
        place = int(np.ceil(coverage * (groups + 1) / groups * len(scores) - 1e-9))
        assert SCORES.threshold(coverage) == scores[place - 1], coverage
    assert sets["thresholds"]["0.9"] == SCORES.threshold(0.9)


def test_the_same_thresholds_are_inside_the_file(written: tuple[Path, Any]) -> None:
    import onnx

    told = {entry.key: entry.value for entry in onnx.load(str(written[0])).metadata_props}
    assert json.loads(told["prediction_sets"]) == written[1]["prediction_sets"]["thresholds"]
    assert float(told["unlike_above"]) == written[1]["unlike"]["above"]
    assert told == written[1]["metadata"]


def test_the_file_says_how_far_a_picture_is_from_the_training_images(
    predictor: Predictor, written: tuple[Path, Any], pixels: Float32Array
) -> None:
    path, told = written
    unlike = told["unlike"]
    expected = predictor.predict(list(pixels))
    distances = Onnx().open_distance(path, 1)(pixels)
    assert distances.shape == (len(pixels),)
    assert np.abs(distances - [one.distance for one in expected]).max() < 0.01
    assert (distances > unlike["above"]).tolist() == [one.unlike for one in expected]
    assert {one.unlike for one in expected} == {True, False}
    assert np.abs(Onnx().open(path, 1)(pixels).sum(axis=1) - 1).max() < 1e-5
    assert (unlike["output"], unlike["images"]) == ("distance", 300)


def test_without_scores_and_reference_there_is_nothing_to_say(tmp_path: Path) -> None:
    predictor = load(write_model(tmp_path / "model", scores=None, reference=False))
    network = exported_network(predictor, tmp_path)
    told = json.loads(sidecar_of(predictor, network, "keras", "float32", "model.keras").text())
    assert (told["prediction_sets"], told["unlike"], told["temperature"]) == (None, None, 1.0)
    assert "prediction_sets" not in network.metadata
    with pytest.raises(UsageError, match=r"holds no reference\.npz to compare pictures with: leave --unlike out"):
        exported_network(predictor, tmp_path, unlike=True)


def test_too_few_images_for_a_coverage_take_every_class(tmp_path: Path) -> None:
    few = type(SCORES)(scores=(0.1,) * 20, groups=20, images=20, reason="")
    predictor = load(write_model(tmp_path / "model", scores=few, reference=False))
    told = json.loads(sidecar_of(predictor, exported_network(predictor, tmp_path), "keras", "float32", "x").text())
    assert told["prediction_sets"]["thresholds"] == {"0.8": 0.1, "0.9": 0.1, "0.95": 0.1, "0.99": None}


@pytest.mark.parametrize(
    ("formats", "precision", "other"),
    [(("onnx", "keras"), "float32", "the format keras"), (("onnx",), "int8", "the precision int8")],
)
def test_other_files_have_no_distances(formats: tuple[str, ...], precision: Any, other: str) -> None:
    with pytest.raises(UsageError, match=f"--unlike is for onnx in float32, and not for {other}"):
        require_distance([FORMATS[name] for name in formats], precision)


def export(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def test_the_proof_holds_for_distances_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tf2onnx", reason="the extra tlsearch[onnx] is not installed")
    monkeypatch.setattr("tlsearch.export.speed.MOST_SECONDS", 0.0)
    model = write_run(tmp_path)
    doubting = write_model(tmp_path / "doubting")
    (doubting / "labels.json").write_text((model / "labels.json").read_text())
    shutil.rmtree(model)
    shutil.copytree(doubting, model)
    done = export(model, "--format", "onnx", "--unlike", "--to", tmp_path / "to")
    assert done.exit_code == 0, done.output
    assert "No distance from the training images differs by more than" in " ".join(done.output.split())
    proof = json.loads((tmp_path / "to" / "model.onnx.proof.json").read_text())
    assert proof["distance"]["largest_difference"] < 0.01
    assert proof["distance"]["images"] == proof["comparison"]["images"]
    assert json.loads((tmp_path / "to" / "model.onnx.json").read_text())["unlike"]["output"] == "distance"


def test_wrong_distances_end_a_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.export.speed.MOST_SECONDS", 0.0)
    options = ExportOptions(formats=("keras",), to=tmp_path / "to")
    proof: Proof = export_model(write_run(tmp_path), options)[0].proof
    assert proof.proven
    assert _with_distance(
        proof, DistanceComparison(images=9, largest_difference=0.01, equal_answers=1.0), options
    ).proven
    for difference, said in ((0.5, "differs by 0.500"), (None, "is no number")):
        wrong = DistanceComparison(images=9, largest_difference=difference, equal_answers=1.0)
        judged = _with_distance(proof, wrong, options)
        assert not judged.proven
        assert said in judged.reason
