"""Sentences on what a run found out: labels that may be wrong, and true probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.results.sample_insights import SUSPECT
from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report import insights
from tlsearch.results.schema import Calibration, CalibrationBin, CalibrationScore, LabelErrors
from tlsearch.stats.label_precision import PRECISION


def calibrated(images: int, confidence: float, accuracy: float, **judged: Any) -> str:
    score = CalibrationScore(
        ece=abs(confidence - accuracy), ece_by_chance=0.001, log_loss=0.5,
        bins=(CalibrationBin(images, confidence, accuracy),),
    )  # fmt: skip
    judged = {"temperature": 1.1, **judged}
    return insights.calibration_sentence(Calibration(fitted_on=100, bins=15, before=score, after=score, **judged))


def test_the_winner_is_too_sure_only_where_there_is_evidence() -> None:
    said = calibrated(304, 0.993, 0.987)  # 1.8 images, which luck explains
    assert "as sure as it should be, as far as these images can tell: of 304 test images 1.8 fewer are right" in said
    assert "The winner is surer than it should be: of 304 test images 27.4 fewer" in calibrated(304, 0.95, 0.86)
    assert "less sure than it should be: of 304 test images 42.6 more" in calibrated(304, 0.75, 0.89)


def test_what_predict_gives_is_said_with_the_reason() -> None:
    assert calibrated(304, 0.9, 0.9).endswith("and 0.500. The saved model gives its probabilities as they are.")
    assert calibrated(304, 0.9, 0.9, by_default=True, p_value=0.003).endswith(
        "tlsearch predict applies this temperature to the saved model's probabilities, because on 100 validation "
        "images the model is surer than it should be (p = 0.003); with --no-calibrated it does not. The class of an "
        "image is the same."
    )
    as_they_are = "tlsearch predict gives the saved model's probabilities as they are, because"
    assert calibrated(304, 0.9, 0.9, p_value=0.3).endswith(
        f"{as_they_are} 100 validation images do not show that it helps (p = 0.300); with --calibrated it applies the "
        "temperature."
    )
    assert (
        f"{as_they_are} making a model surer takes more evidence than 100 validation images give here (p = 0.020, not "
        "below 0.001);"
    ) in calibrated(304, 0.9, 0.9, temperature=0.8, p_value=0.02)


@pytest.mark.parametrize(
    ("by_winner", "suspected", "figures"),
    [
        (1100, 60, PRECISION["winner, all folds"][1000][0.93]),
        (1100, 200, PRECISION["winner, all folds"][1000][0.77]),
        (150, 60, PRECISION["winner on validation, else probe"][1000][0.944]),
        (0, 60, PRECISION["probe"][1000][0.93]),
        (0, 1000, PRECISION["probe"][1000][0.77]),
    ],
)
def test_how_many_suspects_are_wrong_is_said_as_it_was_measured(
    by_winner: int, suspected: int, figures: tuple[float, float]
) -> None:
    errors = SAMPLE.insights.label_errors
    assert errors is not None
    assert "in simulations" not in insights.label_errors_sentence(errors)
    errors = replace(errors, examined=1100, by_winner=by_winner, suspected=suspected)
    low, high = (f"{100 * share:.0f} %" for share in figures)
    assert insights.label_errors_sentence(errors).endswith(
        f"of a list of 24 it was {low} where 1 % of all labels were wrong, and {high} where 5 % were."
    )


def labels_of(estimated: int, suspects: int) -> LabelErrors:
    return LabelErrors(examined=1336, estimated=estimated, suspects=(SUSPECT,) * suspects, by_winner=1336, suspected=53)


@pytest.mark.parametrize(
    ("estimated", "suspects", "shown"), [(6, 24, 6), (0, 24, 4), (1, 24, 4), (31, 24, 24), (6, 3, 3)]
)
def test_as_many_suspects_are_shown_as_the_count_carries(estimated: int, suspects: int, shown: int) -> None:
    errors = labels_of(estimated, suspects)
    assert insights.shown_suspects(errors) == shown
    said = insights.label_errors_sentence(errors)
    assert f"The {shown} most suspect are shown" in said
    assert (f"and the next {suspects - shown} are in result.json" in said) == (shown < suspects)
