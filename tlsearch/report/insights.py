"""Sentences on what a run found out: labels that may be wrong, and whether the winner's probabilities are true."""

from __future__ import annotations

import math

from tlsearch.report.numbers import format_p, percent
from tlsearch.report.text import SIGNIFICANT
from tlsearch.results.schema import Calibration, CalibrationScore, LabelErrors
from tlsearch.stats.calibration import SHARPEN, SOFTEN, FittedTemperature
from tlsearch.stats.label_precision import LIST, RATES, judge_of, measured_precision
from tlsearch.utils.units import counted

FEWEST_SUSPECTS = 4
"""Suspects that are shown however few labels are counted as wrong: the count is not exact."""


def shown_suspects(errors: LabelErrors) -> int:
    """How many suspects are shown: as many as labels are counted as wrong, with a floor."""
    return min(len(errors.suspects), max(FEWEST_SUSPECTS, errors.estimated))


def label_errors_sentence(errors: LabelErrors) -> str:
    """How many labels are counted as wrong, and what is shown."""
    where = f"{errors.examined:,} training and validation images"
    if not errors.suspects:
        return f"None of {where} looks as if it belonged to another class."
    few = shown_suspects(errors)
    shown = "The most suspect is shown" if few == 1 else f"The {few} most suspect are shown"
    if more := len(errors.suspects) - few:
        shown += f", and the next {more:,} are in result.json"
    many = f"about {errors.estimated:,}" if errors.estimated else "hardly any"
    models = "Linear probes that had not seen the image"
    if errors.by_winner:
        rest = "" if errors.by_winner == errors.examined else " where it was validated on the image, else linear probes"
        models = f"Models that had not seen the image (the winner{rest})"
    return (
        f"{models} count {many} of {where} as wrongly labelled. "
        f"{shown}; some are only unusual, so look before you change a label.{_measured(errors)}"
    )


def _measured(errors: LabelErrors) -> str:
    """How many of such a list are wrong where that is known, as docs/explanation/insights.md has it."""
    if errors.suspected is None:
        return ""
    agreement, judge = 1 - errors.suspected / errors.examined, judge_of(errors.by_winner, errors.examined)
    low, high = measured_precision(judge, errors.examined, agreement)
    few, many = RATES
    return (
        " How many of them are wrong depends on how many labels are: in simulations with a judge like this one, of a "
        f"list of {LIST} it was {percent(low, 0)} where {percent(few, 0)} of all labels were wrong, and "
        f"{percent(high, 0)} where {percent(many, 0)} were."
    )


def calibration_sentence(calibration: Calibration, folds: int = 1) -> str:
    """Whether the winner is too sure, and what a temperature does about it.

    With several ``folds`` (``PlanSummary.folds``) the temperature comes from other models than the one that is tested.
    """
    before, after = calibration.before, calibration.after
    excess, p = _excess_confidence(before)
    sure = "about as sure as it should be, as far as these images can tell"
    if p < SIGNIFICANT:
        sure = "surer than it should be" if excess > 0 else "less sure than it should be"
    images = sum(b.images for b in before.bins)
    source = "validation images"
    if folds > 1:
        source += " of folds, and so on models that saw fewer images than the tested one"
    than = "fewer" if excess > 0 else "more"
    return (
        f"The winner is {sure}: of {images:,} test images {abs(excess):.1f} {than} are right than its probabilities "
        f"say ({format_p(p)}). The expected calibration error is {percent(before.ece)} ({calibration.bins} bins; "
        f"{percent(before.ece_by_chance)} is to be expected by chance where all is well), log loss "
        f"{before.log_loss:.3f}. With temperature {calibration.temperature:.2f}, fitted on {calibration.fitted_on:,} "
        f"{source}: {percent(after.ece)} and {after.log_loss:.3f}. {_what_predict_gives(calibration)}"
    )


def _what_predict_gives(calibration: Calibration) -> str:
    """Which probabilities the saved model gives. Runs before temperatures were kept have no p-value."""
    if calibration.p_value is None:
        return "The saved model gives its probabilities as they are."
    fitted = FittedTemperature(
        value=calibration.temperature,
        images=calibration.fitted_on,
        p_value=calibration.p_value,
        helps=calibration.by_default,
    )
    reason = temperature_reason(fitted)
    if fitted.helps:
        return (
            f"tlsearch predict applies this temperature to the saved model's probabilities, because {reason}; with "
            "--no-calibrated it does not. The class of an image is the same."
        )
    return (
        f"tlsearch predict gives the saved model's probabilities as they are, because {reason}; with --calibrated it "
        "applies the temperature."
    )


def temperature_reason(fitted: FittedTemperature) -> str:
    """Why a model's temperature is applied unless somebody asks otherwise, or why it is not."""
    images, p = counted(fitted.images, "validation image"), format_p(fitted.p_value)
    if fitted.helps:
        sure = "surer than it should be" if fitted.value > 1 else "less sure than it should be"
        return f"on {images} the model is {sure} ({p})"
    if fitted.p_value < SOFTEN:  # it asks for a temperature below 1
        return f"making a model surer takes more evidence than {images} give here ({p}, not below {SHARPEN})"
    return f"{images} {'does' if fitted.images == 1 else 'do'} not show that it helps ({p})"


def _excess_confidence(score: CalibrationScore) -> tuple[float, float]:
    """By how many images the probabilities say too much, and the p-value of "they say neither too much nor too little".

    If every probability is true, the number of right images is a sum of independent draws (after Spiegelhalter, Stat.
    Med. 5 (1986) 421), which a normal distribution is near enough to. Groups of images that are alike make its variance
    larger.
    """
    excess = sum(b.images * (b.confidence - b.accuracy) for b in score.bins)
    variance = score.design_effect * sum(b.images * b.confidence * (1 - b.confidence) for b in score.bins)
    return excess, math.erfc(abs(excess) / math.sqrt(2 * max(variance, 1e-9)))
