"""The same words for the same numbers: what terminal, report and MLflow take their texts from."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.cli.summary import confirmed_lines, score_table
from tlsearch.report import numbers
from tlsearch.report import text as words
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import headings
from tlsearch.results.schema import Confirmed, Gain
from tlsearch.types import State


@pytest.mark.parametrize(
    ("val_folds", "folds", "text"),
    [
        (1, 1, "validation (selected, optimistic)"),
        (5, 5, "mean of 5 folds (selected, optimistic)"),
        (2, 5, "mean of 2 folds (selected, optimistic)"),
        (1, 5, "fold 1 of 5 (selected, optimistic)"),
    ],
)
def test_a_validation_figure_is_selected_and_optimistic(val_folds: int, folds: int, text: str) -> None:
    assert words.selected(val_folds, folds) == text


def test_the_two_spreads_of_a_confirmed_figure_stay_apart() -> None:
    assert (
        words.confirmed_on(Confirmed(mean=0.9, folds=3, seed_spread=0.006, sampling_error=0.017))
        == "confirmed on 3 resampled folds"
    )
    assert (
        words.confirmed_on(Confirmed(mean=0.9, folds=1, seed_spread=None, sampling_error=None))
        == "confirmed on 1 resampled fold"
    )
    assert (
        words.spreads(Confirmed(mean=0.9, folds=3, seed_spread=0.006, sampling_error=0.017))
        == "seeds +- 0.006, sampling +- 0.017"
    )
    assert words.spreads(Confirmed(mean=0.9, folds=3, seed_spread=None, sampling_error=0.017)) == "sampling +- 0.017"
    assert words.spreads(Confirmed(mean=0.9, folds=1, seed_spread=None, sampling_error=None)) == ""


def test_openings_are_counted() -> None:
    assert [words.openings(n) for n in (1, 2)] == [
        "no recorded run had looked at these test images before",
        "runs have looked at these test images 2 times, this one included",
    ]


def test_both_gains_stand_beside_each_other() -> None:
    assert words.gain_lines(SAMPLE.gain) == [
        "gain over training from scratch +0.301 [+0.249 +0.353] p < 0.001",
        "gain over the linear probe +0.043 [+0.017 +0.071] p = 0.002",
    ]
    assert SAMPLE.gain is not None
    alone = Gain(over_linear_probe=SAMPLE.gain.over_linear_probe)
    assert words.gain_lines(alone) == ["gain over the linear probe +0.043 [+0.017 +0.071] p = 0.002"]
    assert words.gain_lines(None) == []


def test_seeds_that_differ_in_nothing_are_said_to_be_alike() -> None:
    assert words.spreads(Confirmed(mean=0.9, folds=3, seed_spread=0.0, sampling_error=0.02)) == (
        "seeds alike, sampling +- 0.020"
    )


def test_states_are_counted_in_words() -> None:
    found = ["timed_out"] * 2 + ["complete"] * 10 + ["pruned"]
    assert words.states(found) == "10 complete, 1 stopped early, 2 out of time"
    assert set(words.STATES) == set(get_args(State))
    assert not any("_" in said for said in (*words.STATES.values(), *words.ROLES.values()))


def test_a_corrected_figure_that_is_better_than_the_winners_says_why() -> None:
    metrics = SAMPLE.metrics
    assert words.above_selected(metrics) == ""
    above = replace(metrics, val=0.88)
    assert "it is the figure of the trial that was best on the 136 images" in words.above_selected(above)
    result = replace(SAMPLE, metrics=above)
    assert words.above_selected(above) in describe(result)
    assert words.above_selected(above) in " ".join(confirmed_lines(result))


def test_a_corrected_figure_says_on_how_many_images_it_is() -> None:
    said = "corrected for the selection from 40 trials, on the 136 images that all have"
    assert said in describe(SAMPLE)
    assert said in " ".join(confirmed_lines(SAMPLE))


def test_what_was_not_confirmed_is_not_named() -> None:
    scratch = tuple(replace(network, confirmed=None) for network in SAMPLE.from_scratch)
    assert SAMPLE.linear_probe is not None
    none = replace(
        SAMPLE,
        metrics=replace(SAMPLE.metrics, confirmed=None),
        linear_probe=replace(SAMPLE.linear_probe, confirmed=None),
        baseline=scratch[0],
        from_scratch=scratch,
    )
    assert len(headings(SAMPLE)) == 3
    assert headings(none) == ["validation (selected, optimistic)", "tested once"]
    assert "confirm" not in describe(none)
    lines = [line for line in describe(none).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    table = score_table(none)
    assert {len(row.cells) for row in table.rows} == {len(table.columns)} == {4}


def test_a_test_set_that_was_opened_before_is_part_of_the_verdict() -> None:
    assert not any("looked at" in sentence for sentence in verdict_texts(SAMPLE))
    again = replace(SAMPLE, metrics=replace(SAMPLE.metrics, test_opened=4))
    assert "Runs have looked at these test images 4 times, this one included." in " ".join(verdict_texts(again))


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0391, "p = 0.039"),
        (0.00099, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.9999, "p > 0.999"),
        (0.5, "p = 0.500"),
    ],
)
def test_p_values_read_as_people_write_them(p: float, text: str) -> None:
    assert numbers.format_p(p) == text


def test_a_missing_p_value_says_why() -> None:
    assert numbers.format_p(None) == "no p-value (fewer than 6 images or groups tell the two apart)"


@pytest.mark.parametrize(
    ("value", "text"), [(0.8731, "0.873"), (0.0, "0.000"), (1.0, "1.000"), (0.9997, "1.000"), (0.1005, "0.101")]
)
def test_scores(value: float, text: str) -> None:
    assert numbers.format_score(value) == text


def test_differences() -> None:
    assert numbers.format_difference(-0.0213) == "-0.021"
    assert numbers.format_difference(0.0001) == "+0.000"
    assert numbers.format_interval((-0.01, 1.0), sign=True) == "[-0.010 +1.000]"


COST = replace(
    SAMPLE,
    metrics=replace(
        SAMPLE.metrics, name="brier_f1", val=0.2, test=1.25, test_ci95=(1.1, 1.4), majority=1.6, counts=None,
        greater_is_better=False, interval_method="stratified bootstrap",
    ),
)  # fmt: skip
"""The sample in a metric of which less is better, and which is no share of images."""


def test_an_interval_by_resampling_says_so() -> None:
    assert words.by_method(SAMPLE.metrics) == ""
    assert words.by_method(COST.metrics) == "by stratified bootstrap"
    assert "brier F1 1.250 [1.100 1.400] by stratified bootstrap on test" in describe(COST)
    assert "bootstrap" not in describe(SAMPLE)


def test_scores_that_are_no_fractions_are_plain_numbers() -> None:
    assert SAMPLE.gain is not None
    assert SAMPLE.gain.over_linear_probe is not None
    text = " ".join(verdict_texts(COST))
    assert "the winner gains +0.043 [+0.017 +0.071]" in text
    assert "points [" not in text
    assert "the winner gains +4.3 points [+1.7, +7.1]" in " ".join(verdict_texts(SAMPLE))


@pytest.mark.parametrize(("test", "said"), [(1.7, True), (1.6, True), (1.5, False)])
def test_worse_than_guessing_is_more_where_less_is_better(test: float, said: bool) -> None:
    assert SAMPLE.baseline is not None
    result = replace(COST, baseline=replace(SAMPLE.baseline, test=test))
    sentences = " ".join(verdict_texts(result))
    assert ("no better than the best answer that is the same for every image (1.600)" in sentences) is said


@pytest.mark.parametrize(("name", "text"), [("macro_f1", "macro F1"), ("balanced_accuracy", "balanced accuracy")])
def test_a_metric_is_named_as_people_do(name: str, text: str) -> None:
    assert words.metric_name(name) == text


def test_the_time_of_a_run_says_its_zone() -> None:
    assert words.moment("2026-11-22T10:12:00+00:00") == "2026-11-22 10:12 UTC"
    assert words.moment("2026-11-22T10:12:00") == "2026-11-22 10:12"
    assert words.moment("") == ""
