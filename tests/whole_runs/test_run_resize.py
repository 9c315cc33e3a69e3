"""A run of images that are far from square: the way is measured once, kept, and the same in all that follows."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from tests.helpers.images.long_images import write_aspects
from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, run_as_a_user
from tests.whole_runs.faults.test_resume import ended, start, trials_of, wait_for
from tlsearch.data.index import ImageOptions
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.predictor import load
from tlsearch.results.result import read_result
from tlsearch.runs.output import CHECKPOINT_FOLDER, WORK_FOLDER

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("_with_tables")]

MORE = ("--look-alikes", "exact", "--baseline", "none", "--trials", "4")


@pytest.fixture(scope="module")
def long_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_aspects(tmp_path_factory.mktemp("long") / "images", count=24, height=48)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, long_images: Path, site: Path, tables: Path) -> TrialRecord:
    home = tmp_path_factory.mktemp("measured")
    shutil.copy(tables, home)
    run_as_a_user(long_images, home, site, *MORE)
    return TrialRecord.of(home)


def test_what_was_measured_is_said_everywhere(measured: TrialRecord) -> None:
    resizing = measured.result.dataset.resizing
    assert resizing is not None
    assert (resizing.mode, resizing.asked, resizing.candidate) == ("pad", "auto", "tiny@random")
    assert set(resizing.scores) == {"squash", "pad", "crop"}
    assert resizing.scores["pad"] > resizing.scores["squash"] + 0.2
    (line,) = [line for line in measured.printed.splitlines() if line.split()[:1] == ["resize"]]
    assert line.split(None, 1)[1].startswith(f"pad {resizing.scores['pad']:.3f} (")
    assert line.endswith(": padded")
    page = (measured.output / "report.html").read_text(encoding="utf-8")
    assert "so the ways to make them squares were compared" in page
    assert measured.result.timings["resize"] > 0
    client = MlflowClient(f"sqlite:///{measured.home / 'mlflow.db'}")
    assert measured.result.mlflow is not None
    params = client.get_run(measured.result.mlflow.parent_run_id).data.params
    assert params["resize"] == "pad"
    assert params["resize_scores"] in line


def test_the_model_decodes_new_images_as_the_run_did(measured: TrialRecord, long_images: Path) -> None:
    config: dict[str, Any] = json.loads((measured.output / "model" / "config.json").read_text())
    assert config["resize"] == "pad"
    predictions = measured.result.predictions
    assert predictions is not None
    index = scan(long_images, options=ImageOptions(look_alikes="exact"))
    tested = sorted(split(index, seed=0).test, key=lambda row: index.images[row].sha256)  # as predictions are
    assert tuple(index.labels[row] for row in tested) == predictions.true
    predictor = load(measured.output / "model")
    told = predictor.probabilities([index.file(row) for row in tested])
    assert tuple(told.argmax(axis=1)) == predictions.predicted
    assert measured.result.metrics.test == np.mean(np.equal(predictions.predicted, predictions.true))


def test_the_same_run_comes_of_asking_for_it(
    measured: TrialRecord, long_images: Path, site: Path, tmp_path: Path
) -> None:
    run_as_a_user(long_images, tmp_path, site, *MORE, "--resize", "pad")
    asked = TrialRecord.of(tmp_path)
    assert trials_of(asked.output) == trials_of(measured.output)
    assert asked.result.profile == measured.result.profile
    assert asked.result.metrics.test == measured.result.metrics.test


def test_an_interrupted_run_keeps_the_choice(measured: TrialRecord, long_images: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "run", long_images, *OPTIONS, *MORE, "--output", "out")
    kept = tmp_path / "out" / WORK_FOLDER / CHECKPOINT_FOLDER
    wait_for(lambda: bool(list(kept.glob("resize-*.json"))), process)
    os.kill(process.pid, signal.SIGKILL)
    ended(process)
    assert not (tmp_path / "out" / "result.json").exists()
    code, printed, complaints = ended(start(tmp_path, "resume", "out"))
    assert code == 0, complaints
    assert ": padded" in printed
    result = read_result(tmp_path / "out")
    assert result.dataset.resizing == measured.result.dataset.resizing
    assert trials_of(tmp_path / "out") == trials_of(measured.output)
    assert result.metrics.test == measured.result.metrics.test
