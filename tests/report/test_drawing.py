"""What draws is loaded whatever a notebook's environment says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tlsearch.errors import UsageError
from tlsearch.report.drawing import load_matplotlib

CODE = (
    "import os; from tlsearch.report.drawing import load_matplotlib; load_matplotlib(); print(os.environ['MPLBACKEND'])"
)


def test_a_backend_of_another_environment_is_no_trouble() -> None:
    environment = {**os.environ, "MPLBACKEND": "no_such_backend"}
    bare = subprocess.run([sys.executable, "-c", "import matplotlib"], env=environment, capture_output=True, timeout=60)
    assert bare.returncode != 0
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "no_such_backend", done.stderr


def test_what_cannot_be_imported_is_said_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"The report cannot be drawn .*: install tlsearch again"):
        load_matplotlib()
