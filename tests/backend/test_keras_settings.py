"""A file that was written years ago changes no number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tlsearch.backend import keras_settings

CODE = """
from tlsearch import backend
backend.prepare()
import json, keras
print(json.dumps([
    keras.backend.backend(), keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()]))
"""


def imported(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment = {**plain, "KERAS_HOME": str(home), **variables}
    return subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, timeout=120)


def test_stale_settings_of_an_old_keras_are_as_none(tmp_path: Path) -> None:
    stale = {"backend": "theano", "floatx": "float16", "epsilon": 1e-4, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(stale))
    done = imported(tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["tensorflow", "float32", 1e-7, "channels_last"]


def test_settings_with_which_keras_cannot_be_imported_are_named(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float8"}))
    done = imported(tmp_path)
    assert f"cannot be imported with the settings in {tmp_path / 'keras.json'} (" in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].endswith("): delete that file.")


@pytest.mark.parametrize(
    ("content", "variable", "wanted"),
    [
        ({"backend": "theano"}, "", "tensorflow"),
        ({"backend": "theano"}, "torch", "torch"),
        ({"backend": "tensorflow"}, "", None),
        ({"backend": ["cntk"]}, "", "tensorflow"),
        ([], "", None),
        ("{", "", None),
    ],
)
def test_a_backend_that_is_not_installed_is_not_asked_for(
    content: Any, variable: str, wanted: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "keras.json").write_text(text)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    # What a test sets here must not stay.
    monkeypatch.setenv("KERAS_BACKEND", "x")
    if variable:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    else:
        monkeypatch.delenv("KERAS_BACKEND")
    keras_settings.import_keras()
    assert os.environ.get("KERAS_BACKEND") == wanted
