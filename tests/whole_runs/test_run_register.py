"""``tlsearch run --register``: the winner in the model registry, and what is refused before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.small_run import MARKS, OPTIONS, TrialRecord, tlsearch
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError
from tlsearch.report.configuration import in_words
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient

pytestmark = MARKS


@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_the_winner_becomes_the_champion_of_its_name(finished: TrialRecord, images: Path) -> None:
    # Others look at what is in the store of the finished run.
    store = shutil.copytree(finished.home / "cache", "warm")
    options = ["--baseline", "none", "--cache-dir", store, "--output", "out", "--register", "trees"]
    done = tlsearch("run", images, *OPTIONS, "--trials", "2", *options)
    assert done.exit_code == 0, done.output
    run = TrialRecord(Path.cwd(), done.output)
    assert "register  trees version 1; it is the first champion" in done.output
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


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", " ", "x" * 257])
def test_an_impossible_name_is_told_before_any_work(images: Path, tmp_path: Path, name: str) -> None:
    done = tlsearch("run", images, "--register", name, "--output", "out")
    assert done.exit_code == 2
    assert "--register is" in done.output
    assert "without / and :" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["trees", "a", "my trees 2.1", "x" * 256, "..."])
def test_names_that_the_registry_takes(name: str) -> None:
    assert RunConfig(Path("images"), register=name).register == name


def test_the_name_is_a_text() -> None:
    with pytest.raises(UsageError, match="--register is 3"):
        RunConfig(Path("images"), register=3)  # type: ignore[arg-type]  # what a file may hold
