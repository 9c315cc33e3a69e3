"""Opening the test split: noted before anything is read, once for all models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlsearch.errors import RunError
from tlsearch.pipeline.evaluate import Evaluation, evaluate_once
from tlsearch.reporter import SilentReporter
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.ledger import Ledger, fingerprint_of

LABELS = [0, 0, 0, 1, 1, 1, 0, 1]
TEST = (2, 3, 4, 6, 7)
MODELS = ("winner", "linear_probe", "baseline", "scratch vgg16")
TRUTH = [LABELS[row] for row in TEST]
ANSWERS: Mapping[str, list[int]] = {
    "winner": TRUTH,
    "linear_probe": [1 - TRUTH[0], *TRUTH[1:]],
    "baseline": [0] * 5,
    "scratch vgg16": [1 - label for label in TRUTH],
}


class FakeWorker:
    """Answers as ``ANSWERS`` say, and only when the ledger has been written for this opening."""

    def __init__(self, ledger: Ledger, openings: int) -> None:
        self.ledger, self.openings = ledger, openings
        self.asked: list[tuple[str, list[str], bool]] = []

    def call(self, name: str, folder: str, files: list[str], latency: bool) -> tuple[list[list[float]], float | None]:
        assert name == "test"
        assert len(self.ledger.entries()) == self.openings, "a test file is read before the ledger is written"
        model = Path(folder).name
        self.asked.append((model, files, latency))
        rows = [[0.9 - 0.8 * label, 0.1 + 0.8 * label] for label in ANSWERS[model]]
        return rows, 7.5 if latency else None


def session_in(folder: Path, openings: int = 1, metric: str = "accuracy") -> Any:
    """As much of a context as the proof looks at."""
    images = [SimpleNamespace(path=f"{row}.png", label=label, sha256=f"hash {row}") for row, label in enumerate(LABELS)]
    index = SimpleNamespace(
        images=images, classes=("cat", "dog"), root=Path("/data"), file=lambda row: Path("/data") / f"{row}.png"
    )
    ledger = Ledger(folder / "ledger.jsonl")
    return SimpleNamespace(
        data=SimpleNamespace(index=index, split=SimpleNamespace(test=TEST, groups=tuple(range(8))), metric=metric),
        config=SimpleNamespace(seed=0),
        reporter=SilentReporter(),
        worker=FakeWorker(ledger, openings),
        tracker=SimpleNamespace(ledger=ledger),
        output=folder / "out",
        checkpoint=Checkpoint(folder / f"answers of {openings}", TimeBudget(None), {}),
        parent_run="parent",
    )


def opened(folder: Path, context: Any) -> Evaluation:
    models = {}
    for name in MODELS:
        models[name] = folder / name
        models[name].mkdir(exist_ok=True)
        (models[name] / "model.keras").write_bytes(b"x" * 2_000_000)
    return evaluate_once(context, models)


def test_the_opening_is_noted_before_any_test_file_is_read(tmp_path: Path) -> None:
    context = session_in(tmp_path)
    assert opened(tmp_path, context).opened == 1
    (entry,) = context.tracker.ledger.entries()
    assert entry["test"] == fingerprint_of(f"hash {row}" for row in TEST)
    assert (entry["dataset"], entry["run_id"]) == ("/data", "parent")
    assert entry["output"] == str(tmp_path / "out")


def test_a_second_run_on_the_same_images_is_the_second_opening(tmp_path: Path) -> None:
    opened(tmp_path, session_in(tmp_path))
    assert opened(tmp_path, session_in(tmp_path, openings=2)).opened == 2


def test_a_run_that_is_taken_up_again_does_not_open_it_twice(tmp_path: Path) -> None:
    for _ in range(2):
        context = session_in(tmp_path)
        assert opened(tmp_path, context).opened == 1
    assert len(context.tracker.ledger.entries()) == 1


def test_every_model_answers_once_for_all_test_files(tmp_path: Path) -> None:
    context = session_in(tmp_path)
    opened(tmp_path, context)
    files = [f"/data/{row}.png" for row in TEST]
    assert context.worker.asked == [(name, files, name == "winner") for name in MODELS]


def test_each_model_has_its_figure(tmp_path: Path) -> None:
    proof = opened(tmp_path, session_in(tmp_path))
    claims = proof.claims
    assert claims.baseline is not None
    values = [claims.winner.value, claims.linear_probe.value, claims.baseline.value, proof.scratch["vgg16"].value]
    assert values == pytest.approx([1.0, 0.8, 0.4, 0.0])
    assert set(proof.scratch) == {"vgg16"}
    assert proof.scratch["vgg16"].ci95[0] == 0.0
    assert proof.confusion.matrix == ((2, 0), (0, 3))
    assert (proof.ms_per_image, proof.megabytes) == (7.5, 2.0)
    assert proof.labels.tolist() == TRUTH
    assert proof.probabilities.shape == (5, 2)
    np.testing.assert_array_equal(proof.probabilities.argmax(axis=1), TRUTH)


def test_other_networks_from_scratch_are_scored_in_the_metric_of_the_run(tmp_path: Path) -> None:
    proof = opened(tmp_path, session_in(tmp_path, metric="balanced_accuracy"))
    assert proof.claims.baseline is not None
    assert proof.claims.baseline.value == pytest.approx(0.5)  # all of one class, none of the other
    assert proof.accuracy.value == 1.0


def test_files_that_vanished_end_the_run_after_the_opening_was_noted(tmp_path: Path) -> None:
    context = session_in(tmp_path)
    context.worker.call = lambda name, folder, files, latency: ([[float("nan")] * 2] * 5, None)
    with pytest.raises(RunError, match="can no longer be read"):
        opened(tmp_path, context)
    assert len(context.tracker.ledger.entries()) == 1
