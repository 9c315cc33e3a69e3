"""A whole run in which a network from scratch is as good and smaller: it is the model to use, everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tests.helpers.runs.small_run import MARKS, TrialRecord, tlsearch
from tlsearch.cli.main import cli
from tlsearch.predictor import load
from tlsearch.tracking.quiet import quiet

with quiet():
    import mlflow
    from mlflow import MlflowClient

pytestmark = [*MARKS, pytest.mark.slow]

CLASSES = ("ash", "birch", "cedar")
OPTIONS = (
    *("--backbone", "efficientnet_lite0", "--image-size", "32", "--trials", "2", "--epochs", "2", "--batch-size", "32"),
    *("--augment", "none", "--prefer", "small", "--register", "leaves", "--output", "out"),
)


@pytest.fixture(scope="module")
def pictures(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Textures that every network tells apart, in three parts."""
    folder = tmp_path_factory.mktemp("textures") / "dataset"
    for seed, (part, count) in enumerate({"train": 36, "val": 34, "test": 14}.items()):
        made = make_dataset(folder / f"made-{part}", classes=CLASSES, per_class=count, seed=seed)
        made.rename(folder / part)
        (folder / f"made-{part}").rmdir()
    return folder


@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_it_is_the_model_to_use_everywhere(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3, 3e-3))
    done = tlsearch("run", pictures, *OPTIONS)
    assert done.exit_code == 0, done.output
    run = TrialRecord(tmp_path, done.output)
    check_result(run)
    check_texts(run)
    check_mlflow(run)
    check_use(run, pictures)


def check_result(run: TrialRecord) -> None:
    """Both models are right on every test image, and the smaller one is used."""
    choice, alone = run.result.choice, run.result.scratch_to_use
    assert choice is not None
    assert alone is not None
    assert run.result.baseline == alone
    assert (choice.model, choice.prefer, choice.compared) == ("baseline", "small", True)
    assert run.result.metrics.test == alone.test == 1.0
    assert run.result.verdict is not None
    assert run.result.verdict.model == "baseline"
    models = run.result.at_use.models if run.result.at_use is not None else ()
    (own,) = [model for model in models if model.network.startswith("small_cnn")]
    (winner,) = [model for model in models if model.role == "winner"]
    assert own.measured
    assert own.megabytes == pytest.approx(choice.megabytes)
    assert own.ms_per_image == pytest.approx(choice.ms_per_image)
    assert own.megabytes is not None
    assert winner.megabytes is not None
    assert own.megabytes < winner.megabytes
    assert own.efficient
    assert "small_cnn from scratch" in repr(run.result)
    assert repr(run.result).endswith("/baseline>")


def check_texts(run: TrialRecord) -> None:
    """What is printed and what the report says name its folder."""
    printed = " ".join(run.printed.split())
    assert "Use the network from scratch: small_cnn. Its accuracy on 42 test images is 100.0" in printed
    assert "baseline new-photo.jpg" in printed
    assert str(run.output / "baseline") in run.printed
    page = (run.output / "report.html").read_text(encoding="utf-8")
    assert "Use the network from scratch: small_cnn." in page


def check_mlflow(run: TrialRecord) -> None:
    """The parent run, the logged model and the registry have the network from scratch."""
    record, alone, choice = run.result.mlflow, run.result.baseline, run.result.choice
    assert record is not None
    assert alone is not None
    assert choice is not None
    client = MlflowClient(record.tracking_uri)
    parent = client.get_run(record.parent_run_id)
    assert parent.data.tags["model_to_use"] == "baseline"
    assert parent.data.params["prefer"] == "small"
    assert parent.data.metrics["exported_megabytes"] == pytest.approx(choice.megabytes, rel=1e-4)
    assert parent.outputs is not None
    (output,) = parent.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    params = dict(model.params)
    assert (params["backbone"], params["weights"], params["frozen blocks"]) == ("small_cnn", "none", "none")
    assert params["configuration"] == "small_cnn from scratch"
    assert params["parameters"] == str(alone.parameters)
    version = client.get_model_version("leaves", "1")
    assert version.tags["configuration"] == "small_cnn from scratch"
    assert version.tags["test"] == "1.000"


def check_use(run: TrialRecord, pictures: Path) -> None:
    """The model in the folder, the one in MLflow and the exported file give the same answers."""
    folder, record = run.output / "baseline", run.result.mlflow
    files = sorted((pictures / "test" / "cedar").iterdir())
    assert record is not None
    predictor = load(folder)
    expected = predictor.probabilities(files)
    assert predictor.parameters == (run.result.baseline and run.result.baseline.parameters)
    found = predictor.predict(files, coverage=0.9)
    assert {one.label for one in found} == {"cedar"}
    assert all(one.prediction_set and one.unlike is not None for one in found)
    done = CliRunner().invoke(cli, ["predict", str(folder), str(files[0]), "--format", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["label"] == "cedar"  # a note on coverage stands in the other stream
    mlflow.set_tracking_uri(record.tracking_uri)
    logged = mlflow.pyfunc.load_model("models:/leaves@champion")
    table = logged.predict([str(file) for file in files], params={"coverage": 0.9})
    assert np.abs(np.array(table["probabilities"].tolist()) - expected).max() < 1e-5
    assert [tuple(names) for names in table["prediction_set"]] == [one.prediction_set for one in found]
    assert list(table["unlike"]) == [one.unlike for one in found]
    done = tlsearch("export", folder, "--format", "onnx", "--to", run.home / "exported")
    assert done.exit_code == 0, done.output
    megabytes = (run.home / "exported" / "baseline.onnx").stat().st_size / 1e6
    assert run.result.choice is not None
    assert megabytes == pytest.approx(run.result.choice.megabytes, abs=0.01)
