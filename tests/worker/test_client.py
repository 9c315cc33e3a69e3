"""The worker process, a real one: what crosses the pipes, and what happens when it dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.helpers.networks.tiny import make_fold, make_pool
from tests.helpers.workers.processes import process_of
from tlsearch.errors import OutOfMemoryError, PluginError, TrialError, UsageError, WeightsError
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.events import EpochEnd, Event
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import (
    CountComputedImages,
    DescribePlugins,
    GetVersions,
    MeasureCandidate,
    OpenPool,
    Request,
    RunTrial,
)

SIZE = 32
POOL = make_pool(30, SIZE)
FOLD = make_fold(30)
SMALL = Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=SIZE, depth=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pool, the store and the log of this module's worker lie."""
    folder = tmp_path_factory.mktemp("worker")
    np.save(folder / "pixels.npy", POOL.pixels[SIZE])
    return folder


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[WorkerClient]:
    """One worker for the module: starting one takes seconds. Its pool is open, and a loud plugin is installed."""
    install_loud_plugin(folder / "site")
    with pytest.MonkeyPatch.context() as patch, WorkerClient(folder / "worker.log") as worker:
        patch.setenv("PYTHONPATH", str(folder / "site"))
        worker.start()
        worker.send(pool_in(folder))
        yield worker


def pool_in(folder: Path) -> OpenPool:
    """The setup that a run makes."""
    return OpenPool(
        pixels={SIZE: folder / "pixels.npy"},
        labels=tuple(POOL.labels.tolist()),
        groups=tuple(POOL.groups.tolist()),
        classes=POOL.classes,
        digest=POOL.digest,
        cache_dir=folder / "cache",
        cache_limit=10**8,
        metric="accuracy",
    )


def test_plugins_cross_the_pipe_as_data(worker: WorkerClient) -> None:
    facts = worker.send(DescribePlugins())
    assert {"vgg16", "vgg19", "resnet50", "efficientnet_lite0"} <= {b.name for b in facts.backbones}
    assert {"flip", "standard"} <= set(facts.of("augmentation"))
    assert worker.send(GetVersions())["keras"]


def test_a_trial_is_pruned_while_it_runs(worker: WorkerClient) -> None:
    epochs: list[Mapping[str, float]] = []

    def decide(event: Event) -> Decision:
        if isinstance(event, EpochEnd):
            epochs.append(event.numbers)
        return Decision.PRUNE if len(epochs) == 2 else Decision.CONTINUE

    spec = TrialSpec(
        backbone="small_cnn",
        weights=None,
        image_size=SIZE,
        depth=4,
        freeze_depth=0,
        steps=4,
        batch_size=16,
        lr_suffix=1e-3,
        lr_head=1e-3,
    )
    outcome = worker.send(RunTrial(candidate=SMALL, spec=spec, folds=(FOLD,)), decide)
    assert outcome.result.state == "pruned"
    assert [n["val_loss"] for n in epochs] == [h["val_loss"] for h in outcome.result.history]
    assert len(epochs) == 2
    assert worker.send(GetVersions())["keras"]


def test_our_errors_come_back_as_they_are(worker: WorkerClient, folder: Path) -> None:
    with pytest.raises(PluginError, match="There is no backbone 'small_cmm'") as caught:
        worker.send(
            MeasureCandidate(
                candidate=Candidate(
                    backbone="small_cmm", weights=None, weights_file=None, weights_id="", image_size=SIZE, depth=0
                ),
                train_at=0.0,
            )
        )
    assert type(caught.value) is PluginError
    assert isinstance(caught.value, UsageError)
    assert "raise PluginError" in caught.value.traceback
    broken = folder / "broken.weights.h5"
    broken.write_bytes(b"none")
    with pytest.raises(WeightsError, match="does not fit"):
        worker.send(
            MeasureCandidate(
                candidate=Candidate(
                    backbone="vgg16", weights="w", weights_file=str(broken), weights_id="", image_size=SIZE, depth=0
                ),
                train_at=0.0,
            )
        )


def test_any_other_exception_is_a_trial_error_with_its_traceback(worker: WorkerClient) -> None:
    with pytest.raises(TrialError, match=r"^KeyError: 7") as caught:
        worker.send(
            MeasureCandidate(
                candidate=Candidate(
                    backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=7, depth=0
                ),
                train_at=0.0,
            )
        )
    assert "Traceback (most recent call last)" in caught.value.traceback
    assert "handlers.py" in caught.value.traceback
    with pytest.raises(TrialError, match=r"ValueError: there is no request 'Unknown'"):
        worker.send(Unknown())


def test_smaller_batches_train_as_long_and_the_result_says_what_was_asked(worker: WorkerClient, folder: Path) -> None:
    epochs: list[float] = []

    def listen(event: Event) -> Decision:
        if isinstance(event, EpochEnd):
            epochs.append(event.numbers["epoch"])
        return Decision.CONTINUE

    spec = TrialSpec(
        backbone="small_cnn",
        weights=None,
        image_size=SIZE,
        depth=4,
        freeze_depth=0,
        steps=12,
        batch_size=16,
        lr_suffix=1e-3,
        lr_head=1e-3,
    )
    request = RunTrial(candidate=SMALL, spec=spec, folds=(FOLD,))
    whole = worker.send(request, listen)
    seen, epochs[:] = list(epochs), []
    half = worker.send(replace(request, batch_size=8), listen)
    assert epochs == seen
    assert half.result.spec == spec
    assert half.result.history != whole.result.history  # other batches
    worker.send(SaveModel(spec=spec, candidate=SMALL, folder=folder / "half", decode_size=SIZE))
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

class Torn:
    def __init__(self):
        {}["missing"]
"""
ENTRY_POINTS = "[tlsearch.augmentations]\nloud = loud_plugin:Loud\ntorn = loud_plugin:Torn\n"


def install_loud_plugin(site: Path) -> None:
    """A distribution in a folder, as pip would lay it out."""
    (site / "loud-1.5.dist-info").mkdir(parents=True)
    (site / "loud_plugin.py").write_text(PRINTING)
    (site / "loud-1.5.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.5\n")
    (site / "loud-1.5.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)


def test_a_worker_prints_runs_out_of_memory_and_is_interrupted(worker: WorkerClient, folder: Path) -> None:
    log = folder / "worker.log"
    # What libraries print goes to the log and does not disturb the messages.
    assert worker.send(DescribePlugins()).of("augmentation")["loud"] == "loud 1.5"
    for line in ("said while loading", "said behind Python's back", "said by a child"):
        assert line in log.read_text()
    # The author of a plugin finds there where it failed, for whatever reason.
    said = (
        "The augmentation 'torn' cannot be used: loading it raised KeyError: 'missing' (loud_plugin.py:19, in __init__)"
    )
    assert f"{said}\nTraceback (most recent call last):\n" in log.read_text()

    # Want of memory is told apart from other failures.
    spec = TrialSpec(
        backbone="small_cnn",
        weights=None,
        image_size=SIZE,
        depth=4,
        freeze_depth=0,
        policy="loud",
        strength=0.5,
        steps=4,
        lr_head=1e-3,
    )
    with pytest.raises(OutOfMemoryError, match="MemoryError: no room for so many"):
        worker.send(RunTrial(candidate=SMALL, spec=spec, folds=(FOLD,)))
    assert "RunTrial failed: MemoryError: no room for so many\nTraceback" in log.read_text()
    assert 'loud_plugin.py", line 15, in render' in log.read_text()

    # The terminal sends Ctrl-C to the whole group; the parent decides.
    first, computed = process_of(worker), worker.send(CountComputedImages())
    os.kill(first.pid, signal.SIGINT)
    assert worker.send(CountComputedImages()) == computed
    assert process_of(worker) is first


@dataclass(frozen=True, kw_only=True)
class Unknown(Request[None]):
    """No handler knows it."""


def test_the_process_ends_when_its_pipe_closes(worker: WorkerClient, folder: Path) -> None:
    """A parent that was killed leaves no worker behind: the shared one, last of all, sees its input close."""
    process = process_of(worker)
    child = psutil.Process(process.pid)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert not child.is_running()
    assert worker.send(GetVersions())  # by another one
    assert process_of(worker).pid != process.pid


def test_closing_twice_and_closing_what_never_ran(tmp_path: Path) -> None:
    worker = WorkerClient(tmp_path / "worker.log")
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
