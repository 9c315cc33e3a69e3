"""What the report claims, and the numbers that it gives for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.insights import label_errors_sentence
from tlsearch.report.numbers import percent, percent_interval, points
from tlsearch.report.verdict import verdict_of
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Gain


def gained(low: float, high: float, **changes: float | None) -> RunResult:
    gain = Gain(test=(low + high) / 2, ci95=(low, high), discordant=(8, 6), mcnemar_midp=0.2)
    return replace(SAMPLE, gain=replace(gain, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "p", "answer", "claim"),
    [
        (
            0.01,
            0.05,
            0.03,
            "yes",
            "Pre-training helped. The pre-trained EfficientNet-Lite0 beats another network (small_cnn)",
        ),
        (
            -0.01,
            0.05,
            0.03,
            "cannot tell",
            "Whether pre-training helped cannot be told. No gain over another network (small_cnn)",
        ),
        (
            -0.05,
            -0.01,
            0.03,
            "no",
            "Pre-training did harm here. Another network (small_cnn) trained from scratch beats the",
        ),
        (
            0.01,
            0.05,
            0.2,
            "cannot tell",
            "Whether pre-training helped cannot be told. No gain over another network (small_cnn)",
        ),
        (
            -0.01,
            0.02,
            0.4,
            "no",
            "Pre-training brings nothing here. Another network (small_cnn) trained",
        ),
    ],
)
def test_the_verdict_claims_what_the_interval_and_the_p_value_allow(
    low: float, high: float, p: float, answer: str, claim: str
) -> None:
    verdict = verdict_of(gained(low, high, mcnemar_midp=p))
    assert verdict.pretraining == answer
    assert f"{verdict.pretraining_said} {verdict.pretraining_evidence}".startswith(claim)


def test_the_verdict_gives_the_p_value_that_there_is() -> None:
    assert "p = 0.200" in verdict_of(gained(0.01, 0.05)).pretraining_evidence
    assert "p = 0.034" in verdict_of(gained(0.01, 0.05, mcnemar_midp=None, permutation_p=0.034)).pretraining_evidence
    assert "no p-value" in verdict_of(gained(0.01, 0.05, mcnemar_midp=None)).pretraining_evidence


def test_numbers_read_as_people_write_them() -> None:
    assert percent(0.9034) == "90.3 %"
    assert percent_interval((0.869, 0.9294)) == "86.9 to 92.9 %"
    assert (points(0.301), points(-0.02)) == ("+30.1", "-2.0")


def test_suspects_without_an_estimate_are_told_as_such() -> None:
    labels = SAMPLE.insights.label_errors if SAMPLE.insights else None
    assert labels is not None
    assert "count hardly any of 1,336 training and validation images" in label_errors_sentence(
        replace(labels, estimated=0)
    )
