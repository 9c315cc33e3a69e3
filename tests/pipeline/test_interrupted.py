"""A run that does not come to its end: what its callbacks are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.workers.worker_here import WorkerHere
from tlsearch.callbacks import Callback, RunInfo
from tlsearch.config import RunConfig
from tlsearch.errors import Interrupted, PluginFailedError, RunError, UsageError
from tlsearch.listeners.callback_list import Recorder
from tlsearch.pipeline.context import open_run
from tlsearch.results.result import RunResult


class Begun(Recorder):
    """A record in which work has begun."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def on_run_failed(self, reason: str, interrupted: bool) -> bool:
        self.told.append((reason, interrupted))
        return True


class Ends(Callback):
    """Keeps how a run begins and ends."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_run_begin(self, run: RunInfo) -> None:
        self.told.append(run.resumed)

    def on_run_end(self, result: RunResult | None) -> None:
        self.told.append(result)


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process for the worker, of which nothing is asked."""
    monkeypatch.setattr("tlsearch.pipeline.context.WorkerClient", WorkerHere)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    return tmp_path / "images"


@pytest.mark.parametrize(
    ("error", "raised", "reason", "interrupted"),
    [
        (RunError("No trial was completed."), RunError, "No trial was completed.", False),
        (UsageError("It cannot be had."), RunError, "It cannot be had.", False),
        (MemoryError(), MemoryError, "MemoryError", False),
        (PluginFailedError("It fell.", "backbone net"), RunError, "It fell.", False),
        (KeyboardInterrupt(), Interrupted, "", True),
    ],
)
def test_the_record_says_why(
    images: Path, tmp_path: Path, error: BaseException, raised: type[BaseException], reason: str, interrupted: bool
) -> None:
    record, ends = Begun(), Ends()
    config = RunConfig(dataset=images, output=tmp_path / "out")

    def fail() -> None:
        with open_run(config, None, [ends]) as context:
            context.callbacks.add_recorder(record)
            raise error

    with pytest.raises(raised):
        fail()
    assert record.told == [(reason, interrupted)]
    assert ends.told == [False, None]


def test_a_plugin_that_ends_a_run_leaves_its_traceback_where_it_is_said(images: Path, tmp_path: Path) -> None:
    said = r"raised OSError: the traceback is in .*out/worker\.log; `tlsearch plugins check net` tests it\.$"
    with pytest.raises(RunError, match=said), open_run(RunConfig(dataset=images, output=tmp_path / "out"), None, []):
        raise PluginFailedError("The backbone plugin 'net' raised OSError.", "backbone net")


def test_before_work_has_begun_the_request_is_at_fault(images: Path, tmp_path: Path) -> None:
    config = RunConfig(dataset=images, output=tmp_path / "out")
    with pytest.raises(UsageError, match="no such thing") as caught, open_run(config, None, []):
        raise UsageError("There is no such thing.")
    assert not isinstance(caught.value, RunError)
    assert not (tmp_path / "out").exists()
