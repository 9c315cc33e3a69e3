"""How far the result goes: whether its probabilities are true, and whether more images would help."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.report.charts import BASELINE, NEUTRAL, WINNER, Key, as_percent, new_chart
from tlsearch.report.images import Chart
from tlsearch.report.insights import calibration_sentence
from tlsearch.report.sections.section import Section
from tlsearch.report.text import metric_name
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.more_images import more_images
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Calibration, CalibrationBin, MoreData

FEW_IMAGES = 4
"""Images below which a bin is a point and no line goes through it: luck alone decides where it lies."""


def reliability(result: RunResult) -> Section:
    """Calibration and more data, each where the run has that insight."""
    found = result.insights
    shown: dict[str, tuple[str, Chart] | None] = {"calibration": None, "more_data": None}
    if found.calibration is not None:
        sentence = calibration_sentence(found.calibration, result.plan.folds)
        shown["calibration"] = (sentence, _reliability(found.calibration))
    if found.more_data is not None:
        model = (result.verdict or verdict_of(result)).model
        shown["more_data"] = (more_images(result, model).sentence, _more_data(found.more_data))
    return Section(shown, tuple(item[1] for item in shown.values() if item is not None))


def _more_data(more: MoreData) -> Chart:
    """Score of a linear probe by the number of images it was fitted on, with standard errors."""
    figure, axes = new_chart("images fitted", f"{metric_name(more.metric)} of a linear probe")
    images, scores = [p.images for p in more.points], [p.score for p in more.points]
    errors = [p.stderr for p in more.points]
    axes.errorbar(images, scores, yerr=errors, color=WINNER, linewidth=1.8, marker="o", markersize=5, capsize=3)
    axes.set_xticks(images, [f"{n:,}" for n in images])
    axes.set_xlim(0, 1.08 * max(images))
    rows = [(p.share, p.images, p.score, p.stderr) for p in more.points]
    return Chart(
        name="more-data",
        title="Would more images help?",
        figure=figure,
        header=("share", "images", "score", "stderr"),
        rows=rows,
    )


def _reliability(calibration: Calibration) -> Chart:
    """The share that is right by the highest probability, before and after the temperature.

    The area of a point is its share of the images.
    """
    from matplotlib.ticker import MultipleLocator

    figure, axes = new_chart("highest probability", "share that is right")
    axes.axline((0, 0), (1, 1), color=NEUTRAL, linewidth=1, linestyle=(0, (4, 3)))
    rows = []
    both = (("as it is", calibration.before.bins, BASELINE), ("with the temperature", calibration.after.bins, WINNER))
    for name, bins, color in both:
        confidence, accuracy = [b.confidence for b in bins], [b.accuracy for b in bins]
        many = [b for b in bins if b.images >= FEW_IMAGES]
        axes.plot([b.confidence for b in many], [b.accuracy for b in many], color=color, linewidth=1, alpha=0.5)
        axes.scatter(confidence, accuracy, s=_areas(bins), color=color, alpha=0.85, linewidths=0)
        rows += [(name, b.images, b.confidence, b.accuracy) for b in bins]
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.04)
    axes.xaxis.set_major_locator(MultipleLocator(0.25))
    axes.yaxis.set_major_locator(MultipleLocator(0.25))
    as_percent(axes, "x")
    keys = (
        Key("as it is", BASELINE, "dot"), Key("with the temperature", WINNER, "dot"),
        Key("true probabilities", NEUTRAL, "dashed"),
    )  # fmt: skip
    header = ("probabilities", "images", "confidence", "accuracy")
    return Chart(
        name="calibration", title="Are its probabilities true?", figure=figure, header=header, rows=rows, keys=keys
    )


def _areas(bins: Sequence[CalibrationBin]) -> list[float]:
    """Areas of points in square points, the largest bin's fixed."""
    most = max(b.images for b in bins)
    return [8 + 100 * b.images / most for b in bins]
