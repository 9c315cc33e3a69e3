"""Charts of what a run found besides its winner."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.results.charts import BASELINE, WINNER, new_chart, to_svg
from tlsearch.results.findings import Calibration, CalibrationBin, MoreData
from tlsearch.results.wording import metric_name


def more_data_chart(more: MoreData) -> str:
    """Score of a linear probe by the number of images it was fitted on, with standard errors, as SVG."""
    figure, axes = new_chart("images fitted", f"{metric_name(more.metric)} of a linear probe")
    images, scores = [p.images for p in more.points], [p.score for p in more.points]
    errors = [p.stderr for p in more.points]
    axes.errorbar(images, scores, yerr=errors, color=WINNER, linewidth=1.8, marker="o", markersize=5, capsize=3)
    axes.set_xticks(images, [f"{n:,}" for n in images])
    axes.set_xlim(0, 1.08 * max(images))
    return to_svg(figure, "more data")


def reliability_chart(calibration: Calibration) -> str:
    """The share that is right by what the model says, before and after the temperature, as SVG; the area of a point
    is its share of the images."""
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    figure, axes = new_chart("what the model says", "share that is right")
    axes.axline((0, 0), (1, 1), color="#8a94a0", linewidth=1, linestyle=(0, (4, 3)))
    for bins, color in ((calibration.before.bins, BASELINE), (calibration.after.bins, WINNER)):
        said, right = [b.confidence for b in bins], [b.accuracy for b in bins]
        axes.plot(said, right, color=color, linewidth=1, alpha=0.5)
        axes.scatter(said, right, s=_areas(bins), color=color, alpha=0.85, linewidths=0)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.04)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.25))
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    return to_svg(figure, "reliability")


def _areas(bins: Sequence[CalibrationBin]) -> list[float]:
    """Areas of points in square points, the largest bin's fixed."""
    most = max(b.images for b in bins)
    return [8 + 100 * b.images / most for b in bins]
