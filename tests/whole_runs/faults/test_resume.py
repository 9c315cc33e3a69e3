"""Runs that are killed or interrupted go on as if they had not been: the same trials, nothing twice, nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.helpers.runs.small_run import MARKS, OPTIONS, PARENT, TrialRecord, tlsearch
from tlsearch.results.result import read_result
from tlsearch.runs.lock import LOCK_NAME
from tlsearch.runs.output import CHECKPOINT_FOLDER, WORK_FOLDER

pytestmark = MARKS

# The parent ends itself, as kill -9 would, right before or right after it keeps its n-th answer.
KILLED = """
import os, signal
from tlsearch.runs.checkpoint import Checkpoint
left, when = int(os.environ["KEEP"]), os.environ["WHEN"]
put = Checkpoint.put
def counted(self, key, value):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, key, value)
    if left == 0 and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoint.put = counted
"""


def start(home: Path, *arguments: object, script: str = PARENT, **variables: str) -> subprocess.Popen[str]:
    """A command in a process of its own, in the folder ``home``."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=home,
        env={**os.environ, "TLSEARCH_CACHE_DIR": str(home / "cache"), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code and what was printed."""
    printed, complaints = process.communicate(timeout=280)
    return process.returncode, printed, complaints


def recorded(home: Path) -> list[Run]:
    """Every run in the record of MLflow."""
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def trials_of(output: Path) -> list[tuple[object, ...]]:
    """All trials, those of baseline and confirmation too, without what a budget says."""
    timeless = ("seconds",)
    return [
        (r.number, r.role, r.spec, r.state, r.value, r.folds, {k: v for k, v in r.metrics.items() if k not in timeless})
        for r in read_result(output).trials
    ]


# Kept in this order: identity follows the measurements; then the start, the parent run, profile, baseline, 7 trials,
# confirmation, and the opening of the test.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_with_tables")
def test_killed_at_six_moments_it_finds_what_it_finds_undisturbed(
    finished: TrialRecord, images: Path, tmp_path: Path
) -> None:
    moments = [("before", 2), ("after", 4), ("before", 1), ("after", 4), ("before", 3), ("after", 5)]
    command = ["run", images, *OPTIONS, "--output", "out"]
    for when, keep in moments:
        code, _, complaints = ended(start(tmp_path, *command, script=KILLED + PARENT, KEEP=str(keep), WHEN=when))
        assert code == -signal.SIGKILL, complaints
        assert not (tmp_path / "out" / "result.json").exists()
        command = ["resume", "out"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code, printed, complaints = ended(start(elsewhere, "resume", tmp_path / "out"))
    assert code == 0, complaints
    assert "imported:\n" in printed
    assert not (elsewhere / "mlflow.db").exists()  # the record goes on where it began

    assert trials_of(tmp_path / "out") == trials_of(finished.output)
    ours, theirs = read_result(tmp_path / "out"), finished.result
    assert ours.winner == theirs.winner
    assert ours.metrics.test == theirs.metrics.test
    assert ours.metrics.confirmed == theirs.metrics.confirmed
    assert ours.profile == theirs.profile
    assert ours.histories == theirs.histories
    assert not (tmp_path / "out" / WORK_FOLDER).exists()
    assert not (tmp_path / "out" / LOCK_NAME).exists()
    check_record(recorded(tmp_path), ours.mlflow.parent_run_id if ours.mlflow else "", len(ours.trials))


def check_record(runs: list[Run], parent: str, trials: int) -> None:
    """One parent; every trial once, finished as its state says; what was interrupted is closed and says so."""
    parents = [run for run in runs if run.data.tags["role"] == "search"]
    assert [run.info.run_id for run in parents] == [parent]
    assert parents[0].info.status == "FINISHED"
    children = [run for run in runs if run.data.tags["role"] != "search"]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent}
    interrupted = [run for run in children if run.data.tags.get("reason", "").startswith("the run was interrupted")]
    whole = [run for run in children if run not in interrupted]
    assert {run.info.status for run in interrupted} <= {"KILLED"}
    assert "RUNNING" not in {run.info.status for run in children}
    assert len(whole) == trials
    assert max(Counter((r.data.tags["role"], r.data.tags["spec_digest"], r.info.run_name) for r in whole).values()) == 1
    assert all("state" in run.data.tags for run in whole)


@pytest.mark.slow
@pytest.mark.usefixtures("_with_tables")
def test_interrupted_it_ends_at_once_says_how_to_go_on_and_goes_on_with_images_that_were_moved(
    finished: TrialRecord, images: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(images, tmp_path / "data")
    process = start(tmp_path, "run", data, *OPTIONS, "--output", "out")
    answers = tmp_path / "out" / WORK_FOLDER / CHECKPOINT_FOLDER
    wait_for(lambda: len(list(answers.glob("trial-*.json"))) >= 2, process)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    code, _, complaints = ended(process)
    assert time.monotonic() - began < 5
    assert code == 130
    assert complaints.rstrip().endswith(f"goes on with: tlsearch resume {tmp_path / 'out'}")
    assert {run.info.status for run in recorded(tmp_path)} <= {"FINISHED", "KILLED"}

    moved = data.rename(tmp_path / "moved")
    refused = tlsearch("resume", "out")
    assert refused.exit_code == 2
    said = f"were in {data}, where they are no longer: say where they are with `tlsearch resume out --da"
    assert said in refused.stderr

    code, _, complaints = ended(start(tmp_path, "resume", "out", "--dataset", moved))
    assert code == 0, complaints
    assert trials_of(tmp_path / "out") == trials_of(finished.output)
    assert read_result(tmp_path / "out").dataset.path == str(moved)
    assert len({run.info.experiment_id for run in recorded(tmp_path)}) == 1

    over = tlsearch("resume", "out")  # finished by now
    assert over.exit_code == 0
    assert "is finished; this is its result" in over.stdout
    assert f"{finished.result.metrics.test:.3f}"[1:] in over.stdout


def test_a_second_run_in_the_folder_is_refused(images: Path, tmp_path: Path) -> None:
    first = start(tmp_path, "run", images, *OPTIONS, "--output", "out")
    wait_for(lambda: (tmp_path / "out" / LOCK_NAME).exists(), first)
    time.sleep(0.2)
    refused = tlsearch("run", images, *OPTIONS, "--output", "out")
    assert refused.exit_code == 2
    assert f"Another run is writing into {tmp_path / 'out'} (process {first.pid}, since 20" in refused.stderr
    assert first.poll() is None
    first.kill()
    first.communicate()


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables", "_worker_here")
def test_what_has_changed_is_named_and_force_deletes_nothing(images: Path, tmp_path: Path) -> None:
    data = shutil.copytree(images, tmp_path / "data")
    command = ("run", data, *OPTIONS, "--output", "out")
    # By its twelfth answer it has begun: until then another set of images is no other run.
    code, _, complaints = ended(start(tmp_path, *command, script=KILLED + PARENT, KEEP="12", WHEN="after"))
    assert code == -signal.SIGKILL, complaints

    other = [*command[:2], *OPTIONS, "--seed", "3", "--output", "out"]
    refused = tlsearch(*other)
    assert refused.exit_code == 2
    assert "which was asked for with --seed left out: name another folder" in refused.stderr

    next((data / "ash").iterdir()).unlink()
    refused = tlsearch("resume", "out")
    assert refused.exit_code == 2
    said = "cannot be resumed, for the images have changed (60 images then, 59 now) since it began: undo"
    assert said in refused.stderr

    before = snapshot(tmp_path / "out")
    done = tlsearch(*other, "--force", "--baseline", "none", "--trials", "1")
    assert done.exit_code == 0, done.output
    after = snapshot(tmp_path / "out" / "earlier-1")
    assert {name: data for name, data in before.items() if not name.startswith(LOCK_NAME)} == after
    assert read_result(tmp_path / "out").plan.seed == 3


def snapshot(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def wait_for(condition, process: subprocess.Popen[str]) -> None:  # type: ignore[no-untyped-def]
    """Until ``condition()`` holds, while ``process`` goes on."""
    until = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
