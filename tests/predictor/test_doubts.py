"""What a prediction says besides its class: its set, and whether the picture is unlike the training images."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.models.doubting_model import LABELS, SCORES, colours, write_model, write_pictures
from tlsearch import predictor as prediction
from tlsearch.cli.main import cli
from tlsearch.errors import UsageError
from tlsearch.predictor import ModelError, Predictor
from tlsearch.uncertainty.prediction_sets import CONFIG_KEY
from tlsearch.uncertainty.reference import REFERENCE_FILE, ComparedLayer, TrainingReference

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CLEAR, BETWEEN, WHITE = (150, 20, 20), (150, 145, 20), (250, 250, 250)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture(scope="module")
def old_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("old") / "model", scores=None, reference=False)


@pytest.fixture(scope="module")
def predictor(model_dir: Path) -> Predictor:
    return prediction.load(model_dir)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", np.array([CLEAR, BETWEEN, WHITE]))


def test_a_clear_picture_has_one_class_and_one_between_two_has_both(predictor: Predictor, pictures: Path) -> None:
    clear, between, white = predictor.predict(pictures)
    assert (clear.prediction_set, clear.not_sure, clear.coverage) == (("red",), False, 0.9)
    assert (between.prediction_set, between.not_sure) == (("red", "green"), True)
    assert white.prediction_set[:1] == ("red",)
    assert white.not_sure


def test_the_coverage_decides_how_many_classes_a_set_has(predictor: Predictor, pictures: Path) -> None:
    assert SCORES.threshold(0.5) == 0
    for coverage, sizes in ((0.5, [1, 1, 1]), (0.995, [3, 3, 3])):
        found = predictor.predict(pictures, coverage=coverage)
        assert [len(item.prediction_set) for item in found] == sizes
        assert {item.coverage for item in found} == {coverage}


def test_the_probabilities_that_are_shown_do_not_change_the_set(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    calibration = {"temperature": 3.0, "fitted_on": 9, "by_default": False, "reason": "why"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "calibration": calibration}))
    loaded = prediction.load(tmp_path / "model")
    pictures = write_pictures(tmp_path / "pictures", colours(20, 5))
    plain, softer = (loaded.predict(pictures, calibrated=asked) for asked in (False, True))
    assert [item.prediction_set for item in plain] == [item.prediction_set for item in softer]
    assert [item.probability for item in plain] != [item.probability for item in softer]


def test_pictures_of_colours_that_were_never_seen_are_unlike(predictor: Predictor, tmp_path: Path) -> None:
    like = predictor.predict(write_pictures(tmp_path / "like", colours(200, 6)))
    unlike = predictor.predict(write_pictures(tmp_path / "unlike", np.array([[150, 150, 20], [160, 20, 155]] * 10)))
    assert np.mean([item.unlike for item in like]) <= 0.05
    assert all(item.unlike for item in unlike)
    assert max(item.distance or 0 for item in like) < min(item.distance or 0 for item in unlike)


def test_answers_are_those_of_the_model_alone(predictor: Predictor, tmp_path: Path) -> None:
    """The features come from the same pass, which changes no probability."""
    pictures = write_pictures(tmp_path / "pictures", colours(40, 7))
    files = sorted(pictures.iterdir())
    alone = predictor.probabilities(files)
    found = predictor.predict(files, top=3)
    for row, item in zip(alone, found, strict=True):
        assert dict(item.top) == pytest.approx(dict(zip(LABELS, row, strict=True)), abs=1e-6)


def test_a_picture_that_cannot_be_read_has_no_doubts(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (found,) = predictor.predict([tmp_path / "bad.png"])
    assert (found.prediction_set, found.not_sure, found.coverage, found.unlike, found.distance) == ((), *[None] * 4)


def test_an_older_model_has_neither_and_says_so_where_sets_are_asked_for(old_model: Path, pictures: Path) -> None:
    loaded = prediction.load(old_model)
    (found, *_) = loaded.predict(pictures)
    assert (found.prediction_set, found.not_sure, found.unlike, found.distance) == ((), None, None, None)
    with pytest.raises(
        UsageError, match=r"config\.json has no scores to make prediction sets by; .* run again"
    ) as caught:
        loaded.predict(pictures, coverage=0.9)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 2, True])
def test_a_coverage_out_of_its_range_is_refused(predictor: Predictor, pictures: Path, coverage: float) -> None:
    with pytest.raises(UsageError, match=r"coverage is .*a number above 0 and below 1"):
        predictor.predict(pictures, coverage=coverage)


def test_a_reference_of_another_model_is_named(model_dir: Path, tmp_path: Path) -> None:
    """As after a copy of single files from two runs."""
    shutil.copytree(model_dir, tmp_path / "model")
    own = TrainingReference.load(model_dir)
    assert own is not None
    wider = np.tile(own.images, 2)
    for other, words in (
        (replace(own, layers=(ComparedLayer(name="block4", width=3),)), "no backbone with the layers block4"),
        (replace(own, predicted=own.predicted[:2]), "it knows 2 classes, and the model 3"),
        (
            replace(own, layers=(ComparedLayer(name="colours", width=6),), images=wider, sample=wider),
            "its layer colours has 6 channels, and that of the model 3",
        ),
    ):
        other.save(tmp_path / "model")
        with pytest.raises(ModelError, match=rf"reference\.npz is not of this model \(.*{words}\): .* or remove it"):
            prediction.load(tmp_path / "model")


def test_a_damaged_folder_is_named(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "model")
    (tmp_path / "model" / REFERENCE_FILE).write_bytes(b"no archive")
    with pytest.raises(ModelError, match=rf"{REFERENCE_FILE} is damaged .*take it from the run again, or remove it"):
        prediction.load(tmp_path / "model")
    (tmp_path / "model" / REFERENCE_FILE).unlink()
    file = tmp_path / "model" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), CONFIG_KEY: {"scores": []}}))
    with pytest.raises(ModelError, match="does not say how to make prediction sets"):
        prediction.load(tmp_path / "model")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_the_table_says_where_the_model_is_not_sure(model_dir: Path, pictures: Path) -> None:
    done = invoke("predict", model_dir, pictures)
    assert done.exit_code == 0, done.output
    head, _, clear, between, *_ = done.stdout.splitlines()
    assert "prediction set" in head
    assert "training images" in head
    assert "not sure" not in clear
    assert "not sure: red, green" in between
    assert "unlike them" in between


def test_json_and_csv_have_the_fields(model_dir: Path, pictures: Path) -> None:
    found = json.loads(invoke("predict", model_dir, pictures, "--format", "json", "--coverage", "0.95").stdout)
    assert found[0]["prediction_set"] == ["red"]
    assert [item["not_sure"] for item in found] == [False, True, True]
    assert {item["coverage"] for item in found} == {0.95}
    assert found[1]["unlike"] is True
    rows = list(csv.DictReader(io.StringIO(invoke("predict", model_dir, pictures, "--format", "csv").stdout)))
    assert [row["not_sure"] for row in rows] == ["false", "true", "true"]
    assert rows[1]["prediction_set"] == "red; green"
    assert float(rows[1]["distance"]) == pytest.approx(found[1]["distance"], abs=1e-5)


def test_too_few_calibration_images_are_told(model_dir: Path, pictures: Path) -> None:
    done = invoke("predict", model_dir, pictures, "--coverage", "0.999")
    assert done.exit_code == 0
    assert "A coverage of 0.999 needs scores of at least 999 images, and the model has those of 100" in done.stderr
    assert done.stdout.count("not sure: ") == 3
    assert "needs scores" not in invoke("predict", model_dir, pictures).stderr


def test_a_coverage_that_is_none_is_refused_on_the_command_line(model_dir: Path, pictures: Path) -> None:
    done = invoke("predict", model_dir, pictures, "--coverage", "95")
    assert done.exit_code == 2
    assert "--coverage is 95.0, but it must be a number above 0 and below 1, such as 0.9" in done.stderr


def test_predict_says_where_no_picture_can_be_called_not_sure(model_dir: Path, pictures: Path) -> None:
    words = "so no picture is called not sure: ask for more with --coverage 0.9."
    assert words in " ".join(invoke("predict", model_dir, pictures, "--coverage", "0.5").stderr.split())
    assert "no picture is called not sure" not in invoke("predict", model_dir, pictures).stderr
