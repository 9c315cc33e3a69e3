"""A browser, one small run with its report, and the MLflow UI on its records, for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

RUNS = Path(__file__).parents[1] / "run"
sys.path.append(str(RUNS))  # how tests make a whole run in seconds

import tiny_source  # noqa: E402 - found by the line above
from mlflow_server import mlflow_server  # noqa: E402
from small_run import OPTIONS, PARENT, Finished  # noqa: E402
from web_page import start_browser  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CRUMBLING = """
class Crumbling:
    api_version = 1
    name = "crumbling"
    def render(self, images, strength, rng):
        raise RuntimeError("no more paint")
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with start_browser() as found:
        yield found


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Path]) -> Path:
    """Three classes of 20 pictures, of which 4 lie in the folder of the next class, so that there are mistakes."""
    root = make_dataset(tmp_path_factory.mktemp("pictures"), per_class=20, size=48)
    classes = sorted(folder.name for folder in root.iterdir())
    for number, name in enumerate(classes):
        for file in sorted((root / name).glob("0*.png"))[:4]:
            file.rename(root / classes[(number + 1) % 3] / f"moved-{file.name}")
    return root


@pytest.fixture(scope="session")
def finished(browser: Browser, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A real run of twelve trials, some of which fail, for an augmentation that always raises is among those tried."""
    home = tmp_path_factory.mktemp("browser")
    site = tiny_source.install(home / "site")
    _add_plugin(site)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TLSEARCH_"))}
    environment.update(
        PYTHONPATH=str(site), TLSEARCH_CACHE_DIR=str(home / "cache"), KERAS_HOME=str(home / "keras"), COLUMNS="120"
    )
    choices = ["--trials", "12", "--augment", "none", "--augment", "geometric", "--augment", "crumbling"]
    done = subprocess.run(
        [sys.executable, "-c", PARENT, "run", str(images), *OPTIONS, *choices, "--output", "out"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return Finished(home, done.stdout)


@pytest.fixture(scope="session")
def mlflow_ui(finished: Finished) -> Iterator[str]:
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
