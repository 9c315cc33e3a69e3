"""Output folders on a disk that is full, or may only be read: a sentence, nothing lost, and the run goes on later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, tlsearch

pytestmark = MARKS


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_a_run_on_a_full_disk_goes_on_when_there_is_room(
    images: Path, disk: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3,))  # for time
    folder = disk("size=1m")
    done = tlsearch("run", images, *OPTIONS, "--output", folder / "out")
    assert done.exit_code == 1, done.output
    said = " ".join(done.output.split())
    assert "unexpectedly" not in said
    assert "cannot hold" in said or "a disk is full" in said
    assert "make room" in said
    disk("size=100m")
    again = tlsearch("resume", folder / "out")
    assert again.exit_code == 0, again.output
    finished = TrialRecord(tmp_path, again.output, folder / "out")
    rows = [row for row in finished.result.trials if row.role == "trial"]
    assert [row.number for row in rows] == list(range(1, 8))
    assert not [row for row in rows if row.state == "failed"]
    assert (folder / "out" / "model" / "model.keras").exists()


@pytest.mark.usefixtures("_worker_here")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--output", "disk/out"], "--output"),
        (["--output", "out", "--cache-dir", "disk"], "--cache-dir"),
        (["--output", "out", "--tracking-uri", "sqlite:///disk/mlflow.db"], "--tracking-uri"),
        (["--output", "out", "--storage", "sqlite:///disk/study.db"], "--storage"),
    ],
)
def test_what_may_only_be_read_is_named_before_any_work(
    images: Path, disk: Callable[[str], Path], options: list[str], said: str, tmp_path: Path
) -> None:
    disk("ro")
    done = tlsearch("run", images, *OPTIONS, *options)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert any(words in done.output for words in ("Read-only file system", "may only be read", "unable to open"))
    assert not (tmp_path / "out").exists()
