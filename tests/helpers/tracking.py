"""What a tracker records of a run, the loss of its store, and a look at what got there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE, facts_of, make_space
from tlsearch.listeners.mlflow import RecordedRun
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.tracking.exported import MODEL_URI, ModelPage
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import Figures
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.ui_view import TAG_PREFIX, TrialsView
from tlsearch.types import TrialResult

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run


SPACE = make_space()
SPEC = SPACE.spec(SPACE.params(LITE, train_suffix=True, freeze_depth=6))
TRIAL = RunningTrial(number=1, role="trial", name="01 tuned", spec=SPEC, candidate=LITE, folds=())
RESULT = TrialResult(
    spec=SPEC, state="complete", value=0.5, seconds=1.0, metrics={"val_accuracy": 0.5, "val_loss": 1.0}
)


def recorded_run(folder: Path) -> RecordedRun:
    return RecordedRun(
        output=folder / "search",
        params={"dataset": "made up"},
        dataset=str(folder),
        dataset_name="made up",
        fingerprint="f00",
        counts={"train": 100, "val": 20, "test": 20},
        seed=7,
        metric="accuracy",
        ranked_by=["val_accuracy"],
        plugins={"efficientnet_lite0": "tlsearch 0.1", "other": "elsewhere 2"},
        cuts={LITE: facts_of(LITE).cuts},
    )


def again(store: Path, home: Path, told: list[str], experiment: str) -> Tracker:
    """A tracker of another process."""
    return again_at(f"sqlite:///{store}/mlflow.db", home, told, experiment)


def again_at(uri: str, home: Path, told: list[str], experiment: str) -> Tracker:
    """A tracker of another process for any store."""
    return Tracker.open(uri, experiment, directory=home, unsent=home / "unsent", warn=told.append)


def waiting_files(tracker: Tracker) -> int:
    """How many commands of a tracker wait that keep files, or need what only files bring."""
    return tracker._sender._outbox.files


def lose(monkeypatch: pytest.MonkeyPatch, tracker: Tracker, *, done: bool) -> None:
    """From now on every call that writes fails; where ``done``, only its answer is lost."""
    for name in dir(tracker._client):
        if not name.startswith(("create_", "log_", "set_", "update_", "finalize_")):
            continue
        real = getattr(tracker._client, name)

        def fail(*args: Any, _real: Callable[..., Any] = real, **kwargs: Any) -> None:
            if done:
                _real(*args, **kwargs)
            raise OSError("the line is dead")

        monkeypatch.setattr(tracker._client, name, fail)


def record_something(tracker: Tracker, parent: str, home: Path) -> str:
    """A trial, a model and its registration, as a run records them; gives the trial's id."""
    child = tracker.start_child(parent, "07 it's", {"units": 7}, {"role": "trial"})
    for epoch in range(1, 4):
        tracker.log_epoch(child, epoch, {"curve/loss": 1.0 / epoch})
    tracker.finish(child, "FAILED", {"val_accuracy": 0.5}, {"state": "failed"}, "it broke", "Traceback: x\n")
    (home / "note.txt").write_text("hello")
    tracker.log_artifact(parent, home / "note.txt", "notes")
    tracker.log_dataset(parent, "images", home, "f00" * 20, {"train": 3})
    tracker.offer_view(TrialsView(parent=child, figures=["val_accuracy"]))
    (home / "model").mkdir()
    (home / "model" / "model.keras").write_bytes(b"a network")
    for name, values in {"labels": ["a", "b"], "config": {"image_size": 8, "decode_size": 12}}.items():
        (home / "model" / f"{name}.json").write_text(json.dumps(values))
    page = ModelPage(note=f"Load `{MODEL_URI}`.", params={"classes": "2"})
    model = tracker.log_model(parent, home / "model", np.zeros((1, 8, 8, 3), np.uint8), ("a", "b"), page)
    tracker.log_model_metrics(parent, model, {"test": 0.4}, "images", "f00" * 20)
    tracker.log_model_metrics(parent, model, {"megabytes": 3.5})
    tracker.register(parent, model, parent, Figures("f00", "accuracy", 0.5), {"test": ".5"}, "the winner")
    tracker.finish(parent, "FINISHED")
    return child


def check_runs(tracker: Tracker, parent: str, child: str) -> None:
    """Both runs are there with all that they have, and once."""
    client = MlflowClient(tracker.uri)
    runs: list[Run] = list(client.search_runs([tracker.experiment_id]))
    assert {run.info.run_id for run in runs} == {parent, child}
    assert len(runs) == 2
    trial = client.get_run(child)
    assert (trial.info.run_name, trial.info.status) == ("07 it's", "FAILED")
    assert trial.data.params == {"units": "7"}
    assert trial.data.tags["mlflow.parentRunId"] == parent
    assert (trial.data.tags["state"], trial.data.tags["reason"]) == ("failed", "it broke")
    history = client.get_metric_history(child, "curve/loss")
    assert [(m.step, round(m.value, 3)) for m in history] == [(1, 1.0), (2, 0.5), (3, 0.333)]
    assert [artifact.path for artifact in client.list_artifacts(child)] == ["traceback.txt"]
    whole = client.get_run(parent)
    assert whole.info.status == "FINISHED"
    assert whole.data.metrics == {"test": 0.4, "megabytes": 3.5}
    assert whole.inputs is not None
    assert [i.dataset.name for i in whole.inputs.dataset_inputs] == ["images"]
    assert Path(client.download_artifacts(parent, "notes/note.txt")).read_text() == "hello"
    tags = client.get_experiment(tracker.experiment_id).tags
    (view,) = (value for name, value in tags.items() if name.startswith(TAG_PREFIX))
    assert f"`mlflow.parentRunId` = '{child}'" in view  # by the store's id, even where it had one of our own
    versions = client.search_model_versions(f"run_id = '{parent}'")
    assert [(str(v.version), v.tags["val"]) for v in versions] == [("1", "0.500000")]
    assert str(client.get_model_version_by_alias(parent, "champion").version) == "1"


def check_record(tracker: Tracker, parent: str, child: str) -> None:
    """All of it is there, and once."""
    check_runs(tracker, parent, child)
    client = MlflowClient(tracker.uri)
    whole = client.get_run(parent)
    (model,) = client.search_logged_models([tracker.experiment_id], "name = 'winner'")
    assert model.tags["mlflow.note.content"] == f"Load `models:/{model.model_id}`."
    assert model.params == {"classes": "2"}
    assert model.metrics is not None
    assert whole.inputs is not None
    (data,) = (i.dataset for i in whole.inputs.dataset_inputs)
    measured = {(m.key, m.value, m.dataset_name, m.dataset_digest) for m in model.metrics}
    assert measured == {("test", 0.4, data.name, data.digest), ("megabytes", 3.5, None, None)}
