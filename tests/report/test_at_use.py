"""What the verdict, the tables and the charts say of costs at use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.results.sample_result import LITE, SAMPLE, VGG
from tests.helpers.results.sample_trials import SOLVED, WINNER
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.report.html import write_report
from tlsearch.report.images import Chart
from tlsearch.report.markdown import describe, describe_model
from tlsearch.report.model_table import model_rows
from tlsearch.report.sections.efficiency import efficiency
from tlsearch.report.verdict import answers, verdict_of
from tlsearch.results.flatten import compared_metrics, flat_metrics
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.results.schema import AtUse, ModelAtUse, NetworkOutside, UseChoice


def model(label: str, role: Any, network: str, score: float, *costs: float, **changes: Any) -> ModelAtUse:
    megabytes, ms = costs
    values = {"folds": 3, "measured": False, "efficient": True, "within": True, **changes}
    return ModelAtUse(
        label=label, role=role, network=network, score=score, megabytes=megabytes, ms_per_image=ms, **values
    )


MODELS = (
    model(WINNER.label, "winner", LITE, 0.905, 13.6, 9.1, measured=True),
    model(SAMPLE.linear_probe.label if SAMPLE.linear_probe else "", "linear probe", LITE, 0.868, 13.6, 9.0),
    model(SOLVED.label, "contender", VGG, 0.861, 58.9, 120.0, efficient=False, within=False),
    model("small_cnn from scratch linear head", "from scratch", "small_cnn from scratch", 0.598, 2.9, 3.0),
)
CHOICE = UseChoice(
    image_size=160,
    asked="--max-size 20MB",
    max_megabytes=20.0,
    megabytes=13.6,
    ms_per_image=9.1,
    excluded=(NetworkOutside(name=VGG, megabytes=58.9, ms_per_image=120.0),),
)


def with_choice(**changes: Any) -> RunResult:
    """The sample with a budget, and costs of every trial."""
    rows = tuple(replace(row, megabytes=13.6, ms_per_image=9.0) for row in SAMPLE.trials)
    choice = replace(CHOICE, **changes)
    return replace(SAMPLE, trials=rows, at_use=AtUse(how="exported files", models=MODELS, choice=choice))


def without_choice() -> RunResult:
    """The sample as a run without options has it."""
    models = tuple(replace(m, within=None) for m in MODELS)
    return replace(SAMPLE, at_use=AtUse(how="Keras' files", models=models))


def test_the_verdict_says_what_the_exported_file_costs_and_what_was_left_out() -> None:
    said = verdict_texts(with_choice())
    assert said[1].endswith(
        " Its exported file has 13.6 MB and takes 9.1 ms an image on one thread, within --max-size 20MB."
    )
    assert (
        f"Left out of the choice by --max-size 20MB: {VGG} (58.9 MB and 120.0 ms an image); their trials informed the "
        "search." in said
    )
    assert answers(with_choice())["within_budget"] == "yes"


def test_a_run_without_options_says_what_it_said() -> None:
    assert verdict_texts(without_choice()) == verdict_texts(SAMPLE)
    assert answers(without_choice()) == answers(SAMPLE)


def test_a_network_from_scratch_that_was_chosen_is_named_with_the_reason_and_the_comparison() -> None:
    result = with_choice(model="baseline", image_size=64, prefer="small", megabytes=2.9, ms_per_image=3.0)
    verdict = verdict_of(result)
    folder = SAMPLE.output.folder
    assert (verdict.model, verdict.use) == ("baseline", "Use the network from scratch: small_cnn.")
    assert verdict.use_evidence == (
        "Its accuracy on 372 test images is 60.2 % (95 % interval 55.1 to 65.0 %). Its exported file has 2.9 MB and "
        "takes 3.0 ms an image on one thread, within --max-size 20MB. It was chosen before the test: of what lies "
        "within one standard error of the best, it has the smallest file. The best one that reuses a network scores "
        f"90.3 % (in {folder}/model)."
    )
    assert verdict.command == f"tlsearch predict {folder}/baseline new-photo.jpg"
    # The claim stays what it is: it compares the winner with the network from scratch.
    assert verdict.pretraining_evidence == verdict_of(SAMPLE).pretraining_evidence
    assert describe(result).startswith("**small_cnn from scratch**: accuracy 0.602")
    assert "It makes each a square of 64 x 64 pixels itself." in describe_model(result, "models:/m", "pictures.")


def test_where_nothing_that_reuses_a_network_is_within_the_budget_that_is_the_reason() -> None:
    result = with_choice(model="baseline", asked="--max-size 3MB", reused_within=False, megabytes=2.9, ms_per_image=3.0)
    use = verdict_of(result).use_evidence
    assert "The best model that reuses a network is above --max-size 3MB." in use
    assert f"(in {SAMPLE.output.folder}/model, for comparison)" in use


def test_a_file_above_the_budget_is_told() -> None:
    said = verdict_texts(with_choice(within=False, megabytes=21.5))
    assert (
        "Its exported file has 21.5 MB and takes 9.1 ms an image on one thread: that is above --max-size 20MB."
        in said[1]
    )
    assert any(text.startswith("No model of this run is within --max-size 20MB as an exported file") for text in said)
    assert answers(with_choice(within=False))["within_budget"] == "no"


def test_what_was_passed_over_is_named() -> None:
    assert f"Passed over, because their own exported files are above --max-size 20MB: {SOLVED.label}." in verdict_texts(
        with_choice(passed_over=(SOLVED.label,))
    )


def test_what_there_was_no_time_for_is_told() -> None:
    said = " ".join(verdict_texts(with_choice(prefer="fast", compared=False)))
    assert "so that --prefer fast changed nothing" in said
    assert "not in the choice" not in " ".join(verdict_texts(with_choice()))
    result = with_choice()
    assert result.baseline is not None
    unconfirmed = replace(result, baseline=replace(result.baseline, confirmed=None))
    assert "from scratch was not trained on resampled folds, so that it was not in the choice." in " ".join(
        verdict_texts(unconfirmed)
    )


def as_good(low: float, high: float, result: RunResult) -> RunResult:
    """The result where pre-training brings nothing on test, and the network from scratch is small."""
    assert result.gain is not None
    assert result.baseline is not None
    gain = replace(result.gain, test=(low + high) / 2, ci95=(low, high), mcnemar_midp=0.4 if low <= 0 else 0.01)
    metrics = replace(result.metrics, megabytes=14.3, ms_per_image=6.0)
    return replace(result, gain=gain, metrics=metrics, baseline=replace(result.baseline, megabytes=2.9))


@pytest.mark.parametrize(("prefer", "model"), [(None, "baseline"), ("small", "baseline"), ("accurate", "model")])
def test_after_the_test_a_smaller_network_is_offered_unless_the_best_score_is_preferred(
    prefer: str | None, model: str
) -> None:
    assert verdict_of(as_good(-0.012, 0.018, with_choice(prefer=prefer))).model == model


def test_a_network_above_the_budget_is_not_offered() -> None:
    result = with_choice()
    assert result.at_use is not None
    outside = tuple(replace(m, within=m.role != "from scratch") for m in MODELS)
    result = replace(result, at_use=replace(result.at_use, models=outside))
    assert verdict_of(as_good(-0.012, 0.018, result)).model == "model"


def test_the_table_of_models_says_which_are_efficient() -> None:
    rows = {row.name: row.efficient for row in model_rows(with_choice())}
    assert rows == {
        "winner": "yes; exported 13.6 MB and 9.1 ms an image",
        "linear probe": "yes; exported about 13.6 MB and 9.0 ms an image",
        "from scratch": "yes; exported about 2.9 MB and 3.0 ms an image",
        "also from scratch": "",
    }
    assert "| cost at use | efficient |" in describe(with_choice())
    assert {row.efficient for row in model_rows(without_choice())} == {"yes", ""}
    assert "efficient |" not in describe(SAMPLE)


def test_the_charts_show_models_trials_and_the_limit() -> None:
    latency, size = (p for p in efficiency(with_choice()).pictures if isinstance(p, Chart))
    assert (latency.name, size.name) == ("latency", "size")
    complete = [row for row in SAMPLE.trials if row.role == "trial" and row.value is not None]
    assert len(latency.rows) == len(MODELS) + len(complete)
    assert [row[-1] for row in size.rows[: len(MODELS)]] == [True, True, False, True]
    assert [key.label for key in size.keys] == [LITE, VGG, "from scratch", "efficient", "--max-size 20MB"]
    assert "stroke-dasharray" in size.svg  # the limit of the size
    assert "stroke-dasharray" not in latency.svg


def test_a_result_that_knows_no_costs_has_no_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.report.html.write_pictures", lambda pictures, output: output)
    assert efficiency(SAMPLE).pictures == ()
    page = write_report(with_choice(), tmp_path, tmp_path / "data").read_text(encoding="utf-8")
    assert "Score against cost at use" in page
    assert "within --max-size 20MB" in page
    old = write_report(SAMPLE, tmp_path, tmp_path / "data").read_text(encoding="utf-8")
    assert "Score against cost at use" not in old


def test_figures_of_the_model_to_use_are_what_runs_are_compared_by() -> None:
    chosen = with_choice(model="baseline", image_size=64, megabytes=2.9, ms_per_image=3.0)
    found = compared_metrics(chosen)
    assert (found["test"], found["exported_megabytes"], found["exported_ms_per_image"]) == (0.602, 2.9, 3.0)
    assert "gain_over_baseline" not in found
    assert flat_metrics(chosen)["gain_over_baseline"] == pytest.approx(0.301)
    assert compared_metrics(with_choice())["test"] == SAMPLE.metrics.test
    assert "exported_megabytes" not in compared_metrics(without_choice())


def test_the_record_is_read_back(tmp_path: Path) -> None:
    result = with_choice(prefer="small")
    write_result(result, tmp_path)
    assert read_result(tmp_path).at_use == result.at_use
