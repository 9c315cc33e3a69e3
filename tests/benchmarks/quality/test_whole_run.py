"""A quick run of one whole run: its figures are those of its result.json."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.common.results import Result
from benchmarks.figures.groups import EXCERPTS, GROUPS
from benchmarks.quality import whole_run
from tests.helpers.results.sample_result import SAMPLE
from tlsearch.cli.summary import print_summary

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
    assert figures["no_claim"] == ""
    assert figures["winner"] == found["winner"]["label"]
    assert figures["seconds"] >= found["timings"]["total"] - 1
    assert 0.1 < figures["peak_gigabytes"] < 3
    assert f"{found['metrics']['test']:.3f}" in GROUPS["whole-run"].render(result)


def test_no_gain_is_written_where_the_run_claims_none() -> None:
    model = {"test": 0.8, "test_ci95": [0.7, 0.9], "name": "accuracy"}
    gain = {"test": 0.3, "ci95": [0.2, 0.4]}
    figures = {"seconds": 300, "peak_gigabytes": 1.5, "images": {"test": 75}, "metrics": model, "gain": gain}
    figures |= {"linear_probe": model, "baseline": model, "no_claim": ""}

    def text(**changed: str) -> str:
        machine = {"processor": "a processor", "cores": 2}
        result = Result(
            benchmark="quality.whole_run",
            command="python -m benchmarks.quality.whole_run",
            commit="abc",
            machine=machine,
            date=None,
            versions={},
            figures=figures | changed,
        )
        return GROUPS["whole-run-short"].render(result)

    assert "The gain over training from scratch is 0.300 [0.200, 0.400]." in text()
    told = text(no_claim="its time was over after 19 of 60 epochs")
    assert "No gain over the network from scratch is claimed: its time was over after 19 of 60 epochs." in told
    assert "0.300" not in told


def test_what_is_no_option_of_the_benchmark_is_handed_on(tmp_path: Path) -> None:
    assert whole_run.main([str(tmp_path / "nowhere"), "--result", str(tmp_path / "result.json")]) == 2
    assert not (tmp_path / "result.json").exists()


def test_what_is_printed_is_kept_and_shown_as_it_was() -> None:
    stream = io.StringIO()
    print_summary(Console(file=stream, width=whole_run.TERMINAL_WIDTH), SAMPLE)
    screen = stream.getvalue().replace("─", "-").splitlines()
    printed = whole_run.collect_printed(SAMPLE)
    assert len(printed["table"]) > 4
    assert [line for line in printed["table"] if line not in screen] == []
    assert len(printed["answers"]) > 1
    assert [answer for answer in printed["answers"][1:] if answer not in screen] == []
    result = Result(
        benchmark="quality.whole_run",
        command="python -m benchmarks.quality.whole_run",
        commit="abc",
        machine={"processor": "a processor", "cores": 2},
        date=None,
        versions={},
        figures={"seconds": 241, "images": {"test": 75}, "printed": printed},
    )
    name, render = EXCERPTS["quickstart"]
    assert name in GROUPS
    opening, _, block = render(result).partition("\n\n")
    assert "took 241 s on 2 cores (a processor)" in opening
    assert "Nothing was chosen on the 75 test images" in opening
    assert printed["columns"][0] in opening
    first, *lines, last = block.splitlines()
    assert first == last == "```"
    assert [line.partition("  ")[0] for line in lines[:2]] == ["winner", "linear probe"]
    assert [line for line in lines if line not in screen] == []
    assert lines[-1] == printed["answers"][-1]
