"""A house in which people find their way: few modules in a room, short files, and records whose fields have names."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tlsearch", "plugins", "benchmarks", "tests", "examples")

MOST_MODULES = 16
"""In a folder, without those that Python and pytest ask for: ``conftest``, and ``__init__`` where it defines nothing.

An ``__init__`` with functions or classes of its own is a module like any other, only one that is hard to find."""
MOST_LINES = 300
MOST_IN_ORDER = 4
"""Fields of a record that may be given by their order; a record with more takes each by its name."""

RECORDS = ("tlsearch", "plugins", "benchmarks")

MADE = ("build", "dist", "node_modules", "__pycache__")
"""Folders that tools make inside a checkout, beside those whose names begin with a point."""


TYPED_CALLS = (
    *(f"worker/{name}.py" for name in ("__main__", "client", "dispatch", "events", "pool", "protocol", "retry")),
    "pipeline/jobs.py",
    "pipeline/trials.py",
)
"""Modules in which a request goes from parent to worker and its reply comes back. What lies below, ``worker.channel``,
moves JSON, whose values are of no one type before they are decoded."""


def python_files(folder: Path) -> list[Path]:
    """The Python files below a folder, without those that tools have made."""
    found = (path for path in folder.rglob("*.py") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part in MADE or part.startswith(".") for part in path.relative_to(folder).parts)
    )


def is_module(path: Path) -> bool:
    """Whether a file counts as a module of its folder: ``__init__`` does where it defines functions or classes.

    What Python looks for in an ``__init__`` alone, ``__getattr__`` and ``__dir__``, does not count.
    """
    if path.name != "__init__.py":
        return path.name != "conftest.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    defined = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return not set(defined) <= {"__getattr__", "__dir__"}


def full_rooms(files: Iterable[Path]) -> dict[str, int]:
    """Folders with too many modules, and how many they have."""
    rooms = Counter(path.parent.as_posix() for path in files if is_module(path))
    return {room: count for room, count in sorted(rooms.items()) if count > MOST_MODULES}


def long_files(files: Iterable[Path]) -> dict[str, int]:
    """Files with too many lines, and how many they have."""
    lengths = {path.as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES}


def positional_records(files: Iterable[Path]) -> list[str]:
    """Data classes with too many fields, those of their bases included, that take them by their order."""
    classes = [
        (file, node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    own = {node.name: _fields(node) for _, node in classes if _data_class(node) is not None}
    found = []
    for file, node in classes:
        decorator = _data_class(node)
        if decorator is None or "kw_only=True" in decorator:
            continue
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        count = _fields(node) + sum(own.get(base, 0) for base in bases)
        if count > MOST_IN_ORDER:
            found.append(f"{file.as_posix()}: {node.name} has {count} fields")
    return found


def _data_class(node: ast.ClassDef) -> str | None:
    """The decorator that makes a class a record; None where there is none."""
    texts = (ast.unparse(decorator) for decorator in node.decorator_list)
    return next((text for text in texts if text.partition("(")[0].endswith("dataclass")), None)


def _fields(node: ast.ClassDef) -> int:
    """How many values a record may be given, in the class itself."""
    named = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    values = (f"{ast.unparse(each.annotation)} {ast.unparse(each.value) if each.value else ''}" for each in named)
    return sum("ClassVar" not in text and "init=False" not in text for text in values)


def untyped_lines(text: str) -> list[int]:
    """The lines of a program in which ``Any`` stands."""
    names = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))
    return sorted(node.lineno for node in names if node.id == "Any")


@pytest.mark.parametrize("module", TYPED_CALLS)
def test_the_call_between_parent_and_worker_is_typed(module: str) -> None:
    assert untyped_lines((ROOT / "tlsearch" / module).read_text(encoding="utf-8")) == []


def test_any_is_found_where_it_stands() -> None:
    text = "from typing import Any\n\nReply = tuple[Any, int]\n\n\ndef follow(other: Any) -> list[Any]: ...\n"
    assert untyped_lines(text) == [3, 6, 6]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_room_holds_many_modules(folder: str) -> None:
    files = python_files(ROOT / folder)
    assert files
    assert full_rooms(files) == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_long(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    files = python_files(Path(folder))
    assert files
    assert long_files(files) == {}


@pytest.mark.parametrize("folder", RECORDS)
def test_records_of_many_fields_take_them_by_name(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert positional_records(python_files(Path(folder))) == []


def test_what_is_too_big_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("full", "well", "defining", ".venv", "full/__pycache__"):
        Path("rooms", name).mkdir(parents=True)
    for name in ("__init__", "conftest", *(f"m{number}" for number in range(16))):
        Path("rooms/well", f"{name}.py").write_text("x = 1\n" * 300)
        Path("rooms/full", f"{name}.py").touch()
        Path("rooms/full/__pycache__", f"{name}x.py").write_text("\n" * 301)
    for number in range(16):
        Path(f"rooms/defining/m{number}.py").touch()
    Path("rooms/defining/__init__.py").write_text("NAMES = ()\n\n\ndef name() -> str: ...\n")
    Path("rooms/well/__init__.py").write_text("def __getattr__(name): ...\n")
    Path("rooms/full/one_more.py").write_text("x = 1\n" * 301)
    Path("rooms/.venv/library.py").write_text("\n" * 999)
    files = python_files(Path("rooms"))
    assert full_rooms(files) == {"rooms/defining": 17, "rooms/full": 17}
    assert long_files(files) == {"rooms/full/one_more.py": 301}


def test_a_record_that_takes_many_fields_in_order_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fields = "\n".join(f"    f{number}: int" for number in range(4))
    Path("records.py").write_text(
        f"@dataclass(frozen=True)\nclass Few:\n{fields}\n    count: ClassVar[int] = 0\n"
        f"@dataclasses.dataclass\nclass Many:\n{fields}\n    more: int = 0\n"
        f"@dataclass(frozen=True, kw_only=True)\nclass Named:\n{fields}\n    more: int = 0\n"
        "@dataclass(frozen=True)\nclass Derived(Few):\n    more: int = 0\n"
        f"class NoRecord:\n{fields}\n    more: int = 0\n"
    )
    named = ["records.py: Many has 5 fields", "records.py: Derived has 5 fields"]
    assert positional_records([Path("records.py")]) == named
