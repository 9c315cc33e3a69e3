"""What a run comes to: which model, what was gained, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.sample_result import SAMPLE
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import model_rows
from tlsearch.report.text import NO_CLAIM, gain_lines
from tlsearch.report.verdict import answers, no_claim, verdict_of, verdict_sentences
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion, Gain, Insights, LeftOut


def with_scratch(low: float, high: float, **changes: Any) -> RunResult:
    """The sample with another gain over its baseline, which has other facts."""
    assert SAMPLE.gain is not None
    assert SAMPLE.baseline is not None
    gain = replace(SAMPLE.gain, test=(low + high) / 2, ci95=(low, high), mcnemar_midp=0.4 if low <= 0 <= high else 0.01)
    metrics = replace(SAMPLE.metrics, megabytes=14.3, ms_per_image=6.0)
    return replace(SAMPLE, gain=gain, metrics=metrics, baseline=replace(SAMPLE.baseline, **changes))


def test_the_winner_is_the_model_to_use_where_pretraining_helped() -> None:
    verdict = verdict_of(SAMPLE)
    assert (verdict.model, verdict.pretraining, verdict.search) == ("model", "yes", "yes")
    assert verdict.use.startswith(
        f"Use the model in {SAMPLE.output.folder}/model: EfficientNet-Lite0 (ImageNet-1k), first 6 of 18 "
    )
    assert "first 6 of 18 blocks frozen, linear head, standard augmentation 0.50. Its" in verdict.use
    assert "on 372 test images is 90.3 % (95 % interval 86.9 to 92.9 %)" in verdict.use
    assert f"tlsearch predict {SAMPLE.output.folder}/model new-photo.jpg" in verdict.use


def test_the_answers_are_tags() -> None:
    assert answers(SAMPLE) == {"model_to_use": "model", "pretraining_helped": "yes", "search_paid": "yes"}
    assert answers(replace(SAMPLE, baseline=None, gain=None, linear_probe=None)) == {"model_to_use": "model"}


def test_every_model_says_what_it_costs() -> None:
    result = with_scratch(0.1, 0.2, megabytes=2.9, ms_per_image=2.0, parameters=712_345)
    costs = {row.name: row.cost for row in model_rows(result)}
    assert costs["from scratch"] == "2.9 MB, 2.0 ms an image, 0.7 million parameters"
    assert costs["winner"].startswith("14.3 MB, 6.0 ms an image")
    assert costs["linear probe"] == ""
    assert "| 2.9 MB, 2.0 ms an image, 0.7 million parameters |" in describe(result)
    assert "| not known |" in describe(result)


def test_a_small_network_from_scratch_that_is_as_good_is_offered() -> None:
    verdict = verdict_of(with_scratch(-0.012, 0.018, megabytes=2.9, ms_per_image=2.0, test=0.984))
    assert (verdict.model, verdict.pretraining) == ("baseline", "no")
    assert verdict.pretraining_evidence.startswith("Pre-training brings nothing here")
    assert f"{SAMPLE.output.folder}/baseline: small_cnn, trained from scratch, scores 98.4 %" in verdict.use
    assert "2.9 MB instead of 14.3 and 2.0 ms an image instead of 6.0" in verdict.use
    assert f"tlsearch predict {SAMPLE.output.folder}/baseline new-photo.jpg" in verdict.use


def test_a_network_from_scratch_that_is_as_good_and_as_large_is_not_offered() -> None:
    verdict = verdict_of(with_scratch(-0.012, 0.018, megabytes=14.0))
    assert (verdict.model, verdict.pretraining) == ("model", "no")


def test_a_network_from_scratch_that_is_better_is_offered_whatever_its_size() -> None:
    verdict = verdict_of(with_scratch(-0.09, -0.02, megabytes=500.0))
    assert (verdict.model, verdict.pretraining) == ("baseline", "no")
    assert "did harm" in verdict.pretraining_evidence


def test_where_there_was_no_time_for_a_fair_comparison_nothing_is_claimed() -> None:
    result = with_scratch(0.4, 0.6, no_claim="after 2 epochs its score was still rising steeply", still_improving=True)
    verdict = verdict_of(result)
    assert verdict.pretraining == "cannot tell"
    assert verdict.model == "model"
    assert "no time for a fair comparison with small_cnn trained from scratch" in verdict.pretraining_evidence
    assert "after 2 epochs its score was still rising steeply" in verdict.pretraining_evidence
    assert "points" not in verdict.pretraining_evidence
    assert not any("equal compute" in sentence for sentence in verdict_sentences(result))
    assert result.baseline is not None
    assert NO_CLAIM in gain_lines(result.gain, result.baseline.no_claim)[0]
    assert "p " not in gain_lines(result.gain, result.baseline.no_claim)[0]


def test_a_network_that_guesses_on_test_carries_no_claim_anywhere() -> None:
    """The lines of figures say so too, not the sentence alone."""
    assert SAMPLE.metrics.majority is not None
    result = with_scratch(0.4, 0.6, test=SAMPLE.metrics.majority)
    assert "on test it is no better than always guessing" in no_claim(result)
    assert verdict_of(result).pretraining == "cannot tell"
    assert NO_CLAIM in describe(result)
    assert no_claim(SAMPLE) == no_claim(replace(SAMPLE, baseline=None)) == ""
    assert NO_CLAIM not in describe(SAMPLE)


def test_a_linear_probe_that_ships_is_said_to_be_one() -> None:
    assert SAMPLE.gain is not None
    verdict = verdict_of(replace(SAMPLE, gain=replace(SAMPLE.gain, over_linear_probe=None)))
    assert verdict.search == "no"
    assert "nothing better than a linear probe" in verdict.search_evidence


@pytest.mark.parametrize(
    ("low", "high", "p", "answer"),
    [
        (0.01, 0.07, 0.01, "yes"),
        (-0.02, 0.02, 0.8, "no"),
        (-0.02, 0.08, 0.3, "cannot tell"),
        (-0.05, -0.01, 0.01, "no"),
    ],
)
def test_the_search_is_judged_by_what_it_brought_over_the_probe(low: float, high: float, p: float, answer: str) -> None:
    assert SAMPLE.gain is not None
    assert SAMPLE.gain.over_linear_probe is not None
    over = replace(SAMPLE.gain.over_linear_probe, difference=(low + high) / 2, ci95=(low, high), mcnemar_midp=p)
    assert verdict_of(replace(SAMPLE, gain=Gain(over_linear_probe=over))).search == answer


def test_the_classes_with_the_errors_need_images() -> None:
    names = ("boot", "coat", "hat", "shirt", "tie")
    rows = ((20, 0, 0, 0, 0), (0, 12, 0, 8, 0), (0, 0, 20, 0, 0), (0, 6, 1, 13, 0), (0, 1, 0, 0, 19))
    verdict = verdict_of(replace(SAMPLE, confusion=Confusion(names, rows)))
    (step,) = [step for step in verdict.next_steps if "add images" in step]
    assert step.startswith("Next, add images of coat and shirt: 94 % of the 16 errors on test are theirs")
    assert step.endswith(", and 40 % of the images.")
    # A class with half of the images may have half of the errors.
    large = ((20, 0, 0, 0, 0), (0, 72, 0, 8, 0), (0, 0, 20, 0, 0), (0, 6, 1, 53, 0), (0, 1, 0, 0, 19))
    few = ((20, 0, 0, 0, 0), (0, 18, 0, 2, 0), (0, 0, 20, 0, 0), (0, 1, 0, 19, 0), (0, 0, 0, 0, 20))
    for matrix in (large, few):
        said = verdict_of(replace(SAMPLE, confusion=Confusion(names, matrix))).next_steps
        assert not any("add images" in step for step in said)


def test_more_time_and_absent_networks_are_next_where_they_are_missing() -> None:
    plan = replace(SAMPLE.plan, time_limit=300.0, left_out=(LeftOut("vgg16", "would be downloaded (59 MB)"),))
    steps = verdict_of(replace(SAMPLE, plan=plan, trials=(), confusion=None, insights=Insights())).next_steps
    assert len(steps) == 2
    assert "no trial that tuned layers of a network came to an end within 5" in steps[0]
    assert "tlsearch weights fetch vgg16" in steps[1]
    unlimited = replace(
        SAMPLE, plan=replace(SAMPLE.plan, time_limit=None, left_out=()), confusion=None, insights=Insights()
    )
    assert verdict_of(unlimited).next_steps == ()
