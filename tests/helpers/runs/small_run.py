"""What the tests of whole runs share: how one is started, and what is left of one that is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tlsearch.cli.main import cli
from tlsearch.results.result import RunResult, read_result
from tlsearch.types import TrialSpec

MARKS = [
    # Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

OPTIONS = ("--backbone", "tiny", "--trials", "7", "--epochs", "2", "--batch-size", "21", "--image-size", "32")

PRINTED = "printed.txt"

# The parent of a run in a process of its own, which tells what it has imported in the end. Two folds everywhere and two
# learning rates for the baseline instead of three, for time.
PARENT = """
import sys, tlsearch.pipeline.baseline.train, tlsearch.pipeline.confirm, tlsearch.pipeline.scan
from tlsearch.cli.main import cli
tlsearch.pipeline.confirm.MOST_FOLDS = 2
tlsearch.pipeline.confirm.REPEATS = 1
tlsearch.pipeline.scan.SELECTION_FOLDS = 2
tlsearch.pipeline.baseline.train.RATES = (1e-3, 3e-3)
try:
    cli.main(sys.argv[1:], prog_name="tlsearch")
finally:
    print("imported:", *({"keras", "tensorflow", "jax", "torch"} & set(sys.modules)))
"""

CRUMBLING = """
class Crumbling:
    api_version = 1
    name = "crumbling"
    def render(self, images, strength, rng):
        raise RuntimeError("no more paint")
"""


def mixed_images(make_dataset: Callable[..., Path], folder: Path) -> Path:
    """Three classes of 20 pictures, of which 4 lie in the folder of the next class: nobody can get all right."""
    root = make_dataset(folder, per_class=20, size=48)
    classes = sorted(p.name for p in root.iterdir())
    for number, name in enumerate(classes):
        for file in sorted((root / name).glob("0*.png"))[:4]:
            file.rename(root / classes[(number + 1) % 3] / f"moved-{file.name}")
    return root


def user_environment(home: Path, site: Path) -> dict[str, str]:
    """The environment of a user who has ``site`` on the path and keeps everything below ``home``."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TLSEARCH_"))}
    return plain | {
        "PYTHONPATH": str(site),
        "TLSEARCH_CACHE_DIR": str(home / "cache"),
        "KERAS_HOME": str(home / "keras"),
        "COLUMNS": "120",
    }


def tlsearch(*arguments: object) -> Result:
    """What the command line does with ``arguments``."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")


def run_as_a_user(images: Path | str, home: Path, site: Path, *options: str, **environment: str) -> None:
    """One complete run of a source, as a user starts it, with an empty store.

    ``TrialRecord.of(home)`` is what came of it.
    """
    done = subprocess.run(
        [sys.executable, "-c", PARENT, "run", str(images), *OPTIONS, *options, "--output", "out"],
        cwd=home,
        env=user_environment(home, site) | environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    (home / PRINTED).write_text(done.stdout, encoding="utf-8")


class TrialRecord:
    """A run that is over: the folder where it started, what it printed, and its result."""

    def __init__(self, home: Path, printed: str, output: Path | None = None) -> None:
        self.home, self.printed = home, printed
        self.output = output or home / "out"
        self.result: RunResult = read_result(self.output)
        self.plain: Mapping[str, Any] = json.loads((self.output / "result.json").read_text(encoding="utf-8"))

    @classmethod
    def of(cls, home: Path) -> TrialRecord:
        """A run by ``run_as_a_user``."""
        return cls(home, (home / PRINTED).read_text(encoding="utf-8"))

    def trials(self) -> list[tuple[int, TrialSpec, str, float | None, dict[str, float | None]]]:
        """What the search tried and what came of it."""
        return [(r.number, r.spec, r.state, r.value, dict(r.metrics)) for r in self.result.trials if r.role == "trial"]
