"""The description of the parent run in MLflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import CLASSES, SAMPLE
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.report.markdown import describe, describe_model
from tlsearch.report.verdict import verdict_of
from tlsearch.results.schema import Mlflow, NextStep

PLACE = Mlflow(
    tracking_uri="sqlite:///x.db",
    experiment_id="7",
    parent_run_id="abc",
    ui_command="mlflow ui",
    view="http://127.0.0.1:5000/#/experiments/7/runs?viewStateShareKey=k",
    searches="http://127.0.0.1:5000/#/experiments/7/runs?viewStateShareKey=s",
)


@pytest.fixture
def text() -> str:
    return describe(replace(SAMPLE, mlflow=PLACE))


def test_what_the_search_did_is_told(text: str) -> None:
    trials = [row for row in SAMPLE.trials if row.role == "trial"]
    assert f"- winner: {SAMPLE.winner.label}, frozen up to the cut point {SAMPLE.winner.cut_point}" in text
    assert f"- {len(trials)} trials (" in text
    assert f"{SAMPLE.dataset.total('train'):,} train + " in text
    assert all(f"{candidate.label}" in text for candidate in SAMPLE.plan.candidates)


def test_intervals_in_the_table_of_models_stay_on_one_line(text: str) -> None:
    (row,) = (line for line in text.splitlines() if line.startswith("| winner:"))
    assert "0.903 [0.869\N{NO-BREAK SPACE}0.929] |" in row


def test_links_stay_within_the_ui(text: str) -> None:
    assert "[report](#/experiments/7/runs/abc/artifacts/report.html)" in text
    assert "[all numbers](#/experiments/7/runs/abc/artifacts/result.json)" in text
    assert "[figures as a table](#/experiments/7/runs/abc/artifacts/figures.json)" in text
    assert "[the search's progress](#/experiments/7/runs/abc/model-metrics)" in text
    assert "[the trials, best first](#/experiments/7/runs?viewStateShareKey=k)" in text
    assert "[all searches](#/experiments/7/runs?viewStateShareKey=s)" in text


def test_without_a_view_or_a_record_there_is_no_link_to_it() -> None:
    without = describe(replace(SAMPLE, mlflow=replace(PLACE, view="", searches="")))
    assert "best first" not in without
    assert "all searches" not in without
    assert "ImageFingerprint at" not in describe(replace(SAMPLE, mlflow=None))


def test_how_to_repeat_it_is_told() -> None:
    text = describe(replace(SAMPLE, command="tlsearch run --config 'out`/run.toml'"))
    assert "```sh\ntlsearch run --config 'out`/run.toml'\n```" in text
    assert f"seed {SAMPLE.plan.seed}; " in text
    assert f"data set fingerprint `{SAMPLE.dataset.fingerprint}`" in text


def test_the_model_says_what_it_is_and_how_to_load_it() -> None:
    record = replace(PLACE, tracking_uri="https://me:secret@records.example/mlflow")
    result = replace(SAMPLE, mlflow=record)
    text = describe_model(result, "models:/m-1", "RGB values.")
    assert text.startswith(f"**{SAMPLE.winner.label}**: accuracy 0.903 [0.869 0.929] on test")
    assert all(sentence in text for sentence in verdict_texts(result))
    assert f"**Its {len(CLASSES)} classes**: {', '.join(CLASSES)}.\n" in text
    assert 'mlflow.set_tracking_uri("https://records.example/mlflow")\n' in text
    assert 'model = mlflow.pyfunc.load_model("models:/m-1")\n' in text
    assert "It takes RGB values.\n" in text
    size = SAMPLE.winner.spec.image_size
    assert f"{size} x {size} pixels" in text


def test_the_model_names_some_of_many_classes_as_plain_text() -> None:
    classes = ("a_b_c", "*d*", *(f"class {number}" for number in range(1_298)))
    result = replace(SAMPLE, dataset=replace(SAMPLE.dataset, classes=classes))
    text = describe_model(result, "models:/m-1", "RGB values.")
    assert "**Its 1,300 classes**: a\\_b\\_c, \\*d\\*, class 0, " in text
    assert "class 47 and 1,250 more (`labels.json`).\n" in text
    assert "class 48" not in text


def test_names_of_classes_in_the_verdict_are_text() -> None:
    step = NextStep(said="Add images of <b>day, *night* and\n`dusk`: 80 % of the errors are theirs (p < 0.001).")
    result = replace(SAMPLE, verdict=replace(verdict_of(SAMPLE), next_steps=(step,)))
    wanted = "1. Add images of \\<b>day, \\*night\\* and \\`dusk\\`: 80 % of the errors are theirs (p < 0.001)."
    for page in (describe(result), describe_model(result, "models:/m-1", "RGB values.")):
        assert wanted in page.splitlines()
