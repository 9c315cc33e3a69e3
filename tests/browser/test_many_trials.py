"""A search of a hundred trials: what recording one costs, and how long its page takes to open."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser.mlflow_pages import names, opened, rows, trouble
from tests.helpers.runs.long_search import record_search
from tests.helpers.runs.small_run import MARKS
from tests.helpers.servers.mlflow_server import mlflow_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [*MARKS, pytest.mark.timeout(900)]

TRIALS, FEW = 100, 10
LOGGING_SECONDS = 0.3
PAGE_SECONDS = 5.0
PAGE_RATIO = 2.0
"""How much longer than the page of a few trials that of many may take, where the machine is slow or busy."""


def patience() -> float:
    """How many times slower than alone everything is, by the load of the last minute; 1 on a machine at rest."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def visit(browser: Browser, page_address: str, trials: int) -> tuple[float, list[str]]:
    """The median of three times in which a search's page opens, and the names that it shows."""
    seconds, shown = [], []
    for _ in range(3):
        began = time.monotonic()
        page = opened(browser, page_address, 1600, 900)
        rows(page).nth(min(15, trials - 1)).wait_for()
        seconds.append(time.monotonic() - began)
        assert page.get_by_text(f"{trials} matching runs").is_visible()
        shown = names(page)
        assert trouble(page) == []
        page.context.close()
    return median(seconds), shown


@pytest.mark.slow
def test_a_search_of_a_hundred_trials_opens_quickly(
    browser: Browser, tmp_path: Path, tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    opens = {}
    places = {}
    database = Path(shutil.copy(tables, tmp_path))
    for folder, trials in ((few, FEW), (many, TRIALS)):
        folder.mkdir()
        places[trials], logging = record_search(folder, trials, database)
    busy = patience()
    with mlflow_server(f"sqlite:///{database}", tmp_path / "server.log") as address:
        for trials, place in places.items():
            opens[trials], shown = visit(browser, f"{address}/#/{place}", trials)
    with capsys.disabled():
        times = ", ".join(f"{trials} trials in {seconds:.1f} s" for trials, seconds in opens.items())
        print(f"\n{logging:.3f} s to record a trial, page open with {times}, load x{busy:.1f}")
    assert len(shown) > 15
    assert all(name[:3].isdigit() for name in shown)
    assert logging < LOGGING_SECONDS * busy
    assert opens[TRIALS] < max(PAGE_SECONDS, PAGE_RATIO * opens[FEW])
