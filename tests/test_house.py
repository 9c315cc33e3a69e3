"""A house in which people find their way: no room holds many modules, and no file is long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tlsearch", "plugins", "benchmarks", "tests", "examples")

MOST_MODULES = 16
"""In a folder, without those that Python and pytest ask for: ``__init__`` and ``conftest``."""
MOST_LINES = 300

MADE = ("build", "dist", "node_modules", "__pycache__")
"""Folders that tools make inside a checkout, beside those whose names begin with a point."""


def python_files(folder: Path) -> list[Path]:
    """The Python files below a folder, without those that tools have made."""
    found = (path for path in folder.rglob("*.py") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part in MADE or part.startswith(".") for part in path.relative_to(folder).parts)
    )


def full_rooms(files: Iterable[Path]) -> dict[str, int]:
    """Folders with too many modules, and how many they have."""
    rooms = Counter(path.parent.as_posix() for path in files if path.name not in ("__init__.py", "conftest.py"))
    return {room: count for room, count in sorted(rooms.items()) if count > MOST_MODULES}


def long_files(files: Iterable[Path]) -> dict[str, int]:
    """Files with too many lines, and how many they have."""
    lengths = {path.as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_room_holds_many_modules(folder: str) -> None:
    files = python_files(ROOT / folder)
    assert files
    assert full_rooms(file.relative_to(ROOT) for file in files) == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_long(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    files = python_files(Path(folder))
    assert files
    assert long_files(files) == {}


def test_what_is_too_big_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("full", "well", ".venv", "full/__pycache__"):
        Path("rooms", name).mkdir(parents=True)
    for name in ("__init__", "conftest", *(f"m{number}" for number in range(16))):
        Path("rooms/well", f"{name}.py").write_text("x = 1\n" * 300)
        Path("rooms/full", f"{name}.py").touch()
        Path("rooms/full/__pycache__", f"{name}x.py").write_text("\n" * 301)
    Path("rooms/full/one_more.py").write_text("x = 1\n" * 301)
    Path("rooms/.venv/library.py").write_text("\n" * 999)
    files = python_files(Path("rooms"))
    assert full_rooms(files) == {"rooms/full": 17}
    assert long_files(files) == {"rooms/full/one_more.py": 301}
