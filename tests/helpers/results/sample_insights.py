"""What the made-up result says beyond its scores."""

from __future__ import annotations

from tlsearch.results.schema import (
    Calibration,
    CalibrationBin,
    CalibrationScore,
    Importance,
    Insights,
    LabelErrors,
    MoreData,
    ParameterImportance,
    PredictionSets,
    SetCoverage,
    SizePoint,
    Suspect,
)

SUSPECT = Suspect(
    path="shirt/9.jpg", given="shirt", suggested="dress", given_probability=0.004, suggested_probability=0.951
)


def _sets(asked: float, covered: float, left: int, right: float | None) -> SetCoverage:
    """Prediction sets on the 372 test images; where ``right`` is None there were too few images to make them."""
    return SetCoverage(
        asked=asked,
        covered=covered,
        ci95=(covered - 0.03, min(1.0, covered + 0.03)),
        lowest_expected=asked - 0.06,
        single=1 - left / 372,
        single_right=right,
        left=left,
        mean_size=1 + 2 * left / 372,
        enough=right is not None,
    )


INSIGHTS = Insights(
    more_data=MoreData(
        metric="accuracy",
        points=(
            SizePoint(0.25, 268, 0.801, 0.011),
            SizePoint(0.5, 535, 0.838, 0.009),
            SizePoint(1.0, 1069, 0.861, 0.008),
        ),
        draws=2,
        examined=1336,
        last_gain=0.023,
        gain_ci95=(0.011, 0.035),
    ),
    label_errors=LabelErrors(
        examined=1336,
        estimated=31,
        suspects=(SUSPECT,),
    ),
    calibration=Calibration(
        temperature=1.62,
        fitted_on=136,
        bins=15,
        before=CalibrationScore(
            ece=0.061,
            ece_by_chance=0.024,
            log_loss=0.402,
            bins=(CalibrationBin(40, 0.55, 0.4), CalibrationBin(332, 0.98, 0.95)),
        ),
        after=CalibrationScore(
            ece=0.022,
            ece_by_chance=0.026,
            log_loss=0.341,
            bins=(CalibrationBin(52, 0.52, 0.5), CalibrationBin(320, 0.93, 0.95)),
        ),
    ),
    prediction_sets=PredictionSets(
        calibration_images=90,
        calibration_groups=90,
        images=372,
        levels=(
            _sets(0.8, 0.898, left=0, right=0.898),
            _sets(0.9, 0.914, left=21, right=0.921),
            _sets(0.95, 0.957, left=80, right=0.962),
            _sets(0.99, 1.0, left=372, right=None),
        ),
    ),
)

IMPORTANCE = Importance(
    "fanova",
    12,
    (
        ParameterImportance("train_suffix", 0.41, 0.08),
        ParameterImportance("candidate", 0.2, 0.05),
        ParameterImportance("dropout", 0.01, None),
    ),
)
