"""The same request gives the same trials; an impossible one and a rehearsal leave nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, tlsearch
from tlsearch.config import RunConfig
from tlsearch.report.configuration import in_words
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient

pytestmark = MARKS


def again(finished: TrialRecord, images: Path, *options: object) -> TrialRecord:
    """The same search once more, without the baseline, in the test's own folder."""
    done = tlsearch("run", images, *OPTIONS, "--baseline", "none", "--output", "out", *options)
    assert done.exit_code == 0, done.output
    return TrialRecord(Path.cwd(), done.output)


@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_the_same_seed_gives_the_same_trials_and_values_from_a_warm_store_and_the_winner_is_registered(
    finished: TrialRecord, images: Path
) -> None:
    store = finished.home / "cache"
    before = {p.name for p in store.rglob("*.npy")}
    assert before
    second = again(finished, images, "--cache-dir", store, "--register", "trees")
    assert second.trials() == finished.trials()
    assert second.result.winner.spec.kind  # a run without a baseline has a winner all the same
    assert second.result.baseline is None
    assert {p.name for p in store.rglob("*.npy")} == before  # everything was found
    check_champion(second)


def check_champion(run: TrialRecord) -> None:
    """The winner is the champion of the name trees, and the version says what it is."""
    assert "register  trees version 1; it is the first champion" in run.printed
    result, mlflow = run.result, run.result.mlflow
    assert mlflow is not None
    version = MlflowClient(mlflow.tracking_uri).get_model_version_by_alias("trees", "champion")
    assert version.run_id == mlflow.parent_run_id
    assert version.tags["dataset_fingerprint"] == result.dataset.fingerprint
    assert version.tags["metric"] == "accuracy"
    assert float(version.tags["val"]) == pytest.approx(result.metrics.val, abs=1e-6)
    assert version.tags["test"] == f"{result.metrics.test:.3f}"
    assert in_words(result.winner.spec, result.plan) in (version.description or "")
    assert RunConfig.from_toml(run.output / "run.toml").register == "trees"


@pytest.mark.slow  # of a single trial: training/test_real_trial.py
@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_without_a_store_the_values_are_the_same(finished: TrialRecord, images: Path) -> None:
    second = again(finished, images, "--cache-limit", "0")
    assert second.trials() == finished.trials()
    assert not list(Path("cache").rglob("*.npy"))


def everything(folder: Path) -> set[Path]:
    """All files but the one in the cache that remembers how plugins did."""
    return {p for p in folder.rglob("*") if p not in (folder / "cache", folder / "cache" / "plugins.json")}


@pytest.mark.usefixtures("_worker_here")
@pytest.mark.parametrize("output", [None, "kept"])
def test_a_named_backbone_without_weights_leaves_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str | None
) -> None:
    monkeypatch.setattr("tlsearch.plugins.weights.reachable", lambda hosts: False)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    before = everything(tmp_path)
    arguments = ["run", images, "--backbone", "vgg16", *(["--output", output] if output else [])]
    done = tlsearch(*arguments)
    assert done.exit_code == 2
    assert "tlsearch weights fetch vgg16" in done.output
    assert "Traceback" not in done.output
    assert everything(tmp_path) == before
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("_worker_here")
def test_a_dry_run_stops_after_the_plan_and_leaves_nothing(finished: TrialRecord, tmp_path: Path) -> None:
    before = everything(tmp_path)
    asked = ("run", "--config", finished.output / "run.toml", "--dry-run", "--storage", "sqlite:///study.db")
    done = tlsearch(*asked)
    assert done.exit_code == 0, done.output
    assert "tiny@random at 32 px" in done.output
    assert "profile" not in done.output
    assert everything(tmp_path) == before
    refused = tlsearch(*asked, "--time-limit", "2s")
    assert refused.exit_code == 2
    assert "--time-limit is 2s, but it must be" in refused.output
    assert everything(tmp_path) == before
