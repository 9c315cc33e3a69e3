"""The findings of a run in sentences."""

from __future__ import annotations

from tlsearch.report.text import metric_name, percent, points
from tlsearch.results.schema import Calibration, LabelErrors, MoreData

HARDLY = 0.01
"""A doubling that surely gains less than this is not worth the pictures."""


def more_data_sentence(more: MoreData) -> str:
    """Would more images help, as far as a linear probe can tell?"""
    low, high = more.gain_ci95
    fewer, most = more.points[-2], more.points[-1]
    figures = (
        f"from {fewer.images:,} to {most.images:,} images, a linear probe gained {points(more.last_gain)} points "
        f"of {metric_name(more.metric)} [{points(low)}, {points(high)}]"
    )
    if low > 0 and more.last_gain >= HARDLY:
        return f"More images would probably help: {figures}. The next doubling usually brings somewhat less."
    if high < HARDLY:
        return f"More images of the same kind would hardly help: {figures}."
    if low > 0:
        return f"More images would help a little: {figures}."
    return f"Whether more images would help cannot be told: {figures}."


def label_errors_sentence(labels: LabelErrors) -> str:
    """How many labels are counted as wrong, and what is shown."""
    where = f"{labels.examined:,} training and validation images"
    if not labels.suspects:
        return f"None of {where} looks as if it belonged to another class."
    few = len(labels.suspects)
    shown = "The most suspect is shown" if few == 1 else f"The {few} most suspect are shown"
    many = f"about {labels.estimated:,}" if labels.estimated else "hardly any"
    return (
        f"Linear probes that had not seen the image count {many} of {where} as wrongly labelled. "
        f"{shown}; some are only unusual, so look before you change a label."
    )


def calibration_sentence(calibration: Calibration, folds: int = 1) -> str:
    """Whether the winner is too sure, and what a temperature does about it. With several ``folds`` (``Plan.folds``) the
    temperature comes from other models than the one that is tested."""
    before, after, temperature = calibration.before, calibration.after, calibration.temperature
    sure = "about as sure as it should be"
    if before.ece > 1.5 * before.ece_by_chance:
        confidence = sum(b.images * b.confidence for b in before.bins)
        right = sum(b.images * b.accuracy for b in before.bins)
        sure = "surer than it should be" if confidence > right else "less sure than it should be"
    source = "validation images"
    if folds > 1:
        source += " of folds, and so on models that saw fewer images than the tested one"
    return (
        f"The winner is {sure}: expected calibration error {percent(before.ece)} on test ({calibration.bins} bins; "
        f"{percent(before.ece_by_chance)} is to be expected by chance where all is well), log loss "
        f"{before.log_loss:.3f}. With temperature {temperature:.2f}, fitted on {calibration.fitted_on:,} {source}: "
        f"{percent(after.ece)} and {after.log_loss:.3f}. The saved model gives its probabilities as they are."
    )
