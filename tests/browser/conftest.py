"""A browser, and the MLflow UI on the records of the complete run, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser.web_page import start_browser
from tests.helpers.runs.small_run import TrialRecord

# How tests start an MLflow server.
from tests.helpers.servers.mlflow_server import mlflow_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with start_browser() as found:
        yield found


@pytest.fixture(scope="session")
def mlflow_ui(browser: Browser, finished: TrialRecord, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server on the database of the run."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with mlflow_server(f"sqlite:///{finished.home}/mlflow.db", log) as address:
        yield address
