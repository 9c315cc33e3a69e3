"""Files of version 1 are read as if they had been written today."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.cli.main import cli
from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.results.migrate import SCHEMA_VERSION, migrate
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.results.schema import NextStep, Verdict

VERSION_1 = Path(__file__).parent / "data" / "version-1"
"""The result of a small run by the last tlsearch that wrote version 1, with its first 16 trials."""


def test_a_file_of_version_1_is_read() -> None:
    written = json.loads((VERSION_1 / "result.json").read_text(encoding="utf-8"))
    assert written["schema_version"] == 1
    result = read_result(VERSION_1)
    assert result.schema_version == SCHEMA_VERSION
    assert result.predictions is not None
    assert list(result.predictions.predicted) == written["answers"]["called"]
    assert [n.architecture for n in result.from_scratch] == [n["architecture"] for n in written["scratch"]]
    assert result.insights.label_errors is not None
    assert result.insights.label_errors.examined == written["findings"]["labels"]["examined"]
    assert [c.cut_points for c in result.plan.candidates] == [c["depth"] for c in written["plan"]["candidates"]]
    assert [row.value for row in result.trials] == [row["value"] for row in written["trials"]]
    for row in result.trials:
        assert (row.kind, row.label) == (row.spec.kind, row.spec.label)
    assert result.winner.label == result.winner.spec.label
    joined = [row["spec"]["tap"] for row in written["trials"]]
    assert [row.spec.skip_cut for row in result.trials] == joined
    assert any(joined)


def test_what_is_read_is_written_in_the_present_version(tmp_path: Path) -> None:
    write_result(read_result(VERSION_1), tmp_path / "first")
    result = read_result(tmp_path / "first")
    write_result(result, tmp_path / "first")
    assert (
        json.loads((tmp_path / "first" / "result.json").read_text(encoding="utf-8"))["schema_version"] == SCHEMA_VERSION
    )
    assert read_result(tmp_path / "first") == result
    former = read_result(VERSION_1)
    assert replace(result, output=former.output, command=former.command) == former


def test_the_report_of_version_1_is_written_anew(tmp_path: Path) -> None:
    shutil.copy(VERSION_1 / "result.json", tmp_path)
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert read_result(VERSION_1).winner.label in page.replace("<wbr>", "")


def test_version_1_is_compared_with_the_present_version(tmp_path: Path) -> None:
    shutil.copytree(VERSION_1, tmp_path / "old")
    write_result(read_result(VERSION_1), tmp_path / "new")
    done = CliRunner().invoke(cli, ["compare", str(tmp_path / "old"), str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert "+0.000" in done.output  # image by image, so the predictions of both are known
    assert "no record of which test images were right" not in done.output


def test_names_and_values_have_their_present_words() -> None:
    old: dict[str, Any] = {
        "schema_version": 1,
        "answers": {"true": [0, 1], "called": [1, 1]},
        "scratch": [{"architecture": "small_cnn"}],
        "findings": {"labels": {"examined": 3}, "more_data": None},
        "plan": {"left_out": [{"backbone": "vgg19", "reason": "why"}], "candidates": [{"depth": 13}]},
        "profile": {"vgg16@imagenet": [{"cut": "block1_pool", "depth": 1}]},
        "winner": {"label": "vgg16@imagenet freeze 13/13 with cut 4 head solved standard .50", "spec": {"tap": 4},
                   "params": {"tap": 4}, "head": "solved linear, avg pooling"},
        "linear_probe": {"label": "vgg16@imagenet freeze 13/13 head solved no augmentation"},
        "trials": [
            {"kind": "frozen", "state": "censored", "compared": 0.5, "label": "a freeze 1/2 head 64 color 1.00"},
            {"kind": "suffix", "state": "pruned", "spec": {"tap": 0}, "label": "a freeze 1/2 head linear color .25"},
            {"kind": "scratch", "state": "complete", "label": "small_cnn from scratch head linear no augmentation"},
        ],
        "importance": {"parameters": [{"name": "tap", "share": 0.1}]},
    }  # fmt: skip
    before = json.dumps(old)
    assert migrate(old) == {
        "schema_version": SCHEMA_VERSION,
        "predictions": {"true": [0, 1], "predicted": [1, 1]},
        "from_scratch": [{"architecture": "small_cnn"}],
        "insights": {"label_errors": {"examined": 3}, "more_data": None},
        "plan": {"left_out": [{"name": "vgg19", "reason": "why"}], "candidates": [{"cut_points": 13}]},
        "profile": {"vgg16@imagenet": [{"cut_point": "block1_pool", "depth": 1}]},
        "winner": {"label": "vgg16@imagenet freeze 13/13 skip cut 4 linear probe standard 0.50",
                   "spec": {"skip_cut": 4}, "params": {"skip_cut": 4}, "head": "linear probe, avg pooling"},
        "linear_probe": {"label": "vgg16@imagenet freeze 13/13 linear probe no augmentation"},
        "trials": [
            {"kind": "feature_extraction", "state": "timed_out", "value_on_shared_folds": 0.5,
             "label": "a freeze 1/2 head 64 color 1.00"},
            {"kind": "fine_tuning", "state": "pruned", "spec": {"skip_cut": 0},
             "label": "a freeze 1/2 linear head color 0.25"},
            {"kind": "from_scratch", "state": "complete",
             "label": "small_cnn from scratch linear head no augmentation"},
        ],
        "importance": {"parameters": [{"name": "skip_cut", "share": 0.1}]},
    }  # fmt: skip
    assert json.dumps(old) == before


@pytest.mark.parametrize("version", [1, 2])
def test_a_metric_of_which_only_the_name_is_known_is_made_of_counts(version: int) -> None:
    old = {"schema_version": version, "metrics": {"name": "macro_f1", "test": 0.5}}
    assert migrate(old)["metrics"] == {
        "name": "macro_f1", "test": 0.5, "greater_is_better": True, "counts": "macro_f1",
        "interval_method": "score interval",
    }  # fmt: skip
    assert old["metrics"] == {"name": "macro_f1", "test": 0.5}
    metrics = read_result(VERSION_1).metrics
    assert (metrics.counts, metrics.sign) == (metrics.name, 1.0)


def test_a_verdict_of_version_2_keeps_its_sentences() -> None:
    """Each was long, with its evidence in it, and a step had no command of its own."""
    long: dict[str, Any] = {"model": "baseline", "use": "Use it: tlsearch predict a.", "pretraining": "no",
            "pretraining_evidence": "It brings nothing: -2.2 points.", "search": None, "search_evidence": "",
            "next_steps": ["Next, look."]}  # fmt: skip
    old = {**SAMPLE.to_dict(), "schema_version": 2, "verdict": long}
    verdict = RunResult.from_dict(migrate(old)).verdict
    assert verdict == Verdict(
        model="baseline", use="Use it: tlsearch predict a.", pretraining="no",
        pretraining_said="It brings nothing: -2.2 points.", search=None, search_said="",
        next_steps=(NextStep(said="Next, look."),),
    )  # fmt: skip
    shown = shown_verdict(RunResult.from_dict(migrate(old)))
    assert [answer.said for answer in shown.answers] == [long["use"], long["pretraining_evidence"]]
    assert "pretraining_said" not in long  # the object that was read is as it was


def test_a_result_of_the_present_version_is_left_as_it_is() -> None:
    assert migrate(SAMPLE.to_dict()) == SAMPLE.to_dict()


@pytest.mark.parametrize("damage", [{"trials": 5}, {"answers": []}, {"profile": [[3]]}, {"winner": None}, {"plan": {}}])
def test_damage_is_left_for_the_reader_to_name(damage: dict[str, Any]) -> None:
    assert migrate({"schema_version": 1, **damage})["schema_version"] == SCHEMA_VERSION
