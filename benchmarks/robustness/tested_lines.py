"""How much of the code do the tests reach?

    python -m benchmarks.robustness.tested_lines

Runs the tests with coverage, as `nox -s coverage` does. It counts the lines and the branches of tlsearch and of its
built-in plugins, with what only worker processes and runs of their own reach. Every argument that is no option of this
benchmark is handed to pytest. Whether a test checks what it reaches is another question.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.machine import ROOT
from benchmarks.common.results import make_parser, publish

BENCHMARK = "robustness.tested_lines"
QUICK = ["tests/utils/test_units.py", "-n", "0"]
REACHED, ALL = ("covered_lines", "covered_branches"), ("num_statements", "num_branches")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, measure and print; gives the exit code of pytest."""
    parser = make_parser(__doc__)
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, of_pytest = parser.parse_known_args(typed)
    options.arguments = typed
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    with tempfile.TemporaryDirectory(prefix="tlsearch-coverage-") as folder:
        code, report = run_tests([*(QUICK if options.quick else []), *of_pytest], Path(folder))
    if report is not None:
        figures = summarise(report)
        print_table(figures)
        publish(BENCHMARK, options, figures)
    return code


def run_tests(arguments: Sequence[str], folder: Path) -> tuple[int, Mapping[str, Any] | None]:
    """The exit code of pytest, and the report of coverage as JSON has it; None where a test failed."""
    file = folder / "coverage.json"
    # Nothing of a pytest or a coverage that runs this itself.
    own = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    command = [sys.executable, "-m", "pytest", "--cov", f"--cov-report=json:{file}", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**own, "COVERAGE_FILE": str(folder / "data")}, stdout=sys.stderr, check=False
    )
    return done.returncode, None if done.returncode else json.loads(file.read_text(encoding="utf-8"))


def summarise(report: Mapping[str, Any]) -> dict[str, Any]:
    """How many lines and branches there are, and the share that was reached, 0 to 1, in all and by package."""
    packages: defaultdict[str, list[Mapping[str, int]]] = defaultdict(list)
    for name, file in report["files"].items():
        packages[_package(name)].append(file["summary"])
    totals = report["totals"]
    return {
        "lines": totals["num_statements"],
        "branches": totals["num_branches"],
        "reached": _share([totals]),
        "packages": {name: _share(counts) for name, counts in sorted(packages.items())},
    }


def _package(name: str) -> str:
    """Such as tlsearch.cli and tlsearch_plugins.readers; a module of tlsearch itself belongs to tlsearch."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    start = next((n for n, part in enumerate(parts) if part in ("tlsearch", "tlsearch_plugins")), 0)
    return ".".join(parts[start : min(start + 2, len(parts) - 1)])


def _share(counts: Sequence[Mapping[str, int]]) -> float:
    """Of lines and branches together, as coverage counts them; 1 where there are none."""
    reached, every = (sum(count[key] for count in counts for key in keys) for keys in (REACHED, ALL))
    return round(reached / every, 4) if every else 1.0


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    table = Table("package", "reached")
    for name, share in {"all": figures["reached"], **figures["packages"]}.items():
        table.add_row(name, f"{share:.1%}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
