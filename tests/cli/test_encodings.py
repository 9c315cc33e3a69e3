"""Terminals and files of any encoding: names that they cannot hold are escaped, and nothing fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_in_any_script_are_printed_in_any_encoding(
    tmp_path: Path, make_dataset: Callable[..., Path], encoding: str
) -> None:
    root = make_dataset(tmp_path, classes=("猫", "犬\U0001f415"), per_class=4, size=40)
    for arguments, code in ((("check", str(root)), 0), (("check", str(tmp_path / "没有")), 2)):
        done = subprocess.run(
            [sys.executable, "-c", "from tlsearch.cli.main import main; main()", *arguments],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        name = "猫" if code == 0 else "没有"
        assert name.encode(encoding, "backslashreplace") in said or name.encode() in said
        assert b"unexpectedly" not in said
