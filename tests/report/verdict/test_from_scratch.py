"""What a network from scratch carries: a claim, none, and what is said of its training."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.scratch_results import with_scratch
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.cli.summary import print_summary
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import model_rows
from tlsearch.report.sections.summary import summary
from tlsearch.report.text import NO_CLAIM, gain_lines
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.fair import no_claim
from tlsearch.results.result import RunResult
from tlsearch.stats.trend import Rise


def stopped(gain: float, rise: Rise | None, epochs: int = 25) -> RunResult:
    """The sample with a gain over a network from scratch that was stopped by time."""
    return with_scratch(
        gain - 0.05, gain + 0.05, epochs=epochs, whole_epochs=60, rise=rise, stopped_by="time", still_improving=True
    )


@pytest.mark.parametrize("rise", [None, Rise(0.28, 0.02)], ids=["has only begun", "would still rise"])
def test_a_network_that_was_stopped_carries_no_claim_that_its_rest_could_undo(rise: Rise | None) -> None:
    result = stopped(0.3, rise)
    verdict = verdict_of(result)
    assert (verdict.pretraining, verdict.model) == ("cannot tell", "model")
    said = verdict.pretraining_evidence
    assert "There is no fair comparison with another network (small_cnn) trained from scratch" in said
    assert "because its time was over after 25 of 60 epochs, " in said
    assert ("too early to tell how far it would have come" in said) is (rise is None)
    pace = "going by its curve"
    rises = f"{pace}, its score would rise by another 28.0 points, too near to the gain on test"
    assert (rises in said) is (rise is not None)
    assert "+30.0 points" not in said
    assert "steep" not in said
    assert gain_lines(result.gain, no_claim(result))[0].endswith(NO_CLAIM)
    assert not any("would gain" in sentence for sentence in verdict_texts(result))


def test_a_network_without_a_fair_comparison_is_marked_wherever_its_score_stands() -> None:
    stopped_early, finished = stopped(0.3, None), SAMPLE
    marks = [[row.caveat for row in model_rows(each)] for each in (stopped_early, finished)]
    assert marks == [["", "", "25 of 60 epochs, no fair comparison", ""], ["", "", "", ""]]
    assert "| from scratch: small_cnn (25 of 60 epochs, no fair comparison) |" in describe(stopped_early)
    assert summary(stopped_early).shown["intervals"][2]["caveat"] == "25 of 60 epochs, no fair comparison"
    console = Console(record=True, width=100, file=io.StringIO())
    print_summary(console, stopped_early)
    assert "\n25 of 60 epochs, no fair comparison" in console.export_text()


def test_a_gain_that_outlasts_the_rest_of_the_schedule_is_claimed_and_the_rest_is_named() -> None:
    result = stopped(0.5, Rise(0.06, 0.01), epochs=30)
    assert verdict_of(result).pretraining == "yes"
    assert no_claim(result) == ""
    (said,) = [sentence for sentence in verdict_texts(result) if "30 of 60 epochs" in sentence]
    assert said.endswith(
        "Trained to its end, going by its curve, it would gain about 6.0 points more; pre-training would still lead."
    )


@pytest.mark.parametrize(("epochs", "test"), [(19, 0.6), (30, 0.3)], ids=["too early", "learned too little"])
def test_a_flat_curve_of_a_network_that_has_only_begun_carries_no_claim(epochs: int, test: float) -> None:
    """It may lie before a jump. Always the most frequent class scores 0.25."""
    assert SAMPLE.baseline is not None
    result = stopped(0.5, Rise(0.0, 0.001), epochs=epochs)
    assert result.baseline is not None
    early = replace(result, baseline=replace(result.baseline, test=test))
    assert f"after {epochs} of 60 epochs, too early to tell how far it would have come" in no_claim(early)
    later = replace(result, baseline=replace(result.baseline, epochs=50, test=0.35))
    assert no_claim(later) == ""


def test_what_was_stopped_by_epochs_that_were_asked_for_does_not_speak_of_time() -> None:
    result = with_scratch(0.25, 0.35, epochs=3, whole_epochs=60, rise=None, stopped_by="schedule")
    assert (
        "because it was trained for 3 of 60 epochs, too early to tell how far it would have come"
        in no_claim_sentence(result)
    )


def no_claim_sentence(result: RunResult) -> str:
    return verdict_of(result).pretraining_evidence


@pytest.mark.parametrize(("low", "high"), [(-0.012, 0.018), (-0.09, -0.02), (-0.05, 0.09)])
def test_a_network_that_was_stopped_and_is_as_good_all_the_same_is_said_to_be(low: float, high: float) -> None:
    """More training would only make it better, so there is no need to wait for it."""
    result = with_scratch(low, high, epochs=3, whole_epochs=60, rise=None, stopped_by="time")
    assert no_claim(result) == ""
    assert verdict_of(result).pretraining == ("cannot tell" if low == -0.05 else "no")


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(-0.35, -0.25, "no"), (-0.05, 0.02, "no"), (-0.05, 0.2, "cannot tell"), (0.1, 0.2, "cannot tell")],
    ids=["worse", "no better", "not known", "better"],
)
@pytest.mark.parametrize("why", ["its time was over after 8 of 60 epochs", "it has seen 96 images"])
def test_what_a_network_from_scratch_was_denied_is_no_excuse_for_one_that_is_no_better(
    low: float, high: float, answer: str, why: str
) -> None:
    stopped_early = {"epochs": 8, "whole_epochs": 60, "rise": None, "stopped_by": "time"}
    result = with_scratch(low, high, no_claim=why, megabytes=2.9, **stopped_early)
    verdict = verdict_of(result)
    assert verdict.pretraining == answer
    assert verdict.model == ("baseline" if answer == "no" else "model")
    assert no_claim(result) == ("" if answer == "no" else why)
    assert gain_lines(result.gain, no_claim(result))[0].endswith(NO_CLAIM) is (answer != "no")
    first = model_rows(replace(result, verdict=verdict))[0]
    assert (first.name, first.caveat) == (("from scratch", "") if answer == "no" else ("winner", ""))


@pytest.mark.parametrize(("low", "high", "answer"), [(-0.05, 0.02, "cannot tell"), (-0.35, -0.25, "no")])
def test_one_that_knows_nothing_says_nothing_of_a_model_that_is_no_better(low: float, high: float, answer: str) -> None:
    """It takes a loss that is shown."""
    assert SAMPLE.metrics.majority is not None
    result = with_scratch(low, high, no_claim="it has not learned", megabytes=2.9, test=SAMPLE.metrics.majority)
    assert verdict_of(result).pretraining == answer
    assert bool(no_claim(result)) is (answer == "cannot tell")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.05, -0.002, "scores 2.6 points more on test, which may be chance: the"), (-0.01, 0.02, "is as good: the")],
)
def test_where_pretraining_brings_nothing_the_better_score_is_named(low: float, high: float, said: str) -> None:
    """An interval below 0 without evidence is no loss that is shown, and no tie either."""
    found = with_scratch(low, high)
    assert found.gain is not None
    verdict = verdict_of(replace(found, gain=replace(found.gain, mcnemar_midp=0.073)))
    assert (verdict.pretraining, verdict.pretraining_said) == ("no", "Pre-training brings nothing here.")
    assert (
        f"Another network (small_cnn) trained from scratch {said} gain from pre-training is "
        in verdict.pretraining_evidence
    )


def test_a_finished_schedule_leaves_nothing_to_gain() -> None:
    result = with_scratch(0.1, 0.2, epochs=60, whole_epochs=60, rise=None, still_improving=True)
    assert verdict_of(result).pretraining == "yes"
    assert "The network from scratch was still improving after 60 epochs." in verdict_texts(result)


def test_which_networks_are_compared_is_said_and_the_same_one_from_scratch_is_named() -> None:
    verdict = verdict_of(SAMPLE)  # both networks were trained from scratch, and the small one was better
    said = verdict.pretraining_evidence
    assert said.startswith(
        "The pre-trained EfficientNet-Lite0 beats another network (small_cnn) trained from scratch by +30.1"
    )
    assert said.endswith(
        "EfficientNet-Lite0 itself, trained from scratch, scores 56.6 % (95 % interval 51.5 to 61.5 %)."
    )
    assert SAMPLE.baseline is not None
    alone = verdict_of(replace(SAMPLE, from_scratch=(SAMPLE.baseline,))).pretraining_evidence
    assert alone.endswith("EfficientNet-Lite0 itself was not trained from scratch.")
    large = SAMPLE.from_scratch[1]
    same = verdict_of(replace(SAMPLE, baseline=large, from_scratch=(large, SAMPLE.baseline))).pretraining_evidence
    assert same.startswith("The pre-trained EfficientNet-Lite0 beats the same network trained from scratch by +30.1")
    assert "itself" not in same


def test_why_the_network_itself_was_not_trained_from_scratch_is_said_once() -> None:
    own, other = SAMPLE.winner.spec.backbone, "vgg16 (it would take longer than all 12 trials together)"
    kept = f"{own} (30 epochs would take about 44m, and 1m of the run's 8m are kept for it)"
    assert SAMPLE.baseline is not None
    alone = replace(SAMPLE.baseline, not_affordable=(kept, other))
    result = replace(SAMPLE, baseline=alone, from_scratch=(alone,))
    said = verdict_texts(result)
    assert any(
        text.endswith(
            "EfficientNet-Lite0 itself was not trained from scratch: 30 epochs would take about 44m, and 1m of the "
            "run's 8m are kept for it."
        )
        for text in said
    )
    assert f"Not affordable from scratch here: {other}." in said
    assert " ".join(said).count("44m") == 1
    older = replace(verdict_of(result), pretraining_said="Pre-training helped by 30 points.", pretraining_evidence="")
    assert f"Not affordable from scratch here: {kept}, {other}." in verdict_texts(replace(result, verdict=older))


def test_a_network_that_guesses_on_test_carries_no_claim_anywhere() -> None:
    """The lines of figures say so too, not the sentence alone."""
    assert SAMPLE.metrics.majority is not None
    result = with_scratch(0.4, 0.6, test=SAMPLE.metrics.majority)
    assert "on test it is no better than always guessing" in no_claim(result)
    assert verdict_of(result).pretraining == "cannot tell"
    assert NO_CLAIM in describe(result)
    assert no_claim(SAMPLE) == no_claim(replace(SAMPLE, baseline=None)) == ""
    of_probabilities = replace(result, metrics=replace(result.metrics, counts=None))
    assert "on test it is no better than the best answer that is the same for every image" in no_claim(of_probabilities)
    assert NO_CLAIM not in describe(SAMPLE)
