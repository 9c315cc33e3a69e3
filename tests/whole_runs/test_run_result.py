"""What a whole run leaves in its output folder, and whether that is true."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.runs.small_run import MARKS, TrialRecord
from tlsearch.config import RunConfig
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.pipeline.confirm.fold_runs import more_views
from tlsearch.results.migrate import SCHEMA_VERSION
from tlsearch.runs.output import set_aside

pytestmark = MARKS


def test_the_parent_imports_no_backend_in_a_whole_run(finished: TrialRecord) -> None:
    assert finished.printed.splitlines()[-1].strip() == "imported:"


def test_every_step_says_what_it_found(finished: TrialRecord) -> None:
    steps = [line.split(" ")[0] for line in finished.printed.splitlines() if line[:1].isalpha()]
    wanted = ["data", "plan", "profile", "baseline", "search", "confirm", "test"]
    assert [step for step in steps if step in wanted][: len(wanted)] == wanted
    assert "3 classes, 60 images" in finished.printed
    assert "tiny@random at 32 px" in finished.printed


def test_the_files_that_a_run_leaves(finished: TrialRecord, tmp_path: Path) -> None:
    left = {p.name for p in finished.output.iterdir()}
    assert left == {
        "run.toml", "study.db", "result.json", "trials.csv", "report.html", "worker.log", "model", "linear_probe",
        "baseline", "pictures", "heat-maps", finished.output.glob("scratch-*").__next__().name,
    }  # fmt: skip
    for name in left:
        (tmp_path / name).mkdir()
    set_aside(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["earlier-1"]  # and all of them are, where --force begins anew
    names = {"model.keras", "labels.json", "config.json"}
    if finished.result.winner.spec.freeze_depth:
        names.add("reference.npz")
    assert {p.name for p in (finished.output / "model").iterdir()} == names
    assert json.loads((finished.output / "model" / "labels.json").read_text()) == ["ash", "birch", "cedar"]


def test_result_json(finished: TrialRecord, images: Path) -> None:
    plain, result = finished.plain, finished.result
    assert plain["schema_version"] == SCHEMA_VERSION
    index = scan(images)
    assert plain["dataset"]["fingerprint"] == index.fingerprint
    assert plain["dataset"]["classes"] == ["ash", "birch", "cedar"]
    assert [result.dataset.total(part) for part in ("train", "val", "test")] == [45, 0, 15]
    assert plain["dataset"]["skipped"] == []
    assert plain["plan"]["candidates"] == [
        {
            "label": "tiny@random",
            "backbone": "tiny",
            "weights": "random",
            "image_size": 32,
            "cut_points": 4,
            "network": "",
            "trained_on": "nothing",
        }
    ]
    assert (plain["plan"]["left_out"], plain["plan"]["steps"], plain["plan"]["metric"]) == ([], 4, "accuracy")
    assert plain["winner"]["backbone"] == "tiny"
    assert plain["winner"]["weights"] == "random"
    assert plain["winner"]["freeze_depth"] == len(plain["winner"]["frozen_layers"])  # a layer with weights a cut
    assert [p["cut_point"] for p in plain["profile"]["tiny@random"]] == ["cut1", "cut2", "cut3", "cut4"]
    assert all(0 <= p["accuracy"] <= 1 for p in plain["profile"]["tiny@random"])
    assert plain["baseline"]["weights"] is None
    assert plain["baseline"]["architecture"] in ("small_cnn", "tiny")
    assert plain["baseline"]["epochs"] == 2  # as was asked for, of two steps each, and measured after each step
    assert len(plain["histories"]["baseline"]) == 4
    assert plain["metrics"]["confirmed"]["folds"] == 2
    assert plain["metrics"]["ms_per_image"] > 0
    assert plain["metrics"]["megabytes"] == (finished.output / "model" / "model.keras").stat().st_size / 1e6
    assert {"scan", "plan", "profile", "baseline", "search", "confirm", "models", "test", "total"} <= set(
        plain["timings"]
    )
    steps = sum(seconds for step, seconds in plain["timings"].items() if step != "total")
    assert 0 < steps <= plain["timings"]["total"]
    assert {"tlsearch", "keras", "tensorflow", "optuna", "mlflow", "python"} <= set(plain["versions"])
    assert plain["versions"]["backend"] == "tensorflow"


def test_the_trials_of_the_result(finished: TrialRecord) -> None:
    rows = finished.result.trials
    searched = [r for r in rows if r.role == "trial"]
    assert [r.number for r in rows] == list(range(1, len(rows) + 1))
    assert len(searched) == 7
    assert len({r.spec for r in searched}) == 7
    assert {r.spec.kind for r in searched} == {"feature_extraction", "fine_tuning"}
    assert {r.state for r in searched} <= {"complete", "pruned"}
    best = max(r.value for r in searched if r.value is not None)
    assert finished.result.metrics.val <= best
    won = next(r for r in searched if r.spec == finished.result.winner.spec)
    assert won.value == finished.result.metrics.val
    assert sum(r.role == "baseline" and r.state == "complete" for r in rows) == 2  # two architectures
    assert sum(r.role == "baseline" and r.state == "pruned" for r in rows) == 2  # the worse learning rate of each
    confirmations = [r.spec for r in rows if r.role == "confirmation"]
    winner = finished.result.winner.spec
    assert confirmations.count(more_views(winner)) == 2  # one for each fold
    assert sum(spec.repeat for spec in confirmations) == (0 if winner.is_linear_probe else 1)
    lines = (finished.output / "trials.csv").read_text().splitlines()
    assert len(lines) == 1 + len(rows)


def test_what_the_search_says_of_itself(finished: TrialRecord) -> None:
    result = finished.result
    complete = [r for r in result.trials if r.role == "trial" and r.state == "complete"]
    assert result.importance is not None
    assert (result.importance.trials, result.importance.parameters) == (len(complete), ())  # too few
    trained = {str(r.number): r for r in complete if r.spec.steps}
    drawn = set(result.histories.trials)
    assert drawn
    assert drawn <= set(trained)
    others = [trained[number].value or 0.0 for number in set(trained) - drawn]  # in the worse half
    assert max(others, default=0.0) <= min(trained[number].value or 0.0 for number in drawn)
    for number, epochs in result.histories.trials.items():
        assert len(epochs) == 4
        assert trained[number].metrics["objective"] is not None
    (work,) = result.frozen_work
    assert work.candidate == "tiny@random"
    assert work.seconds_per_pass > 0
    assert work.images_read > work.images_asked > work.images_computed
    assert work.passes_read > work.passes_asked > work.passes_computed
    # At the least the plain images, once, up to the last cut; at most every image in full.
    assert 45 <= work.passes_computed <= work.images_computed


def test_the_pictures_that_a_run_leaves(finished: TrialRecord) -> None:
    names = {path.stem for path in (finished.output / "pictures").glob("*.png")}
    assert finished.result.output.pictures == "pictures"
    always = {"intervals", "depth-tiny-random", "learning-curves", "confusion", "per-class", "cost", "store"}
    assert always <= names
    assert all((finished.output / "pictures" / f"{name}.csv").stat().st_size for name in names)


def of_matrix(matrix: Any) -> float:
    return float(np.trace(matrix) / np.sum(matrix))


def test_the_model_says_on_the_original_files_what_the_result_says(
    finished: TrialRecord, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tlsearch

    index = scan(images)
    rows = split(index, seed=0).test
    files = [images / index.images[row].path for row in rows]
    labels = [index.images[row].label for row in rows]
    result = finished.result
    scores = {"model": result.metrics.test}
    assert result.linear_probe is not None
    assert result.baseline is not None
    scores |= {"linear_probe": result.linear_probe.test, "baseline": result.baseline.test}
    right: dict[str, list[bool]] = {}
    for name, score in scores.items():
        said = tlsearch.load(finished.output / name).predict(files)
        right[name] = [p.label == index.classes[label] for p, label in zip(said, labels, strict=True)]
        assert np.mean(right[name]) == pytest.approx(score, abs=1e-12), name
    assert result.confusion is not None
    assert of_matrix(result.confusion.matrix) == pytest.approx(result.metrics.test)
    gain = result.gain
    assert gain is not None
    assert gain.test == pytest.approx(result.metrics.test - result.baseline.test)
    pairs = list(zip(right["model"], right["baseline"], strict=True))
    assert gain.discordant == (pairs.count((True, False)), pairs.count((False, True)))
    assert gain.ci95 is not None
    assert gain.ci95[0] <= (gain.test or 0) <= gain.ci95[1]


def test_the_answers_are_those_of_the_confusion(finished: TrialRecord, images: Path) -> None:
    result = finished.result
    assert result.predictions is not None
    assert result.confusion is not None
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (result.predictions.true, result.predictions.predicted), 1)
    assert matrix.tolist() == [list(row) for row in result.confusion.matrix]
    index = scan(images)
    rows = sorted(split(index, seed=0).test, key=lambda row: index.images[row].sha256)
    assert result.predictions.true == tuple(index.images[row].label for row in rows)


def test_the_report_names_the_winner(finished: TrialRecord) -> None:
    page = html.unescape((finished.output / "report.html").read_text(encoding="utf-8"))
    assert finished.result.verdict is not None
    assert f'<p class="said">{html.escape(finished.result.verdict.use)}</p>' in page
    assert f"{100 * finished.result.metrics.test:.1f}" in page


def test_the_configuration_that_a_run_writes_starts_another(finished: TrialRecord, images: Path) -> None:
    kept = RunConfig.from_toml(finished.output / "run.toml")
    assert kept == RunConfig(dataset=images, backbones=("tiny",), trials=7, epochs=2, batch_size=21, image_size=32)
    assert finished.result.command == f"tlsearch run --config {finished.output / 'run.toml'}"
