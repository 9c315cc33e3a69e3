"""The pages of the MLflow UI where a reviewer looks at a run, each opened and waited for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tlsearch.results.result import RunResult
from tlsearch.results.schema import Mlflow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

PATIENCE = 90_000
"""Milliseconds that a page may take where the machine is busy."""

# What the UI shows where something went wrong.
TROUBLE = (
    "Something went wrong",
    "An error occurred",
    "Failed to",
    "Can't display",
    "Page Not Found",
    "does not exist",
)

# As for somebody who has been here before and trains models: the panel of the assistant stays closed.
_SEEN_BEFORE = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
localStorage.setItem('mlflow.workflowType_v1', '"machine_learning"');
"""


def rows(page: Page) -> Locator:
    """The rows of the table of runs."""
    return page.locator(".ag-center-cols-container [role=row]")


def names(page: Page) -> list[str]:
    """The names of the runs in the table, from top to bottom."""
    return column(page, "attributes.`Run Name`", " a")


def column(page: Page, key: str, inside: str = "") -> list[str]:
    """What a column of the table shows, or the element ``inside`` of its cells, from top to bottom."""
    cells = page.locator(f"[role=row][row-index] [role=gridcell][col-id='{key}']{inside}")
    shown = cells.evaluate_all(
        "cells => cells.map(cell => [Number(cell.closest('[row-index]').getAttribute('row-index')), cell.innerText])"
    )
    return [text.strip() for _, text in sorted(shown)]


def trouble(page: Page) -> list[str]:
    """The error messages that a page shows."""
    text = page.locator("body").inner_text()
    return [sentence for sentence in TROUBLE if sentence in text]


def opened(browser: Browser, address: str, width: int, height: int) -> Page:
    """A page of the UI in a window of its own, in which no other host is asked for anything."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    context.set_default_timeout(PATIENCE)
    host = urlsplit(address).netloc

    def only_here(route: Route) -> None:
        if urlsplit(route.request.url).netloc in (host, ""):
            route.continue_()
        else:
            route.abort()

    context.route("**/*", only_here)
    context.add_init_script(_SEEN_BEFORE)
    page = context.new_page()
    page.goto(address)
    return page


@dataclass(frozen=True)
class Pages:
    """The UI at ``address`` on the records of the run with this ``result``."""

    browser: Browser
    address: str
    result: RunResult

    @property
    def experiment(self) -> str:
        """The address of the experiment's page."""
        return f"{self.address}/#/experiments/{self._record.experiment_id}"

    def table(self, width: int = 1900, height: int = 900) -> Page:
        """The table of trials by the link that the run gives, which names the host where people start the UI."""
        return self._view(self._record.view, width, height)

    def searches(self, width: int = 1280, height: int = 900) -> Page:
        """The list of all searches by the link that the run gives."""
        return self._view(self._record.searches, width, height)

    def _view(self, link: str, width: int, height: int) -> Page:
        _, _, place = link.partition("/#/")
        page = opened(self.browser, f"{self.address}/#/{place}", width, height)
        rows(page).first.wait_for()
        return page

    def charts(self, width: int = 1600, height: int = 1000) -> Page:
        """The charts of the trials, which the second button above the table shows."""
        page = self.table(width, height)
        page.locator("label:has(input[value='CHART'])").click()
        page.locator(".parcoords").first.wait_for()
        return page

    def parent(self, width: int = 1400, height: int = 1000) -> Page:
        """The overview of the run that stands for the search."""
        page = opened(self.browser, f"{self.experiment}/runs/{self._record.parent_run_id}", width, height)
        page.get_by_text("Description", exact=True).first.wait_for()
        # The UI folds long descriptions.
        page.get_by_text("Show more", exact=True).first.click()
        page.get_by_text("Show less", exact=True).first.wait_for()
        return page

    def artifact(self, run_id: str, name: str, width: int = 1280, height: int = 1400) -> Page:
        """A file of a run."""
        page = opened(self.browser, f"{self.experiment}/runs/{run_id}/artifacts/{name}", width, height)
        page.get_by_text(name, exact=True).first.wait_for()
        return page

    def model(self, model_id: str, width: int = 1280, height: int = 1400) -> Page:
        """The page of a logged model."""
        page = opened(self.browser, f"{self.experiment}/models/{model_id}", width, height)
        page.get_by_text("About this logged model").wait_for()
        return page

    def compare(self, width: int = 1400, height: int = 900) -> Page:
        """All trials that are complete, with parallel coordinates."""
        trials = [row for row in self.result.trials if row.role == "trial" and row.state == "complete"]
        runs, experiments = json.dumps([row.run_id for row in trials]), json.dumps([self._record.experiment_id])
        address = f"{self.address}/#/compare-runs?runs={quote(runs)}&experiments={quote(experiments)}"
        page = opened(self.browser, address, width, height)
        page.locator(".parcoords").first.wait_for()
        return page

    def metrics(self, run_id: str, width: int = 1400, height: int = 1000) -> Page:
        """The charts of a run."""
        page = opened(self.browser, f"{self.experiment}/runs/{run_id}/model-metrics", width, height)
        page.locator(".js-plotly-plot").first.wait_for()
        return page

    @property
    def _record(self) -> Mlflow:
        record = self.result.mlflow
        if record is None:
            raise ValueError("the run has no records in MLflow")
        return record
