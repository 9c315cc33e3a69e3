"""Quick runs of benchmarks, and the stub backbone that makes them quicker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.common.results import Result, read_result
from benchmarks.common.stub_install import install_stub

Quick = Callable[..., Result]


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is not asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests of this folder, which CI leaves out: they measure rather than test."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and any(item.get_closest_marker(mark) for mark in ("slow", "cluster")):
            item.add_marker("benchmark")


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """``quick(main, *arguments)`` runs a benchmark with ``--quick`` and gives what it has written."""

    def run(main: Callable[[list[str]], int], *arguments: str) -> Result:
        file = tmp_path / "result.json"
        assert main(["--quick", *arguments, "--result", str(file)]) == 0
        return read_result(file)

    return run


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the stub backbone, on the path of this process and of those that it starts."""
    site = install_stub(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield site
