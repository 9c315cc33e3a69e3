"""The worker process, a real one: what crosses the pipes, and what happens when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.helpers.tiny import make_fold, make_pool
from tlsearch.errors import OutOfMemoryError, PluginError, RunError, TrialError, UsageError, WeightsError
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker import client as worker_client
from tlsearch.worker.client import Worker, WorkerDiedError

SIZE = 32
POOL = make_pool(30, SIZE)
FOLD = make_fold(30)
SMALL = Candidate("small_cnn", None, None, "", SIZE, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pool, the store and the log of this module's worker lie."""
    folder = tmp_path_factory.mktemp("worker")
    np.save(folder / "pixels.npy", POOL.pixels[SIZE])
    return folder


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[Worker]:
    """One worker for the module: starting one takes seconds. Its pool is open."""
    with Worker(folder / "worker.log") as worker:
        worker.start()
        open_pool(worker, folder)
        yield worker


def open_pool(worker: Worker, folder: Path) -> None:
    """The setup call that a run makes."""
    worker.setup(
        "open_pool",
        pixels={SIZE: str(folder / "pixels.npy")},
        labels=POOL.labels.tolist(),
        groups=POOL.groups.tolist(),
        classes=POOL.classes,
        digest=POOL.digest,
        cache_dir=str(folder / "cache"),
        cache_limit=10**8,
        metric="accuracy",
    )


def process_of(worker: Worker) -> Any:
    """The process that the worker runs now."""
    assert worker._process is not None
    return worker._process


def test_plugins_cross_the_pipe_as_data(worker: Worker) -> None:
    said = worker.call("plugins")
    assert {"vgg16", "vgg19", "resnet50", "efficientnet_lite0"} <= {b.name for b in said.backbones}
    assert {"flip", "standard"} <= set(said.augmentations)
    assert worker.call("versions")["keras"]


def test_events_are_answered_while_a_trial_runs(worker: Worker) -> None:
    events: list[Any] = []

    def answer(event: Any) -> str:
        events.append(event)
        return "prune" if len([e for e in events if e[0] == "epoch"]) == 2 else "continue"

    spec = TrialSpec("small_cnn", None, SIZE, 4, 0, steps=4, batch_size=16, lr_suffix=1e-3, lr_head=1e-3)
    outcome = worker.trial("trial", answer, candidate=SMALL, spec=spec, folds=[FOLD], seconds=None)
    assert outcome.result.state == "pruned"
    epochs = [numbers for kind, numbers in events if kind == "epoch"]
    assert [n["val_loss"] for n in epochs] == [h["val_loss"] for h in outcome.result.history]
    assert len(epochs) == 2
    assert worker.call("versions")["keras"]


def test_our_errors_come_back_as_they_are(worker: Worker, folder: Path) -> None:
    with pytest.raises(PluginError, match="there is no backbone 'small_cmm'") as caught:
        worker.call("measure", candidate=Candidate("small_cmm", None, None, "", SIZE, 0), train_at=0.0)
    assert type(caught.value) is PluginError
    assert isinstance(caught.value, UsageError)
    assert "raise PluginError" in caught.value.traceback
    broken = folder / "broken.weights.h5"
    broken.write_bytes(b"none")
    with pytest.raises(WeightsError, match="does not fit"):
        worker.call("measure", candidate=Candidate("vgg16", "w", str(broken), "", SIZE, 0), train_at=0.0)


def test_any_other_exception_is_a_trial_error_with_its_traceback(worker: Worker) -> None:
    with pytest.raises(TrialError, match=r"^KeyError: 7") as caught:
        worker.call("measure", candidate=Candidate("small_cnn", None, None, "", 7, 0), train_at=0.0)
    assert "Traceback (most recent call last)" in caught.value.traceback
    assert "jobs.py" in caught.value.traceback
    with pytest.raises(TrialError, match=r"AttributeError: .*no_such_call"):
        worker.call("no_such_call")


def test_smaller_batches_train_as_long_and_the_result_says_what_was_asked(worker: Worker, folder: Path) -> None:
    epochs: list[float] = []

    def answer(event: Any) -> str:
        if event[0] == "epoch":
            epochs.append(event[1]["epoch"])
        return "continue"

    spec = TrialSpec("small_cnn", None, SIZE, 4, 0, steps=12, batch_size=16, lr_suffix=1e-3, lr_head=1e-3)
    asked: dict[str, Any] = {"candidate": SMALL, "spec": spec, "folds": [FOLD], "seconds": None}
    whole = worker.trial("trial", answer, **asked)
    seen, epochs[:] = list(epochs), []
    half = worker.trial("trial", answer, **asked, batch_size=8)
    assert epochs == seen
    assert half.result.spec == spec
    assert half.result.history != whole.result.history  # other batches
    worker.call("save", spec=spec, candidate=SMALL, folder=str(folder / "half"), decode_size=SIZE)
    assert (folder / "half" / "model.keras").exists()


PRINTING = """
import os, sys

class Loud:
    api_version = 1
    name = "loud"

    def __init__(self):
        print("said while loading")
        sys.stdout.flush()
        os.write(1, b"said behind Python's back\\n")
        os.system("echo said by a child")

    def render(self, images, strength, rng):
        raise MemoryError("no room for so many")
"""
ENTRY_POINTS = "[tlsearch.augmentations]\nloud = loud_plugin:Loud\n"


def install_loud_plugin(site: Path) -> None:
    """A distribution in a folder, as pip would lay it out."""
    (site / "loud-1.5.dist-info").mkdir(parents=True)
    (site / "loud_plugin.py").write_text(PRINTING)
    (site / "loud-1.5.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.5\n")
    (site / "loud-1.5.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)


def test_a_worker_from_start_to_end(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process for several things: prints, SIGINT, death, a new start with its setup, renewal, the end."""
    install_loud_plugin(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setattr(worker_client, "RENEW_AFTER", 2)
    log = tmp_path / "worker.log"
    with Worker(log) as worker:
        open_pool(worker, folder)

        # What libraries print goes to the log and does not disturb the messages.
        assert worker.call("plugins").augmentations["loud"] == "loud 1.5"
        for line in ("said while loading", "said behind Python's back", "said by a child"):
            assert line in log.read_text()

        # Want of memory is told apart from other failures.
        spec = TrialSpec("small_cnn", None, SIZE, 4, 0, policy="loud", strength=0.5, steps=4, lr_head=1e-3)
        with pytest.raises(OutOfMemoryError, match="MemoryError: no room for so many"):
            worker.call("trial", candidate=SMALL, spec=spec, folds=[FOLD], seconds=None)

        # The terminal sends Ctrl-C to the whole group; the parent decides.
        first = process_of(worker)
        os.kill(first.pid, signal.SIGINT)
        assert worker.call("images_computed") == 0
        assert process_of(worker) is first

        # A child that dies is told, and the next call starts another that has the pool again.
        os.kill(first.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match=rf"ended with code -9 during 'plugins'.*{log.name}") as caught:
            worker.call("plugins")
        assert isinstance(caught.value, RunError)
        assert worker.call("images_computed") == 0
        second = process_of(worker)
        assert second.pid != first.pid

        # After RENEW_AFTER trials comes a fresh process, which was started ahead; other calls do not count.
        for _ in range(2):
            worker.trial("images_computed")
            worker.call("versions")
        assert process_of(worker) is second
        ahead = worker._next
        assert worker.trial("images_computed") == 0
        third = process_of(worker)
        assert third is ahead
        assert second.returncode == 0

        # One that died before it was needed is replaced.
        worker.trial("images_computed")
        ahead = worker._next
        assert ahead is not None
        ahead.kill()
        ahead.wait()
        assert worker.trial("images_computed") == 0
        fourth = process_of(worker)
        assert fourth is not ahead
        assert fourth.returncode is None
    assert third.returncode is not None
    assert fourth.returncode is not None
    assert worker._next is None


def test_a_process_that_was_started_ahead_ends_with_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_client, "RENEW_AFTER", 1)
    with Worker(tmp_path / "worker.log") as worker:
        worker.start()
        worker.trial("versions")
        ahead = worker._next
        assert ahead is not None
    assert ahead.returncode is not None


PARROT = """
import io, sys
from tlsearch.worker import protocol as wire
requests, answers = sys.stdin.buffer, sys.stdout.buffer
while True:
    try:
        _, name, kwargs = wire.receive(requests)
    except EOFError:
        break
    wire.send(answers, ("event", name))
    _, reply = wire.receive(requests)
    if kwargs.get("half"):
        whole = io.BytesIO()
        wire.send(whole, ("result", "x" * 1000))
        answers.write(whole.getvalue()[:500])
        break
    wire.send(answers, ("result", (name, reply)))
"""


@pytest.fixture
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker whose process only asks once and says what it was told: it starts at once."""
    start = subprocess.Popen

    def instead(command: list[str], **options: Any) -> Any:
        assert command == [sys.executable, "-P", "-m", "tlsearch.worker"]
        return start([sys.executable, "-c", PARROT], **options)

    monkeypatch.setattr(worker_client.subprocess, "Popen", instead)
    with Worker(tmp_path / "worker.log") as worker:
        yield worker


def test_a_conversation_that_was_broken_off_is_not_taken_up_again(parrot: Worker) -> None:
    """Else its answer would be taken for that of the next call."""

    def interrupt(event: Any) -> None:
        raise KeyboardInterrupt

    assert parrot.call("first", lambda event: "fine") == ("first", "fine")
    first = process_of(parrot)
    with pytest.raises(KeyboardInterrupt):
        parrot.call("second", interrupt)
    assert first.returncode is not None
    assert parrot.call("third", lambda event: "well") == ("third", "well")
    assert process_of(parrot) is not first


def test_an_error_of_the_listener_is_no_death(parrot: Worker) -> None:
    def fail(event: Any) -> None:
        raise ValueError("a fault of the parent")

    with pytest.raises(ValueError, match="a fault of the parent"):
        parrot.call("first", fail)


def test_half_an_answer_is_a_death(parrot: Worker) -> None:
    with pytest.raises(WorkerDiedError, match="ended with code 0 during 'ask'"):
        parrot.call("ask", half=True)
    assert parrot.call("ask") == ("ask", None)


def test_setup_is_repeated_in_order_and_with_its_last_arguments(
    parrot: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    exchange = Worker._exchange

    def spy(worker: Worker, name: str, on_event: Any, kwargs: dict[str, Any]) -> Any:
        seen.append((name, kwargs))
        return exchange(worker, name, on_event, kwargs)

    monkeypatch.setattr(Worker, "_exchange", spy)
    parrot.setup("pool", size=1)
    parrot.setup("other", size=2)
    parrot.setup("pool", size=3)
    assert seen == [("pool", {"size": 1}), ("other", {"size": 2}), ("pool", {"size": 3})]
    seen.clear()
    parrot.close()
    parrot.call("work")
    assert seen == [("pool", {"size": 3}), ("other", {"size": 2}), ("work", {})]
    seen.clear()
    parrot.close()
    parrot.setup("pool", size=4)
    assert seen == [("other", {"size": 2}), ("pool", {"size": 4})]


def test_the_process_ends_when_its_pipe_closes(worker: Worker, folder: Path) -> None:
    """A parent that was killed leaves no worker behind: the shared one, last of all, sees its input close."""
    process = process_of(worker)
    child = psutil.Process(process.pid)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert not child.is_running()
    with pytest.raises((WorkerDiedError, ValueError)):
        worker.call("versions")


def test_closing_twice_and_closing_what_never_ran(tmp_path: Path) -> None:
    worker = Worker(tmp_path / "worker.log")
    worker.close()
    worker.kill()
    assert not (tmp_path / "worker.log").exists()
    started = time.monotonic()
    worker.start()
    worker.start()
    process = process_of(worker)
    worker.kill()
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 10
