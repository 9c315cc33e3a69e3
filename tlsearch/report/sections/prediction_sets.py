"""What the model leaves to a person: prediction sets on the test images, at several coverages."""

from __future__ import annotations

from tlsearch.report.numbers import format_score, percent, percent_interval
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import PredictionSets, SetCoverage
from tlsearch.uncertainty.prediction_sets import COVERAGE, fewest_groups
from tlsearch.utils.units import counted


def prediction_sets(result: RunResult) -> Section:
    """A sentence and a table row for each coverage, where the run has measured them."""
    found = result.insights.prediction_sets
    if found is None:
        return Section({"sets": None})
    return Section({"sets": (sets_sentence(result), [_row(found, level) for level in found.levels])})


def sets_sentence(result: RunResult) -> str:
    """How often a set of the usual coverage holds the true class, and how many pictures are left to a person.

    Empty where the run has not measured it.
    """
    found = result.insights.prediction_sets
    level = found.at(COVERAGE) if found is not None else None
    if found is None or level is None:
        return ""
    promise = f"tlsearch predict gives a set of classes that holds the true one with probability {COVERAGE:g} or more"
    if result.scratch_named is not None:  # the model to use has sets of its own
        promise = f"With {result.model_of_winner}, the best model that reuses a network, {promise}"
    if not level.enough:
        return f"{promise}: {_too_few(found, level)}."
    images = counted(found.images, "test image")
    left = f"{level.left:,} of them ({percent(level.left / found.images)}) have several classes"
    alone = "" if level.single_right is None else f"; of the others {percent(level.single_right)} are right"
    source = "images that models of folds had not seen" if result.plan.folds > 1 else "validation images"
    return (
        f"{promise}. Of {images} {percent(level.covered)} have it in their set "
        f"({percent_interval(level.ci95)}){_verdict(level)}. {left}, and are left to a person{alone}. The sets come "
        f"from {found.calibration_images:,} {source}."
    )


def sets_line(found: PredictionSets) -> str:
    """The figures of every coverage in one line."""
    return "; ".join(
        f"{level.asked:g}: covered {format_score(level.covered)} "
        f"[{format_score(level.ci95[0])} {format_score(level.ci95[1])}], {level.left:,} left to a person"
        for level in found.levels
    )


def _verdict(level: SetCoverage) -> str:
    if level.covered < level.lowest_expected:
        return f", fewer than luck explains ({percent(level.lowest_expected)}): the test images differ from the others"
    return ""


def _too_few(found: PredictionSets, level: SetCoverage) -> str:
    groups = "independent images" if found.calibration_groups == found.calibration_images else "groups of images"
    return (
        f"here it holds all classes, because a coverage of {level.asked:g} needs at least "
        f"{fewest_groups(level.asked):,} {groups} that the model had not seen, and there are "
        f"{found.calibration_groups:,}"
    )


def _row(found: PredictionSets, level: SetCoverage) -> tuple[str, ...]:
    """Asked, covered, its interval, left to a person, single answers that are right, mean size."""
    left = f"{level.left:,} ({percent(level.left / found.images)})"
    right = "none" if level.single_right is None else percent(level.single_right)
    note = "" if level.enough else f": {_too_few(found, level)}"
    size = f"{level.mean_size:.2f}"
    return percent(level.asked, 0), percent(level.covered), percent_interval(level.ci95), left, right, size, note
