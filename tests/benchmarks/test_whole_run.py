"""A quick run of one whole run: its figures are those of its result.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.quality import whole_run

Quick = Callable[..., Result]


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_a_quick_run(quick: Quick, tmp_path: Path) -> None:
    result = quick(whole_run.main, "--backbone", "stub", "--output", str(tmp_path / "output"))
    found = json.loads((tmp_path / "output" / "result.json").read_text(encoding="utf-8"))
    figures = result.figures
    assert figures["images"] == {"all": 100, "train": 60, "val": 20, "test": 20}
    assert (figures["classes"], figures["trials"]) == (10, 2)
    assert figures["metrics"] == found["metrics"]
    assert figures["winner"] == found["winner"]["label"]
    assert figures["seconds"] >= found["timings"]["total"] - 1
    assert 0.1 < figures["peak_gigabytes"] < 3
    assert f"{found['metrics']['test']:.3f}" in GROUPS["whole-run"].render(result)


def test_what_is_no_option_of_the_benchmark_is_handed_on(tmp_path: Path) -> None:
    assert whole_run.main([str(tmp_path / "nowhere"), "--result", str(tmp_path / "result.json")]) == 2
    assert not (tmp_path / "result.json").exists()
