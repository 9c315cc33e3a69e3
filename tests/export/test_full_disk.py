"""An export onto a disk that is full, and one that is ended on its way."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers.runs.exported_run import write_run
from tlsearch.cli.main import cli
from tlsearch.export.place import file_hash

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("full"))


def export(model_dir: Path, to: Path) -> Result:
    return CliRunner().invoke(cli, ["export", str(model_dir), "--format", "keras", "--to", str(to)])


def test_a_full_disk_leaves_the_files_of_before_as_they_were(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlsearch.export.speed.MOST_SECONDS", 0.0)
    assert export(model_dir, tmp_path).exit_code == 0
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(path: Path, content: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("tlsearch.export.place.write_atomically", full)
        done = export(model_dir, tmp_path)
    assert done.exit_code == 1
    assert f"model.keras cannot be written into {tmp_path} (No space left on device): make room" in done.stderr
    assert "unexpectedly" not in done.output
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with monkeypatch.context() as patch:
        patch.setattr("tlsearch.export.card.write_atomically", full)
        done = export(model_dir, tmp_path)
    assert done.exit_code == 0
    assert "there is no model card" in done.output
    proof = json.loads((tmp_path / "model.keras.proof.json").read_text(encoding="utf-8"))
    assert proof["sha256"] == {"model.keras": file_hash(tmp_path / "model.keras")}


def test_a_system_that_ends_it_leaves_no_half_of_a_file(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `timeout` does, or a container that is stopped."""

    def ended(predictor: object, room: Path, *, unlike: bool) -> None:
        (room / "model.keras").write_bytes(b"half of it")
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            pytest.fail("the process would be ended at once")
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("tlsearch.export.export.exported_network", ended)
    done = export(model_dir, tmp_path)
    assert done.exit_code == 130, done.output
    assert list(tmp_path.iterdir()) == []
