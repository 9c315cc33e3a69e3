"""A process of our own finds what its parent finds, and nothing that lies about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tlsearch
from tlsearch.utils.child_python import child_environment

HOME = Path(tlsearch.__file__).parents[1]

SCRIPT = """
import json, subprocess, sys
sys.path[:0] = [{home!r}, {library!r}]
from tlsearch.utils.child_python import child_environment
code = "import importlib.util as u, json; print(json.dumps([bool(u.find_spec(n)) for n in {names}]))"
done = subprocess.run([sys.executable, "-P", "-c", code], env=child_environment(), capture_output=True, check=True)
print(done.stdout.decode())
"""


def test_libraries_of_the_parent_are_found_and_files_beside_its_script_are_not(tmp_path: Path) -> None:
    for folder, module in (("library", "aside.py"), ("home", "mine.py"), ("here", "mine.py")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / module).write_text("")
    script = tmp_path / "home" / "script.py"
    script.write_text(
        SCRIPT.format(home=str(HOME), library=str(tmp_path / "library"), names=["tlsearch", "aside", "mine"])
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path / "here", capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [True, True, False]


def test_tlsearch_is_found_where_it_lies_in_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOME)
    monkeypatch.syspath_prepend(str(HOME))
    assert str(HOME) in child_environment()["PYTHONPATH"].split(os.pathsep)


def test_what_the_variable_says_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/set/later", ""]))
    places = child_environment()["PYTHONPATH"].split(os.pathsep)
    assert places[0] == "/set/later"
    assert "" not in places


def test_what_draws_in_a_notebook_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of.another.environment")
    found = child_environment(LANG="C")
    assert "MPLBACKEND" not in found
    assert found["LANG"] == "C"
    assert found["PATH"] == os.environ["PATH"]
