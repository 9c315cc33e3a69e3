"""Weights that are trained on one data set and used in runs on others; killed and resumed they are the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from mlflow import MlflowClient

from tests.helpers.runs.small_run import MARKS, tlsearch
from tlsearch.config import RunConfig
from tlsearch.pipeline.candidates import planned
from tlsearch.plugins.facts import describe_plugins
from tlsearch.plugins.trained import store
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.predictor import load
from tlsearch.types import AnyArray, Candidate

pytestmark = MARKS

ASKED = ("--name", "stripes", "--image-size", "32", "--epochs", "3", "--batch-size", "21", "--licence", "CC0")

# The parent ends itself, as kill -9 would, when it is told of its n-th epoch or is about to keep what is named.
KILLED = """
import os, signal, sys
import tlsearch.pipeline.halving as halving
from tlsearch.cli.main import cli
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.training import kept_states
left, before = int(os.environ.get("EPOCHS", "0")), os.environ.get("BEFORE", "")
def end():
    os.kill(os.getpid(), signal.SIGKILL)
def counted(context, trial, numbers):
    global left
    left -= 1
    if left == 0:
        end()
put = Checkpoint.put
def kept(self, key, value):
    if key[0] == before:
        end()
    put(self, key, value)
halving._show, Checkpoint.put = counted, kept
cli.main(sys.argv[1:], prog_name="tlsearch")
"""


def values(file: Path) -> dict[str, AnyArray]:
    """Every array in a file of weights, by its path there."""
    found: dict[str, AnyArray] = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item)

    with h5py.File(file) as stored:
        stored.visititems(take)
    return found


def pretrained(images: Path, output: str) -> TrainedWeights:
    """Weights that are trained here and now."""
    result = tlsearch("pretrain", "tiny", images, *ASKED, "--output", output)
    assert result.exit_code == 0, result.output
    return store.find("tiny@stripes")


@pytest.mark.usefixtures("_with_tables", "_worker_here")
def test_trained_weights_are_tested_recorded_and_used(images: Path, tmp_path: Path) -> None:
    record = pretrained(images, "out")
    assert json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))["name"] == "stripes"
    assert (record.dataset, record.classes, record.licence) == ("dataset", ("ash", "birch", "cedar"), "CC0")
    assert (record.epochs, record.image_size, record.started_from) == (3.0, 32, "random values")
    assert record.plugin == "tiny-backbone 1.5"
    assert record.held_out == 15
    assert 0 <= record.accuracy_ci95[0] <= record.accuracy <= record.accuracy_ci95[1] <= 1

    # The accuracy is that of the whole model, which stays in the output folder.
    assert load(tmp_path / "out" / "model").labels == record.classes
    assert sorted(values(store.file_of("tiny@stripes"))) != []

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    (parent,) = [run for run in runs if run.data.tags["role"] == "pretraining"]
    assert (parent.info.status, parent.data.params["weights"]) == ("FINISHED", "tiny@stripes")
    assert parent.data.metrics["test_accuracy"] == pytest.approx(record.accuracy)
    assert len(runs) == 4  # with one for each learning rate

    again = tlsearch("pretrain", "tiny", images, *ASKED, "--output", "out")
    assert again.exit_code == 0
    assert "tlsearch run YOUR-IMAGES --backbone tiny@stripes" in again.stdout
    other = tlsearch("pretrain", "tiny", images, *ASKED, "--output", "other")
    assert other.exit_code == 2
    assert "There are trained weights tiny@stripes already: choose another --name" in other.stderr
    assert not (tmp_path / "other").exists()

    plan = tlsearch("run", images, "--backbone", "tiny@stripes", "--image-size", "32", "--trials", "5", "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert "tiny@stripes at 32 px" in plan.stdout
    candidate = Candidate(backbone="tiny", weights="stripes", weights_file=None, weights_id="", image_size=32, depth=4)
    (shown,) = planned([candidate], RunConfig(dataset=images), describe_plugins())
    assert shown.trained_on == record.trained_on


@pytest.mark.usefixtures("_with_tables", "_worker_here")
def test_training_begins_with_other_weights(images: Path, site: Path) -> None:
    result = tlsearch(
        *("pretrain", "tiny", images, "--name", "further", "--weights", "random", "--epochs", "1", "--output", "next"),
        *("--image-size", "32", "--augment", "none"),
    )
    assert result.exit_code == 0, result.output
    record = store.find("tiny@further")
    assert record.started_from == "tiny@random"
    assert record.trained_on.endswith(", from tiny@random")
    with np.load(site / "tiny.npz") as package:
        began = package["w0"]
    first = values(store.file_of("tiny@further"))["layers/conv2d/vars/0"]
    assert 0 < np.abs(first - began).max() < 0.1  # near where it began


@pytest.mark.usefixtures("_with_tables", "_worker_here")
def test_a_name_of_the_package_is_refused_before_any_work(images: Path, tmp_path: Path) -> None:
    result = tlsearch("pretrain", "tiny", images, "--name", "random", "--output", "out")
    assert result.exit_code == 2
    assert "tiny@random are weights that a package brings: choose another --name" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_with_tables")
def test_killed_at_three_moments_it_gives_the_same_weights(images: Path, tmp_path: Path) -> None:
    def start(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", KILLED, *map(str, arguments)],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=280,
        )

    whole = start("pretrain", "tiny", images, *ASKED, "--output", "whole")
    assert whole.returncode == 0, whole.stderr
    undisturbed = store.find("tiny@stripes")
    weights = values(store.file_of("tiny@stripes"))
    store.remove("tiny@stripes")

    command: tuple[object, ...] = ("pretrain", "tiny", images, *ASKED, "--output", "out")
    for moment in ({"EPOCHS": "1"}, {"EPOCHS": "4"}, {"BEFORE": "record"}):
        killed = start(*command, **moment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert store.trained_weights() == []
        command = ("resume", "out")
    done = start(*command)
    assert done.returncode == 0, done.stderr
    again = values(store.file_of("tiny@stripes"))
    assert list(again) == list(weights)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    resumed = store.find("tiny@stripes")
    assert (resumed.accuracy, resumed.fingerprint) == (undisturbed.accuracy, undisturbed.fingerprint)
