"""The ledger of test openings: nothing opened twice is counted once, whoever writes and whatever happened before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tlsearch.errors import RunError, TrackingError
from tlsearch.runs.ledger import LEDGER_NAME, Ledger, fingerprint_of
from tlsearch.tracking.location import locate
from tlsearch.tracking.tracker import Tracker

WRITE = """
import sys
from pathlib import Path
from tlsearch.runs.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
print(*(ledger.note("same", "data", f"{sys.argv[2]}-{i}", "run") for i in range(40)))
"""


def test_the_fingerprint_is_that_of_the_images_alone() -> None:
    assert fingerprint_of(["b", "a", "c"]) == fingerprint_of(["c", "b", "a"])
    assert fingerprint_of(["a", "b"]) != fingerprint_of(["a", "b", "b"])
    assert fingerprint_of(["a", "b"]) != fingerprint_of(["ab"])
    assert len(fingerprint_of(["a"])) == 64


def test_openings_of_one_test_set_are_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / LEDGER_NAME)
    counts = [ledger.note(name, "flowers", "/out", "r1") for name in ("one", "one", "other", "one")]
    assert counts == [1, 2, 1, 3]
    entries = Ledger(tmp_path / LEDGER_NAME).entries()
    assert [e["test"] for e in entries] == ["one", "one", "other", "one"]
    assert {(e["dataset"], e["output"], e["run_id"]) for e in entries} == {("flowers", "/out", "r1")}
    assert entries[0]["time"] < entries[1]["time"]


def test_damaged_lines_count_for_nothing_and_hide_nothing(tmp_path: Path) -> None:
    path = tmp_path / LEDGER_NAME
    Ledger(path).note("one", "flowers", "/out", "r1")
    with path.open("ab") as file:
        file.write(b'\xff\xfe\n[1, 2]\n{"test": "one", "time": "2026-')  # cut off in the middle of a line
    assert Ledger(path).note("one", "flowers", "/out", "r2") == 2
    assert len(path.read_bytes().splitlines()) == 5
    assert [e["run_id"] for e in Ledger(path).entries()] == ["r1", "r2"]


def test_names_that_are_not_unicode_are_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / LEDGER_NAME)
    assert ledger.note("one", "bäume \udcff", "/out\n", "r1") == 1
    assert ledger.entries()[0]["dataset"] == "bäume \udcff"
    assert len(ledger.path.read_bytes().splitlines()) == 1


def test_two_processes_that_write_at_once_get_different_counts(tmp_path: Path) -> None:
    path = tmp_path / LEDGER_NAME
    running = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(path), name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    counts = [int(n) for process in running for n in process.communicate(timeout=60)[0].split()]
    assert sorted(counts) == list(range(1, 81))
    outputs = {json.loads(line)["output"] for line in path.read_text().splitlines()}
    assert outputs == {f"{name}-{i}" for name in "ab" for i in range(40)}


def test_the_ledger_lies_beside_the_database_or_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    (tmp_path / "kept").mkdir()
    assert locate(None, tmp_path).ledger == tmp_path / LEDGER_NAME
    assert locate("sqlite:///kept/x.db", tmp_path).ledger == tmp_path / "kept" / LEDGER_NAME
    away = locate("postgresql://somewhere/mlflow", tmp_path).ledger
    assert away.name == LEDGER_NAME
    if sys.platform == "linux":
        assert away == tmp_path / "user" / "tlsearch" / LEDGER_NAME
    assert not away.parent.exists()


def test_a_ledger_that_cannot_be_written_is_told_before_any_work(tmp_path: Path, tables: Path) -> None:
    shutil.copy(tables, tmp_path)
    (tmp_path / LEDGER_NAME).mkdir()
    with pytest.raises(TrackingError, match=r"ledger of test openings .* cannot be written \(Is a directory\)"):
        Tracker.open("sqlite:///mlflow.db", "x", directory=tmp_path)
    with pytest.raises(RunError, match=r"cannot be noted in"):
        Ledger(tmp_path / LEDGER_NAME).note("one", "flowers", "/out", "r1")


def test_a_tracker_knows_its_ledger(tmp_path: Path, tables: Path) -> None:
    shutil.copy(tables, tmp_path)
    tracker = Tracker.open("sqlite:///mlflow.db", "x", directory=tmp_path)
    assert tracker.ledger.path == tmp_path / LEDGER_NAME
    assert tracker.ledger.entries() == []
