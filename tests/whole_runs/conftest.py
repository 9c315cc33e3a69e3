"""A folder of its own for every test, and what makes a whole run shorter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.workers.worker_here import WorkerHere


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
