"""A callback that a package registers follows every run."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import InstallPlugin
from tests.helpers.pipeline.contexts import Heard
from tests.helpers.workers.worker_here import WorkerHere
from tlsearch.config import RunConfig
from tlsearch.pipeline.context import followers, open_run

DIARY = """
from pathlib import Path
from tlsearch.plugin_api import Callback

class Diary(Callback):
    name = "diary"
    def on_run_begin(self, run):
        Path(run.output, "diary.txt").write_text("begins")
    def on_run_end(self, result):
        raise RuntimeError("the diary is full")
"""

FULL = '        raise RuntimeError("the diary is full")'

BROKEN = "import no_such_module"


def test_it_is_told_of_a_run(install: InstallPlugin, tmp_path: Path) -> None:
    install("my-diary", DIARY, group="tlsearch.callbacks", diary="Diary")
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    heard = Heard()
    with open_run(RunConfig(dataset=tmp_path / "images", output=tmp_path / "out"), None, [heard]) as context:
        assert (tmp_path / "out" / "diary.txt").read_text() == "begins"
        context.callbacks.on_run_end(None)
    assert heard.warnings == [
        "the callback diary is left out from here on, for it failed: RuntimeError: the diary is full "
        f"(my_diary.py:{DIARY.splitlines().index(FULL) + 1}, in on_run_end)"
    ]


def test_one_that_is_broken_is_left_out_by_name(install: InstallPlugin) -> None:
    install("torn-diary", BROKEN, group="tlsearch.callbacks", torn="Diary")
    others, (warning,) = followers(None, [])
    assert others == []
    assert warning.startswith("the callback torn of torn-diary 2.5 is left out: ")


@pytest.fixture(autouse=True)
def _no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No callbacks of other tests; and no process for the worker, of which nothing is asked."""
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("tlsearch.pipeline.context.WorkerClient", WorkerHere)
