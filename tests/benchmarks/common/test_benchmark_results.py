"""The one format of results, and the options of every benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common import results
from benchmarks.common.machine import commit, machine_facts
from benchmarks.common.memory import anonymous_bytes
from benchmarks.common.results import Result, make_parser, parse_options, publish, read_result, saved_file, write_result

RESULT = Result(
    benchmark="speed.scale",
    command="python -m benchmarks.speed.scale",
    commit="0123456789abcdef",
    machine={"processor": "AMD EPYC", "cores": 2},
    date="2026-11-28T12:00:00+00:00",
    versions={"keras": "3.15.1"},
    figures={"runs": [{"images": 1000}]},
)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "scale.json"
    write_result(RESULT, file)
    assert read_result(file) == RESULT
    file.write_text('{"benchmark": "speed.scale"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"scale\.json is no result of a benchmark"):
        read_result(file)


def test_what_is_published_says_how_it_was_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    file = tmp_path / "elsewhere.json"
    arguments = ["--result", str(file), "--seed", "3", "--save"]
    options = parse_options(make_parser("A benchmark."), arguments, {})
    result = publish("quality.search_quality", options, {"best": 0.5})
    assert result.command == "python -m benchmarks.quality.search_quality --seed 3"
    assert result.machine == machine_facts()
    assert {"python", "keras", "tensorflow", "tlsearch"} <= set(result.versions)
    assert result.commit == commit()
    assert read_result(file) == read_result(tmp_path / "results" / "search-quality.json") == result
    assert json.loads(capsys.readouterr().out)["figures"] == {"best": 0.5}


def test_a_quick_run_has_other_defaults_and_is_never_saved(capsys: pytest.CaptureFixture[str]) -> None:
    parser = make_parser("A benchmark.")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=40)
    options = parse_options(parser, ["--quick", "--trials", "3"], {"images": 20, "trials": 2})
    assert (options.images, options.trials) == (20, 3)
    with pytest.raises(SystemExit):
        parse_options(parser, ["--quick", "--save"], {})
    assert "a quick run is no result to save" in capsys.readouterr().err


def test_a_benchmark_has_one_file() -> None:
    assert saved_file("speed.vs_plain_loop") == results.RESULTS / "vs-plain-loop.json"


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    import os

    assert anonymous_bytes(os.getpid()) > 10_000_000
    assert anonymous_bytes(2**22 + 1) == 0
