"""Imports go one way, each library is imported in one place, and what must answer at once imports little."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tlsearch

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tlsearch.__file__).parent

# Too slow to import where nobody has asked for them yet.
HEAVY = {"keras", "tensorflow", "jax", "torch", "mlflow", "optuna", "sklearn", "scipy", "matplotlib", "pandas"}


def test_the_import_contracts_are_kept() -> None:
    """The contracts stand in pyproject.toml: packages import downwards only, and each heavy library has one home."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_no_relative_imports() -> None:
    """They hide which package is meant."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after ``code`` has run in a process of its own."""
    report = "import sys, json; print(); print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "also"),
    [(["--help"], {"numpy", "rich"}), (["run", "--help"], {"numpy", "rich"}), (["plugins", "list"], {"numpy", "rich"})],
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
        "report.html", "predictor", "tracking.tracker", "tracking.model", "cli.console", "cli.summary",
        "worker.client", "listeners.mlflow", "pipeline.run", "search.study", "search.sampler",
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
