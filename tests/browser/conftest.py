"""A browser, one small run with its report, and the MLflow UI on its records, for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# How tests make a whole run in seconds, and start an MLflow server.
from tests.helpers import tiny_source
from tests.helpers.mlflow_server import mlflow_server
from tests.helpers.small_run import CRUMBLING, TrialRecord, mixed_images, run_as_a_user
from tests.helpers.web_page import start_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with start_browser() as found:
        yield found


@pytest.fixture(scope="session")
def finished(
    browser: Browser, once: Callable[..., Path], make_dataset: Callable[..., Path], tables: Path
) -> TrialRecord:
    """A real run of twelve trials, some of which fail, for an augmentation that always raises is among those tried."""

    def make(home: Path) -> None:
        images = mixed_images(make_dataset, home)
        site = tiny_source.install(home / "site")
        shutil.copy(tables, home)
        _add_plugin(site)
        choices = ["--trials", "12", "--augment", "none", "--augment", "geometric", "--augment", "crumbling"]
        run_as_a_user(images, home, site, *choices)

    return TrialRecord.of(once("browser", make))


@pytest.fixture(scope="session")
def mlflow_ui(finished: TrialRecord) -> Iterator[str]:
    """The address of an MLflow server on the database of the run."""
    with mlflow_server(f"sqlite:///{finished.home}/mlflow.db", finished.home / "server.log") as address:
        yield address


def _add_plugin(site: Path) -> None:
    (site / "crumbling.py").write_text(CRUMBLING, encoding="utf-8")
    facts = site / "crumbling-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: crumbling\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text(
        "[tlsearch.augmentations]\ncrumbling = crumbling:Crumbling\n", encoding="utf-8"
    )
