"""Take the pictures of README and site from a finished run: its records in the MLflow UI, and the head of its report.

    python docs/screenshots.py OUTPUT_DIR

OUTPUT_DIR is the output folder of a run whose records are in a database on this machine. Needs Chromium and playwright
(`pip install -e ".[dev]"`). Each picture is made in few colours, so that it stays below 300 kB.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

ROOT = Path(__file__).parents[1]
# What the tests in a browser do the same way.
sys.path.append(str(ROOT))

from tests.helpers.browser.mlflow_pages import Pages  # noqa: E402 - found by the line above
from tests.helpers.browser.web_page import start_browser  # noqa: E402
from tests.helpers.servers.mlflow_server import mlflow_server  # noqa: E402
from tlsearch.results.result import RunResult, read_result  # noqa: E402
from tlsearch.tracking.quiet import quiet  # noqa: E402

with quiet():
    from mlflow import MlflowClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FloatRect, Page

LIMIT = 300_000
"""Bytes of a picture."""

SETTLED = 3000
"""Milliseconds after which a page stands still."""

COLOURS = (256, 192, 128, 96, 64)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR")
    parser.add_argument("--to", type=Path, default=ROOT / "docs", metavar="DIR", help="default: docs")
    chosen = parser.parse_args()
    chosen.to.mkdir(parents=True, exist_ok=True)
    result = read_result(chosen.output)
    if result.mlflow is None:
        raise SystemExit(f"The run in {chosen.output} has no records in MLflow.")
    with start_browser() as browser, tempfile.TemporaryDirectory() as folder:
        keep(report_head(browser, chosen.output), chosen.to / "report.png")
        with mlflow_server(result.mlflow.tracking_uri, Path(folder) / "server.log") as address:
            for name, picture in mlflow_pictures(browser, address, result).items():
                keep(picture, chosen.to / f"{name}.png")


def report_head(browser: Browser, output: Path) -> bytes:
    """The report from its head to the comparison of the models, as a PNG."""
    page = browser.new_page(viewport={"width": 1000, "height": 900}, device_scale_factor=1.5)
    page.goto((output.resolve() / "report.html").as_uri())
    head, models = page.locator("header").bounding_box(), page.locator(".intervals").bounding_box()
    if head is None or models is None:
        raise SystemExit(f"{output / 'report.html'} has no head: tlsearch report {output} writes it anew.")
    bottom = models["y"] + models["height"] + 16
    picture = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1000, "height": bottom})
    page.close()
    return picture


def mlflow_pictures(browser: Browser, address: str, result: RunResult) -> dict[str, bytes]:
    """The pages of the MLflow UI at ``address`` that the guides show."""
    pages = Pages(browser, address, result)
    parent = pages.parent(width=1500, height=1300)
    shots = {
        "mlflow-searches": (pages.searches(width=1280, height=420), None),
        "mlflow-table": (pages.table(width=1900, height=800), None),
        "mlflow-parent": (parent, _story(parent)),
        "mlflow-compare": (pages.charts(width=1700, height=1000), None),
        "mlflow-model": (pages.model(_model_id(result), width=1280, height=1100), None),
    }
    for page, _ in shots.values():
        page.wait_for_timeout(SETTLED)  # pictures move to their places
    return {name: page.screenshot(clip=part) for name, (page, part) in shots.items()}


def _model_id(result: RunResult) -> str:
    """The id of the model that the run has logged."""
    record = result.mlflow
    if record is None:
        raise SystemExit("The run has no records in MLflow.")
    run = f"source_run_id = '{record.parent_run_id}'"
    found = MlflowClient(record.tracking_uri).search_logged_models([record.experiment_id], run)
    return str(found[0].model_id)


def _story(page: Page) -> FloatRect:
    """The part of the parent's page from its name to the end of its description, without what stands beside it."""
    title, beside, below = (
        page.get_by_text(text).first.bounding_box() for text in ("Overview", "About this run", re.compile("^Metrics"))
    )
    if title is None or beside is None or below is None:
        raise SystemExit("This MLflow shows a run in another way: adapt docs/screenshots.py to it.")
    left, top = title["x"] - 20, title["y"] - 90
    return {"x": left, "y": top, "width": beside["x"] - left - 10, "height": below["y"] - top - 10}


def keep(picture: bytes, file: Path) -> None:
    """Write a PNG in as many colours as fit into ``LIMIT`` bytes."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, optimize=True)
        size = file.stat().st_size
        if size <= LIMIT:
            print(f"{file}: {image.width} x {image.height}, {size / 1000:.0f} kB, {colours} colours")
            return
    raise SystemExit(f"{file} has {size / 1000:.0f} kB: take a smaller part of the page.")


if __name__ == "__main__":
    main()
