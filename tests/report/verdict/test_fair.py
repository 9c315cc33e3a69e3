"""A network from scratch that had its whole schedule and learns still: what is claimed over it, and what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.fair import no_claim, still_learns
from tlsearch.results.result import RunResult
from tlsearch.stats.trend import AGAIN, Rise, extrapolate
from tlsearch.training.schedule import amount_trained


def finished(gain: float, rise: Rise | None) -> RunResult:
    """The sample with such a gain, give or take 5 points, over a network from scratch that had all of its 60 epochs."""
    assert SAMPLE.gain is not None
    assert SAMPLE.baseline is not None
    over = replace(SAMPLE.gain, test=gain, ci95=(gain - 0.05, gain + 0.05), mcnemar_midp=0.001)
    return replace(
        SAMPLE,
        gain=over,
        baseline=replace(SAMPLE.baseline, epochs=60, whole_epochs=60, rise=rise, still_improving=False),
    )


def test_a_gain_that_more_training_could_undo_is_not_claimed() -> None:
    result = finished(0.10, Rise(0.09, 0.01))
    assert verdict_of(result).pretraining == "cannot tell"
    assert no_claim(result) == (
        "it was trained for 60 epochs and still learns, and going by its curve, its score would rise by another "
        "9.0 points in as many more, too near to the gain on test"
    )


def test_a_gain_that_outlasts_it_is_claimed_and_the_rise_is_named() -> None:
    result = finished(0.40, Rise(0.09, 0.01))
    assert verdict_of(result).pretraining == "yes"
    (said,) = [sentence for sentence in verdict_texts(result) if "still learns" in sentence]
    assert said == (
        "The network from scratch was trained for 60 epochs and still learns. Trained for as long again, going by its "
        "curve, it would gain about 9.0 points more; pre-training would still lead."
    )


@pytest.mark.parametrize("rise", [None, Rise(0.0, 0.0), Rise(0.02, 0.02)], ids=["not known", "flat", "noise"])
def test_one_that_has_come_to_its_end_says_nothing(rise: Rise | None) -> None:
    result = finished(0.06, rise)
    assert verdict_of(result).pretraining == "yes"
    assert not any("60 epochs" in sentence for sentence in verdict_texts(result))


@pytest.mark.parametrize(("learns_in", "learns"), [(0.02, False), (40.0, True)])
def test_the_curve_of_a_whole_schedule_says_whether_it_learns_still(learns_in: float, learns: bool) -> None:
    """The score nears its end by a factor of e in so much training, of which the schedule has 30."""
    trained = amount_trained(range(1, 61), 60)
    rise = extrapolate(trained, [0.9 - 0.8 * 2.718 ** (-amount / learns_in) for amount in trained], AGAIN * 30, 1.0)
    assert rise is not None
    baseline = finished(0.4, rise).baseline
    assert baseline is not None
    assert still_learns(baseline) is learns
