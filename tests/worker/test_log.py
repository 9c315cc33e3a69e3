"""The worker's log on a disk that is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = r"from tlsearch.worker.log import log; log('what failed: \u00e9 \udcff'); print('goes on')"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_ends_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=full, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"goes on\n")


def test_the_text_is_there_at_once(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        subprocess.run([sys.executable, "-c", CODE], stderr=file, env=environment, timeout=60, check=True)
    assert (tmp_path / "log").read_bytes().startswith("what failed: é ".encode())
