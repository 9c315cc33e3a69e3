"""Imports go one way, each library is imported in one place, and what must answer at once imports little."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tlsearch

PACKAGE = Path(tlsearch.__file__).parent

# From the ground up: a room may import those before it and itself.
ORDER = (
    "errors", "disk", "shield", "units", "wire", "progress", "records", "plugin_api", "runtime", "config", "paths",
    "registry", "plugin_states", "guard", "worker_client", "keras_augmentation", "scaffold", "data", "backbones",
    "plugin_details", "features", "results", "tracking", "training", "testing", "worker", "search", "console",
    "commands", "cli", "__main__", "__init__",
)  # fmt: skip

# Who may import what, anywhere in a module.
HOMES = {
    "tensorflow": {"runtime"},
    "jax": {"runtime"},
    "torch": {"runtime"},
    "mlflow": {"tracking"},
    "optuna": {"search"},
    "matplotlib": {"results"},
    "jinja2": {"results", "scaffold"},
    "click": {"cli", "commands"},
    "tlsearch_plugins": set(),
}

# Too slow to import where nobody has asked for them yet.
HEAVY = {"keras", "tensorflow", "jax", "torch", "mlflow", "optuna", "sklearn", "scipy", "matplotlib", "pandas"}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the engine, parsed."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path) -> str:
    """The room that a file belongs to: the package or module right below tlsearch."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """The full names of the modules that are imported anywhere in ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which room is meant"
            if node.module == "tlsearch":
                yield from (f"tlsearch.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


def test_imports_go_one_way() -> None:
    edges = {
        (room_of(path), name.split(".")[1])
        for path, tree in modules()
        for name in imported(tree)
        if name.startswith("tlsearch.")
    }
    assert ("commands", "config") in edges
    unknown = {room for edge in edges for room in edge} - set(ORDER)
    assert not unknown, f"give these rooms a place in ORDER: {unknown}"
    upward = {(a, b) for a, b in edges if ORDER.index(a) < ORDER.index(b)}
    assert not upward


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_its_room_only(library: str) -> None:
    rooms = {room_of(path) for path, tree in modules() for name in imported(tree) if name.split(".")[0] == library}
    assert rooms <= HOMES[library]


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after ``code`` has run in a process of its own."""
    report = "import sys, json; print(); print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "also"),
    [(["--help"], {"numpy", "rich"}), (["run", "--help"], {"numpy", "rich"}), (["plugins", "list"], set())],
)
def test_the_command_line_answers_without_heavy_imports(arguments: list[str], also: set[str]) -> None:
    loaded = loaded_by(f"from tlsearch.cli.main import cli; cli.main({arguments!r}, standalone_mode=False)")
    assert "click" in loaded
    assert not (HEAVY | also) & loaded


def test_importing_tlsearch_imports_nothing_else() -> None:
    loaded = loaded_by("import tlsearch; tlsearch.__version__; tlsearch.RunConfig")
    assert not (HEAVY | {"numpy", "rich", "click"}) & loaded


def test_the_parent_of_a_run_imports_no_backend() -> None:
    names = [
        "results.report", "results.predictor", "tracking.tracker", "tracking.model", "console", "commands.summary",
        "worker_client", "search.run", "search.study", "search.sampler",
    ]  # fmt: skip
    code = ";".join(f"import tlsearch.{name}" for name in names)
    assert not {"keras", "tensorflow", "jax", "torch"} & loaded_by(code)


def test_public_names() -> None:
    from tlsearch.config import RunConfig
    from tlsearch.predictor import load

    assert tlsearch.RunConfig is RunConfig
    assert tlsearch.load is load
    assert tlsearch.__version__[0].isdigit()
    assert set(tlsearch.__all__) <= set(dir(tlsearch))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tlsearch.nothing
