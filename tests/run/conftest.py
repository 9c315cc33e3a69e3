"""One complete run for all tests of this folder, and a folder of its own for every test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_source
from small_run import OPTIONS, PARENT, Finished, mixed_images, user_environment


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
    monkeypatch.setattr("tlsearch.search.load.SELECTION_FOLDS", 2)
    monkeypatch.syspath_prepend(site)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Path]) -> Path:
    return mixed_images(make_dataset, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, site: Path, images: Path) -> Finished:
    """One complete run, as a user starts it, with an empty store."""
    home = tmp_path_factory.mktemp("home")
    environment = user_environment(home, site)
    environment["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "1"  # seconds, so that a short run has some
    done = subprocess.run(
        [sys.executable, "-c", PARENT, "run", str(images), *OPTIONS, "--output", "out"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return Finished(home, done.stdout)


@pytest.fixture
def one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.search.confirm.MOST_FOLDS", 1)
    monkeypatch.setattr("tlsearch.search.confirm.REPEATS", 0)
