"""A process of our own finds what its parent finds, and nothing that lies about."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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

WORKER = """
import json, subprocess, sys
sys.path[:0] = [{place!r}]
import tlsearch
from tlsearch.utils.child_python import child_environment
code = "import importlib.util as u; print(u.find_spec('tlsearch.worker.__main__').origin)"
done = subprocess.run([sys.executable, "-P", "-c", code], env=child_environment(), capture_output=True, check=True)
print(json.dumps([tlsearch.__file__, done.stdout.decode().strip()]))
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


def in_a_folder(place: Path) -> Path:
    """As ``pip install --target`` lays tlsearch out."""
    shutil.copytree(HOME / "tlsearch", place / "tlsearch", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def in_a_zip(place: Path) -> Path:
    """As ``zipapp`` and ``shutil.make_archive`` pack it."""
    return Path(shutil.make_archive(str(place / "all"), "zip", in_a_folder(place / "packed")))


@pytest.mark.parametrize("lay_out", [in_a_folder, in_a_zip])
def test_the_worker_is_found_in_a_target_folder_and_in_a_zip_file(
    tmp_path: Path, lay_out: Callable[[Path], Path]
) -> None:
    place = lay_out(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(WORKER.format(place=str(place)))
    (tmp_path / "here").mkdir()
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path / "here", capture_output=True, text=True, check=True, timeout=60
    )
    parent, worker = json.loads(done.stdout)
    assert Path(parent).is_relative_to(place)
    assert Path(worker) == place / "tlsearch" / "worker" / "__main__.py"
