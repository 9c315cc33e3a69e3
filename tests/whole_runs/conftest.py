"""One complete run for all tests of this folder, and a folder of its own for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import tiny_source
from tests.helpers.small_run import TrialRecord, mixed_images, run_as_a_user
from tests.helpers.worker_here import WorkerHere


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the path, in which the distribution ``tiny-backbone`` is installed."""
    return tiny_source.install(tmp_path_factory.mktemp("site"))


@pytest.fixture(autouse=True)
def _own_folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a run writes goes into the test's own folder, where it also starts; Keras writes elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "TLSEARCH_WEIGHTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("tlsearch.pipeline.scan.SELECTION_FOLDS", 2)
    monkeypatch.syspath_prepend(site)


@pytest.fixture(scope="session")
def images(once: Callable[..., Path], make_dataset: Callable[..., Path]) -> Path:
    return once("images", lambda folder: mixed_images(make_dataset, folder)) / "dataset"


@pytest.fixture(scope="session")
def finished(once: Callable[..., Path], site: Path, images: Path) -> TrialRecord:
    """One complete run, as a user starts it, with an empty store."""
    seconds = {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1"}  # so that a short run has some
    return TrialRecord.of(once("home", lambda home: run_as_a_user(images, home, site, **seconds)))


@pytest.fixture
def _with_tables(tmp_path: Path, tables: Path) -> None:
    """The run finds a database that has its tables, for time; the one of ``finished`` makes its own."""
    shutil.copy(tables, tmp_path)


@pytest.fixture
def _worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is no process of its own, for time."""
    monkeypatch.setattr("tlsearch.pipeline.context.WorkerClient", WorkerHere)


@pytest.fixture
def one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.pipeline.confirm.MOST_FOLDS", 1)
    monkeypatch.setattr("tlsearch.pipeline.confirm.REPEATS", 0)
