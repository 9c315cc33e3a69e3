"""A saved model put to use on files."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Keras and TensorFlow say of themselves while they are imported
    import keras

from tests.helpers.models.colour_model import LABELS, SIDE, write_model, write_picture
from tlsearch import predictor as prediction
from tlsearch.errors import UsageError
from tlsearch.predictor import ModelError, Predictor, find_pictures

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture(scope="module")
def predictor(model_dir: Path) -> Predictor:
    return prediction.load(model_dir)


def test_a_folder_is_walked_and_each_file_gets_its_class(predictor: Predictor, tmp_path: Path) -> None:
    write_picture(tmp_path / "b.png", (200, 10, 10))
    write_picture(tmp_path / "deep" / "a.JPG", (10, 10, 220))
    write_picture(tmp_path / "a.png", (20, 90, 20))
    write_picture(tmp_path / ".hidden" / "c.png", (0, 0, 0))
    (tmp_path / "notes.txt").write_text("no picture")
    found = predictor.predict(tmp_path)
    assert [Path(item.name).name for item in found] == ["a.png", "b.png", "a.JPG"]
    assert [item.label for item in found] == ["green", "red", "blue"]
    assert all(item.error is None for item in found)


def test_probabilities_are_the_models_in_the_order_of_the_labels(predictor: Predictor, tmp_path: Path) -> None:
    file = write_picture(tmp_path / "one.png", (30, 20, 10))
    expected = np.exp([3, 2, 1]) / np.exp([3, 2, 1]).sum()
    assert predictor.probabilities([file])[0] == pytest.approx(expected, rel=1e-4)
    (found,) = predictor.predict([str(file)], top=2)
    assert found.top is not None
    assert found.top[0] == ("red", found.probability)
    assert [label for label, _ in found.top] == ["red", "green"]
    assert found.top[1][1] == pytest.approx(expected[1], rel=1e-4)


def with_calibration(model_dir: Path, folder: Path, entry: object) -> Path:
    """A copy of the model whose config has ``entry`` as its calibration."""
    shutil.copytree(model_dir, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "calibration": entry}))
    return folder


@pytest.mark.parametrize("by_default", [True, False])
def test_probabilities_have_the_temperature_by_default_or_on_request(
    by_default: bool, model_dir: Path, tmp_path: Path
) -> None:
    entry = {"temperature": 2.0, "fitted_on": 9, "by_default": by_default, "reason": "why"}
    loaded = prediction.load(with_calibration(model_dir, tmp_path / "model", entry))
    file = write_picture(tmp_path / "one.png", (30, 20, 10))
    plain, softer = (np.exp(np.array(x)) / np.exp(x).sum() for x in ([3, 2, 1], [1.5, 1, 0.5]))
    for asked, applied in ((None, by_default), (True, True), (False, False)):
        expected = softer if applied else plain
        assert loaded.probabilities([file], calibrated=asked)[0] == pytest.approx(expected, rel=1e-4)
        (found,) = loaded.predict(file, top=3, calibrated=asked)
        assert [name for name, _ in found.top] == ["red", "green", "blue"]
        assert [p for _, p in found.top] == pytest.approx(expected, rel=1e-4)
        assert (found.label, found.probability, found.calibrated) == ("red", found.top[0][1], applied)


def test_classes_of_equal_probability_keep_their_places(model_dir: Path, tmp_path: Path) -> None:
    loaded = prediction.load(with_calibration(model_dir, tmp_path / "model", {"temperature": 0.3}))
    file = write_picture(tmp_path / "grey.png", (40, 40, 40))
    orders = [[name for name, _ in loaded.predict(file, calibrated=asked)[0].top] for asked in (True, False)]
    assert orders[0] == orders[1] == LABELS


def test_a_model_without_a_temperature_says_so_where_one_is_asked_for(predictor: Predictor, tmp_path: Path) -> None:
    file = write_picture(tmp_path / "one.png", (30, 20, 10))
    assert predictor.predict(file)[0].calibrated is False
    assert predictor.predict(file, calibrated=False)[0].calibrated is False
    with pytest.raises(UsageError, match=r"config\.json has no temperature .*leave --calibrated out") as caught:
        predictor.predict(file, calibrated=True)
    assert "\n" not in str(caught.value)


def test_a_temperature_that_is_none_is_refused(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not say how to calibrate \(the temperature is -1"):
        prediction.load(with_calibration(model_dir, tmp_path / "model", {"temperature": -1}))


def test_a_broken_file_is_reported_and_ends_nothing(predictor: Predictor, tmp_path: Path) -> None:
    good = write_picture(tmp_path / "good.png", (200, 0, 0))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    found = predictor.predict([good, bad, good], batch_size=2)
    assert [item.label for item in found] == ["red", None, "red"]
    assert found[1].error is not None
    assert "it is a text file" in found[1].error
    assert (found[1].probability, found[1].top) == (None, ())
    rows = predictor.probabilities([bad, good])
    assert np.isnan(rows[0]).all()
    assert rows[1].sum() == pytest.approx(1)
    assert predictor.probabilities([]).shape == (0, 3)


def test_batches_do_not_change_the_answers(predictor: Predictor, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = []
    for number in range(11):
        colour = tuple(int(value) for value in rng.integers(0, 60, 3))
        files.append(write_picture(tmp_path / f"{number:02}.png", colour))  # type: ignore[arg-type]
    whole = predictor.probabilities(files, batch_size=32)
    assert len(np.unique(whole.round(6), axis=0)) == 11
    for batch_size in (1, 4):
        assert predictor.probabilities(files, batch_size=batch_size) == pytest.approx(whole, abs=1e-6)


def test_pictures_are_squeezed_to_the_size_of_the_run_first(predictor: Predictor, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    file = tmp_path / "noise.png"
    Image.fromarray(pixels).save(file)
    image = Image.fromarray(pixels)
    for side in (12, SIDE):
        image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)
    logits = np.asarray(image, dtype=np.float64).mean((0, 1)) * 0.1
    expected = np.exp(logits - logits.max())
    assert predictor.probabilities([file])[0] == pytest.approx(expected / expected.sum(), rel=1e-4)


def test_the_most_pixels_are_those_of_the_run_or_those_that_are_asked_for(model_dir: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "model", tmp_path / "a.png"
    shutil.copytree(model_dir, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_pixels": 2000}))
    Image.new("RGB", (60, 40)).save(file)
    refused = prediction.load(folder).predict(file)[0].error
    assert refused is not None
    assert refused.startswith("it has 2,400 pixels")
    assert prediction.load(folder, max_pixels=2400).predict(file)[0].error is None
    assert prediction.load(model_dir).predict(file)[0].error is None
    with pytest.raises(UsageError, match="--max-pixels is 3, but it must be a number of pixels"):
        prediction.load(model_dir, max_pixels=3)


def test_paths_that_name_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_pictures([tmp_path / "absent"])
    with pytest.raises(UsageError, match="holds no image"):
        find_pictures([tmp_path])


def test_latency_and_size_are_those_of_the_model(predictor: Predictor, model_dir: Path) -> None:
    assert 0 < prediction.measure_latency(predictor, repeats=3) < 1000
    assert prediction.model_megabytes(model_dir) == (model_dir / "model.keras").stat().st_size / 1e6


def test_the_output_folder_of_a_run_is_pointed_to_its_model(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"did you mean .*model\?"):
        prediction.load(model_dir.parent)
    with pytest.raises(ModelError, match="name the model folder"):
        prediction.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.json", "{}", "not a list of class names"),
        ("labels.json", "[oops", "not readable JSON"),
        ("labels.json", '["a", "b"]', "does not fit the 2 labels"),
        ("labels.json", None, "is missing"),
        ("config.json", '{"decode_size": 8}', "does not say image_size"),
        ("model.keras", "no archive", r"cannot be loaded \(it is damaged: it was not copied to its end, or"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_in_a_sentence(
    name: str, text: str | None, message: str, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model")
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(ModelError, match=message) as caught:
        prediction.load(folder)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_model_file_that_was_not_copied_to_its_end_is_called_damaged(tmp_path: Path) -> None:
    file = write_model(tmp_path / "model") / "model.keras"
    whole = file.read_bytes()
    for share in (0.2, 0.5, 0.99):
        file.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ModelError, match=r"it is damaged: it was not copied to its end") as caught:
            prediction.load(file.parent)
        assert "not found" not in str(caught.value)


def test_code_inside_a_model_file_is_not_run(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    inputs = keras.Input((SIDE, SIDE, 3))

    def to_classes(x: Any) -> Any:
        return keras.ops.mean(x, (1, 2))

    outputs = keras.layers.Lambda(lambda x: to_classes(x), output_shape=(3,))(inputs)
    keras.Model(inputs, outputs).save(folder / "model.keras")
    with pytest.raises(ModelError, match="cannot be loaded"):
        prediction.load(folder)
