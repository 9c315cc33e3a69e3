"""A database that the tests of a module share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tlsearch.tracking.tracker import Tracker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Path:
    """A folder whose database has its tables and one experiment."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(tables, folder)
    Tracker.open("sqlite:///mlflow.db", "first", directory=folder)
    return folder
