"""A database that the tests of a module share, as making its tables takes two seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.tracking.tracker import Tracker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database has its tables."""
    folder = tmp_path_factory.mktemp("store")
    Tracker.open("sqlite:///mlflow.db", "first", directory=folder)
    return folder
