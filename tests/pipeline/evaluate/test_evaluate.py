"""Opening the test split: noted before anything is read, once for all models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.evaluate import Evaluation, ModelCost, evaluate_once
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.runs.ledger import Ledger, fingerprint_of
from tlsearch.worker.models.requests import EvaluateModel, ModelProbabilities

LABELS = [0, 0, 0, 1, 1, 1, 0, 1]
TEST = (2, 3, 4, 6, 7)
MODELS = ("winner", "linear_probe", "baseline", "scratch vgg16")
TRUTH = [LABELS[row] for row in TEST]
PREDICTED: Mapping[str, list[int]] = {
    "winner": TRUTH,
    "linear_probe": [1 - TRUTH[0], *TRUTH[1:]],
    "baseline": [0] * 5,
    "scratch vgg16": [1 - label for label in TRUTH],
}


def worker_that_predicts(ledger: Ledger, openings: int) -> FakeWorker:
    """A worker that predicts ``PREDICTED``, and only when the ledger has been written for this opening."""

    def predict(request: EvaluateModel, _: object) -> ModelProbabilities:
        assert len(ledger.entries()) == openings, "a test file is read before the ledger is written"
        rows = [[0.9 - 0.8 * label, 0.1 + 0.8 * label] for label in PREDICTED[request.folder.name]]
        return ModelProbabilities(np.array(rows), 7.5 if request.latency else None, 1000)

    return FakeWorker({EvaluateModel: predict})


class Opened(MlflowCallback):
    """A record whose ledger lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.parent_run = "parent"
        self.ledger = Ledger(folder / "ledger.jsonl")

    @property
    def openings(self) -> Ledger:
        return self.ledger


def evaluated(
    folder: Path,
    openings: int = 1,
    metric: CountMetric = "accuracy",
    worker: FakeWorker | None = None,
    *,
    is_probe: bool = False,
) -> tuple[Evaluation, Opened, FakeWorker]:
    """What comes of the ``openings``-th opening of the test images."""
    record = Opened(folder)
    worker = worker or worker_that_predicts(record.ledger, openings)
    context = make_context(folder, worker, checkpoint=f"answers of {openings}")
    models = {}
    for name in MODELS:
        models[name] = folder / name
        models[name].mkdir(exist_ok=True)
        (models[name] / "model.keras").write_bytes(b"x" * 2_000_000)
    data = make_data(LABELS, test=TEST, metric=metric)
    return evaluate_once(context, data, record, models, is_probe=is_probe), record, worker


def test_the_opening_is_noted_before_any_test_file_is_read(tmp_path: Path) -> None:
    evaluation, record, _ = evaluated(tmp_path)
    assert evaluation.opened == 1
    (entry,) = record.ledger.entries()
    assert entry["test"] == fingerprint_of(f"hash {row}" for row in TEST)
    assert (entry["dataset"], entry["run_id"]) == ("/data", "parent")
    assert entry["output"] == str(tmp_path / "out")


def test_a_second_run_on_the_same_images_is_the_second_opening(tmp_path: Path) -> None:
    evaluated(tmp_path)
    assert evaluated(tmp_path, openings=2)[0].opened == 2


def test_a_run_that_is_resumed_does_not_open_it_twice(tmp_path: Path) -> None:
    for _ in range(2):
        evaluation, record, _ = evaluated(tmp_path)
        assert evaluation.opened == 1
    assert len(record.ledger.entries()) == 1


def test_every_model_predicts_once_for_all_test_files(tmp_path: Path) -> None:
    _, _, worker = evaluated(tmp_path)
    files = tuple(Path(f"/data/{row}.png") for row in TEST)
    assert worker.requests == [EvaluateModel(folder=tmp_path / name, files=files, latency=True) for name in MODELS]


def test_each_model_has_its_figure(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path)[0]
    claims = evaluation.claims
    assert claims.baseline is not None
    others = evaluation.scratch["vgg16"]
    values = [claims.winner.value, claims.linear_probe.value, claims.baseline.value, others.value]
    assert values == pytest.approx([1.0, 0.8, 0.4, 0.0])
    assert set(evaluation.scratch) == {"vgg16"}
    assert others.ci95[0] == 0.0
    assert evaluation.confusion.matrix == ((2, 0), (0, 3))
    assert evaluation.costs == dict.fromkeys(MODELS, ModelCost(2.0, 7.5, 1000))
    assert evaluation.labels.tolist() == TRUTH
    assert evaluation.probabilities.shape == (5, 2)
    np.testing.assert_array_equal(evaluation.probabilities.argmax(axis=1), TRUTH)


def test_other_networks_from_scratch_are_scored_in_the_metric_of_the_run(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, metric="balanced_accuracy")[0]
    assert evaluation.claims.baseline is not None
    assert evaluation.claims.baseline.value == pytest.approx(0.5)  # all of one class, none of the other
    assert evaluation.accuracy.value == 1.0


def test_files_that_vanished_end_the_run_after_the_opening_was_noted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    vanished = FakeWorker({EvaluateModel: ModelProbabilities(np.full((5, 2), np.nan))})
    with pytest.raises(RunError, match="can no longer be read"):
        evaluated(tmp_path, worker=vanished)
    assert len(ledger.entries()) == 1


def test_a_linear_probe_that_was_chosen_is_not_compared_with_itself(tmp_path: Path) -> None:
    gain = evaluated(tmp_path, is_probe=True)[0].claims.gain
    assert gain.over_linear_probe is None
    assert gain.test is not None
