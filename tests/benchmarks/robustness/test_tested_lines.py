"""The lines that tests reach: counted from a report of coverage, and of a few tests that are really run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.robustness import tested_lines

Quick = Callable[..., Result]


def counts(lines: tuple[int, int], branches: tuple[int, int]) -> dict[str, int]:
    """How many were reached, of how many."""
    return dict(
        zip((*tested_lines.REACHED, *tested_lines.ALL), (lines[0], branches[0], lines[1], branches[1]), strict=True)
    )


def test_shares_are_those_of_lines_and_branches_together() -> None:
    files: dict[str, Any] = {
        "tlsearch/config.py": counts((8, 10), (0, 0)),
        "tlsearch/cli/run.py": counts((30, 40), (5, 10)),
        "tlsearch/cli/terminal/lines.py": counts((40, 40), (10, 10)),
        "plugins/tlsearch_plugins/metrics.py": counts((3, 4), (0, 0)),
        "plugins/tlsearch_plugins/readers/remote/archives.py": counts((0, 0), (0, 0)),
    }
    report = {"files": {name: {"summary": each} for name, each in files.items()}, "totals": counts((81, 94), (15, 20))}
    found = tested_lines.summarise(report)
    assert found == {
        "lines": 94,
        "branches": 20,
        "reached": round(96 / 114, 4),
        "packages": {
            "tlsearch": 0.8,
            "tlsearch.cli": 0.85,
            "tlsearch_plugins": 0.75,
            "tlsearch_plugins.readers": 1.0,
        },
    }


@pytest.mark.slow
def test_a_quick_run(quick: Quick) -> None:
    result = quick(tested_lines.main)
    assert 0 < result.figures["reached"] < 0.5
    assert result.figures["lines"] > 5000
    assert result.figures["packages"]["tlsearch.utils"] > result.figures["reached"]
    assert f"{result.figures['lines']:,} lines" in GROUPS["tested-lines"].render(result)


@pytest.mark.slow
def test_no_figure_is_given_where_a_test_fails(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert tested_lines.main(["--result", str(file), "-n", "0", "tests/nowhere.py"]) != 0
    assert not file.exists()
