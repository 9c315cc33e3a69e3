"""Users with a home, without one, and with one that is not theirs to write."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
import pytest

from tlsearch.utils.cache_folders import features_dir
from tlsearch.utils.home import keras_home, user_folder

VARIABLES = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "KERAS_HOME", "TLSEARCH_CACHE_DIR")


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def test_a_home_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_folder("cache").is_relative_to(tmp_path)
    assert user_folder("cache") == Path(platformdirs.user_cache_dir("tlsearch", appauthor=False))
    assert user_folder("data") == Path(platformdirs.user_data_dir("tlsearch", appauthor=False))
    assert keras_home() == tmp_path / ".keras"
    assert list(tmp_path.iterdir()) == [tmp_path / "temporary"]  # nothing is made


def test_a_user_without_a_home_has_a_folder_of_his_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_known(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_dir", none_known)
    monkeypatch.setattr("platformdirs.user_data_dir", none_known)
    own = tmp_path / "temporary" / f"tlsearch-{os.getuid()}"
    assert user_folder("cache") == own / "cache"
    assert user_folder("data") == own / "data"
    assert features_dir() == own / "cache" / "features"


def test_a_home_that_may_not_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "home" and access(path, mode))
    assert user_folder("cache") == tmp_path / "temporary" / f"tlsearch-{os.getuid()}" / "cache"
    assert keras_home() == Path("/tmp/.keras")


@pytest.mark.parametrize("home", [None, "/"])
def test_commands_work_without_a_home(tmp_path: Path, home: str | None) -> None:
    code = (
        "import os, pathlib\nif not os.environ.get('HOME'):\n    pathlib.Path.home = none\n"
        "from tlsearch.utils.home import ensure_home\nensure_home()\nprint(os.environ['HOME'])"
    )
    none = "def none():\n    raise RuntimeError('Could not determine home directory.')\n"
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    environment |= {"TMPDIR": str(tmp_path), **({"HOME": home} if home else {})}
    done = subprocess.run(
        [sys.executable, "-c", none + code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == (home or str(tmp_path / f"tlsearch-{os.getuid()}"))


def test_a_folder_that_somebody_else_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setattr(os, "access", lambda *_: False)
    taken = tmp_path / "temporary" / f"tlsearch-{os.getuid() + 1}"
    taken.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: int(taken.name.removeprefix("tlsearch-")))
    found = user_folder("cache")
    assert not found.is_relative_to(taken)
    assert found.is_relative_to(tmp_path / "temporary")
