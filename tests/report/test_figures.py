"""The figures of models and of runs: tables, the metrics of MLflow, and the gains that are claimed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.sample_trials import BASELINE
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import headings, model_rows
from tlsearch.results.flatten import compared_metrics, figure_table, flat_metrics
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Difference
from tlsearch.stats.metrics import EVERY_IMAGE


def test_every_model_has_a_row_once() -> None:
    rows = model_rows(SAMPLE)
    assert [(r.kind, r.name, r.val, r.test) for r in rows] == [
        ("winner", "winner", 0.912, 0.903),
        ("probe", "linear probe", 0.876, 0.860),
        ("baseline", "from scratch", 0.613, 0.602),
        ("baseline", "also from scratch", 0.571, 0.566),
    ]
    assert [r.confirmed.mean if r.confirmed else None for r in rows] == [0.905, 0.868, 0.598, None]
    assert {r.val_note for r in rows} == {""}
    older = replace(SAMPLE, from_scratch=())  # a file of a version that did not list them
    assert [r.name for r in model_rows(older)] == ["winner", "linear probe", "from scratch"]
    assert [r.name for r in model_rows(replace(SAMPLE, from_scratch=(), baseline=None, linear_probe=None))] == [
        "winner"
    ]


def test_other_folds_than_those_of_the_heading_are_noted() -> None:
    probe = SAMPLE.linear_probe
    assert probe is not None
    result = replace(
        SAMPLE, plan=replace(SAMPLE.plan, folds=5), metrics=replace(SAMPLE.metrics, val_folds=5),
        linear_probe=replace(probe, val_folds=5),
    )  # fmt: skip
    assert headings(result)[0] == "mean of 5 folds (selected, optimistic)"
    assert [r.val_note for r in model_rows(result)] == ["", "", "fold 1 of 5", "fold 1 of 5"]


def metrics_of(result: RunResult) -> dict[str, float]:
    return flat_metrics(result)


def test_the_names_of_mlflow_are_those_of_the_result_file() -> None:
    found = metrics_of(SAMPLE)
    plain = SAMPLE.to_dict()
    metrics = plain["metrics"]
    assert found["val"] == metrics["val"]
    assert found["test"] == metrics["test"]
    assert found["test_opened"] == metrics["test_opened"] == 1
    assert [found["test_ci95_low"], found["test_ci95_high"]] == metrics["test_ci95"]
    assert found["confirmed_mean"] == metrics["confirmed"]["mean"]
    assert found["confirmed_seed_spread"] == metrics["confirmed"]["seed_spread"]
    for name in ("linear_probe", "baseline"):
        assert found[f"{name}_val"] == plain[name]["val"]
        assert found[f"{name}_confirmed_mean"] == plain[name]["confirmed"]["mean"]
        assert found[f"{name}_test"] == plain[name]["test"]
        assert [found[f"{name}_test_ci95_low"], found[f"{name}_test_ci95_high"]] == plain[name]["test_ci95"]
    assert found["from_scratch_efficientnet_lite0_test"] == 0.566
    assert "from_scratch_small_cnn_test" not in found
    assert found["calibration_before_ece"] == plain["insights"]["calibration"]["before"]["ece"]
    sets = plain["insights"]["prediction_sets"]["levels"][1]
    assert (found["prediction_sets_90_covered"], found["prediction_sets_90_left"]) == (sets["covered"], sets["left"])
    assert [found["prediction_sets_90_ci95_low"], found["prediction_sets_90_ci95_high"]] == sets["ci95"]


def test_both_gains_are_metrics_with_their_evidence() -> None:
    found = metrics_of(SAMPLE)
    assert [found[f"gain_over_baseline{end}"] for end in ("", "_ci95_low", "_ci95_high", "_p")] == [
        0.301, 0.249, 0.353, 2e-25,
    ]  # fmt: skip
    assert [found[f"gain_over_linear_probe{end}"] for end in ("", "_ci95_low", "_ci95_high", "_p")] == [
        0.043, 0.017, 0.071, 0.0016,
    ]  # fmt: skip
    assert "baseline_confirmed_seed_spread" not in found  # unknown, not 0
    bare = metrics_of(replace(SAMPLE, baseline=None, from_scratch=(), gain=None))
    assert not any("baseline" in name or "gain_" in name for name in bare)


def test_the_description_tells_the_whole_story() -> None:
    text = describe(SAMPLE).replace("\N{NO-BREAK SPACE}", " ")
    assert "another network (small_cnn) trained from scratch by +30.1 points" in text
    assert "the winner gains +4.3 points" in text
    assert (
        "| accuracy | validation (selected, optimistic) | confirmed on resampled folds | tested once | cost at use |"
        in text
    )
    assert "| 0.912 | 0.905 on 3 folds, seeds +- 0.006, sampling +- 0.017 | 0.903 [0.869 0.929] |" in text
    assert "| from scratch: small_cnn | 0.613 | 0.598 on 3 folds, sampling +- 0.021 | 0.602 [0.551 0.650] |" in text
    assert "- gain over the linear probe +0.043 [+0.017 +0.071] p = 0.002" in text
    assert "372 test images (no recorded run had looked at these test images before)." in text
    odd = replace(BASELINE, architecture="a|b")
    assert "| from scratch: a\\|b |" in describe(replace(SAMPLE, baseline=odd, from_scratch=(odd,)))


@pytest.mark.parametrize(("p", "shown"), [(0.03, True), (0.06, False), (None, False)])
def test_a_gain_is_claimed_only_where_interval_and_p_value_agree(p: float | None, shown: bool) -> None:
    """Four images against none: Tango's interval excludes 0, but there are too few for a p-value."""
    assert SAMPLE.gain is not None
    probe = Difference(difference=0.053, ci95=(0.002, 0.129), discordant=(4, 0), mcnemar_midp=p)
    gain = replace(SAMPLE.gain, ci95=(0.002, 0.129), mcnemar_midp=p, over_linear_probe=probe)
    said = " ".join(verdict_texts(replace(SAMPLE, gain=gain)))
    assert ("Pre-training helped" in said, "The search paid" in said) == (shown, shown)
    assert ("No gain over another network" in said, "No gain over the plain" in said) == (not shown, not shown)


@pytest.mark.parametrize(("p", "shown"), [(0.03, True), (None, False)])
def test_a_loss_is_claimed_by_the_same_rule(p: float | None, shown: bool) -> None:
    assert SAMPLE.gain is not None
    probe = Difference(difference=-0.053, ci95=(-0.129, -0.002), discordant=(0, 4), mcnemar_midp=p)
    said = " ".join(verdict_texts(replace(SAMPLE, gain=replace(SAMPLE.gain, over_linear_probe=probe))))
    assert ("is better than what it chose" in said) == shown


def test_runs_are_compared_by_few_figures_of_few_digits() -> None:
    metrics = replace(SAMPLE.metrics, val=0.912345678, counts=EVERY_IMAGE, name="accuracy", test_accuracy=0.903)
    found = compared_metrics(replace(SAMPLE, metrics=metrics))
    assert list(found) == [
        "val", "test", "gain_over_baseline", "gain_over_linear_probe", "megabytes", "ms_per_image",
    ]  # fmt: skip
    assert found["val"] == 0.91235
    assert found["gain_over_baseline"] == 0.301
    # Where the metric is another one, the accuracy says something else.
    other = replace(metrics, counts=None, name="macro_f1")
    assert compared_metrics(replace(SAMPLE, metrics=other))["test_accuracy"] == 0.903
    assert set(compared_metrics(replace(SAMPLE, baseline=None, gain=None))) == {
        "val", "test", "megabytes", "ms_per_image",
    }  # fmt: skip


def test_the_table_of_figures_has_them_all() -> None:
    table = figure_table(SAMPLE)
    assert table["columns"] == ["figure", "value"]
    shown = dict(table["data"])
    assert list(shown) == list(flat_metrics(SAMPLE))
    assert shown == pytest.approx(flat_metrics(SAMPLE), rel=1e-4)
