"""``tlsearch predict`` through the front door."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.runs.small_run import tlsearch
from tlsearch.predictor import Predictor


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A model folder whose network thinks the greener a picture, the more it is a newt; what its config has besides."""
    config: dict[str, Any] = {}

    def answer(images: Any) -> Any:
        green = images[..., 1].mean(axis=(1, 2)) / 255
        return np.stack([0.25 * (1 - green), 0.75 * (1 - green), green], axis=1)

    def load(folder: Path, max_pixels: int | None = None) -> Predictor:
        assert folder == Path("model")
        network = SimpleNamespace(predict_on_batch=answer)
        return Predictor(network, ("cat", "dog", "newt"), {"image_size": 8, **config}, folder)

    from PIL import Image

    monkeypatch.setattr("tlsearch.predictor.load", load)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8), (0, 255, 0)).save("pictures/a,b.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).save("pictures/red.png")
    Path("pictures/z.png").write_text("no picture")
    return config


@pytest.mark.usefixtures("model")
def test_predict_json() -> None:
    result = tlsearch("predict", "model", "pictures", "--format", "json", "--top", "2")
    assert result.exit_code == 0, result.output
    green, red, broken = json.loads(result.stdout)
    assert (green["path"], green["label"], green["probability"]) == ("pictures/a,b.png", "newt", 1.0)
    assert [entry["label"] for entry in red["top"]] == ["dog", "cat"]
    assert [entry["probability"] for entry in red["top"]] == [0.75, 0.25]
    assert broken["label"] is None
    assert broken["error"]


@pytest.mark.usefixtures("model")
def test_predict_csv() -> None:
    result = tlsearch("predict", "model", "pictures/a,b.png", "pictures/red.png", "--format", "csv", "--top", "2")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["path"], row["rank"], row["label"], float(row["probability"])) for row in rows] == [
        ("pictures/a,b.png", "1", "newt", 1.0),
        ("pictures/a,b.png", "2", "cat", 0.0),
        ("pictures/red.png", "1", "dog", 0.75),
        ("pictures/red.png", "2", "cat", 0.25),
    ]


@pytest.mark.usefixtures("model")
def test_predict_table() -> None:
    lines = tlsearch("predict", "model", "pictures").stdout.splitlines()
    assert lines[2].split() == ["pictures/a,b.png", "newt", "1.000"]
    assert lines[3].split() == ["pictures/red.png", "dog", "0.750"]
    assert "not read: " in lines[4]


def test_predict_says_which_probabilities_it_gives(model: dict[str, Any]) -> None:
    """All formats and both directions of the option, from .75 and .25 to the square roots of them."""
    model["calibration"] = {"temperature": 2.0, "fitted_on": 90, "by_default": True, "reason": "it is too sure"}
    softer = 3**0.5 / (1 + 3**0.5)
    for options, calibrated in (([], True), (["--calibrated"], True), (["--no-calibrated"], False)):
        expected = softer if calibrated else 0.75
        arguments = ["predict", "model", "pictures/red.png", *options]
        (entry,) = json.loads(tlsearch(*arguments, "--format", "json").stdout)
        assert (entry["label"], entry["calibrated"]) == ("dog", calibrated)
        assert entry["probability"] == pytest.approx(expected, abs=1e-5)
        (row,) = csv.DictReader(io.StringIO(tlsearch(*arguments, "--format", "csv").stdout))
        assert (row["label"], row["calibrated"]) == ("dog", str(calibrated).lower())
        assert float(row["probability"]) == pytest.approx(expected, abs=1e-5)
        heading, _, line = tlsearch(*arguments).stdout.splitlines()
        assert heading.split("probability")[1].strip() == ("(calibrated)" if calibrated else "(not calibrated)")
        assert line.split() == ["pictures/red.png", "dog", f"{expected:.3f}"]
    model["calibration"]["by_default"] = False
    assert "probability (not calibrated)" in tlsearch("predict", "model", "pictures/red.png").stdout


@pytest.mark.usefixtures("model")
def test_predict_calibrated_without_a_temperature() -> None:
    result = tlsearch("predict", "model", "pictures", "--calibrated")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "model/config.json has no temperature" in result.stderr
    assert tlsearch("predict", "model", "pictures", "--no-calibrated").exit_code == 0
    assert "calibrated" not in tlsearch("predict", "model", "pictures").stdout


@pytest.mark.usefixtures("model")
def test_predict_fails_where_nothing_could_be_read() -> None:
    assert tlsearch("predict", "model", "pictures/z.png").exit_code == 1
    result = tlsearch("predict", "model", "nowhere.png")
    assert result.exit_code == 1
    assert "not read: it does not exist" in result.stdout


@pytest.mark.usefixtures("model")
def test_a_missing_path_stops_nothing() -> None:
    result = tlsearch("predict", "model", "nowhere.png", "pictures/red.png", "--format", "jsonl")
    missing, red = map(json.loads, result.stdout.splitlines())
    assert (missing["path"], missing["label"], missing["error"]) == ("nowhere.png", None, "it does not exist")
    assert (red["label"], red["error"], result.exit_code) == ("dog", None, 0)


def test_predict_without_a_model(tmp_path: Path) -> None:
    result = tlsearch("predict", "nowhere", "x.png")
    assert result.exit_code == 2
    assert "holds no model.keras" in result.stderr
