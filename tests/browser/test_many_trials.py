"""A search of a hundred trials: what recording one costs, and how long its page takes to open."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
from long_search import record_search
from mlflow_pages import names, opened, rows, trouble
from mlflow_server import mlflow_server
from small_run import MARKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [*MARKS, pytest.mark.timeout(900)]

TRIALS = 100
LOGGING_SECONDS = 0.3
PAGE_SECONDS = 5.0


def patience() -> float:
    """How many times slower than alone everything is, by the load of the last minute; 1 on a machine at rest."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_a_search_of_a_hundred_trials_opens_quickly(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, logging = record_search(tmp_path, TRIALS)
    busy = patience()
    seconds = []
    with mlflow_server(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "server.log") as address:
        for _ in range(3):
            began = time.monotonic()
            page = opened(browser, f"{address}/#/{place}", 1600, 900)
            rows(page).nth(15).wait_for()
            seconds.append(time.monotonic() - began)
            assert page.get_by_text(f"{TRIALS} matching runs").is_visible()
            shown = names(page)
            assert trouble(page) == []
            page.context.close()
    with capsys.disabled():
        times = ", ".join(f"{second:.1f}" for second in seconds)
        print(f"\n{TRIALS} trials: {logging:.3f} s to record one, page open in {times} s, load x{busy:.1f}")
    assert len(shown) > 15
    assert all(name[:3].isdigit() for name in shown)
    assert logging < LOGGING_SECONDS * busy
    assert median(seconds) < PAGE_SECONDS * max(busy, patience())
