"""Accuracy by depth: how good the features of every candidate are as they are, block by block."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import chain

from tlsearch.report.charts import BASELINE, WINNER, Key, limits, new_chart
from tlsearch.report.configuration import after_block
from tlsearch.report.images import Chart
from tlsearch.report.numbers import percent
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import ProfilePoint


def depth(result: RunResult) -> Section:
    """A chart for each candidate that was profiled, all on one scale."""
    spec = result.winner.spec
    winner = f"{spec.backbone}@{spec.weights}" if spec.weights else ""
    curves = {label: curve for label, curve in result.profile.items() if curve}
    values = [v for curve in curves.values() for v in (*(p.accuracy for p in curve), *chain(*_span(curve)))]
    ends = [value for value in values if not math.isnan(value)]
    trained_on = {candidate.label: candidate.trained_on for candidate in result.plan.candidates}
    charts: list[Chart] = []
    shown = []
    for label, curve in curves.items():
        frozen = spec.freeze_depth if label == winner else 0
        name = _file_name(label, [chart.name for chart in charts])
        charts.append(_chart(name, label, curve, limits(ends), frozen))
        best = max(curve, key=lambda point: point.accuracy)
        caption = f"best {percent(best.accuracy)} {after_block(best.depth, curve[-1].depth, best.cut_point)}"
        dashed = f"; dashed: the winner froze the first {frozen}" if frozen else ""
        weights = f"; weights from {trained_on.get(label) or 'training that is not known'}"
        shown.append((label, charts[-1].svg, caption + dashed + weights))
    return Section({"depth_charts": shown}, tuple(charts))


def _chart(name: str, label: str, curve: Sequence[ProfilePoint], scale: tuple[float, float], frozen: int) -> Chart:
    figure, axes = new_chart("block, counted from the input", "accuracy of a linear probe")
    depths, accuracies = [p.depth for p in curve], [p.accuracy for p in curve]
    axes.fill_between(depths, *_span(curve), color=WINNER, alpha=0.18, linewidth=0)
    axes.plot(depths, accuracies, color=WINNER, linewidth=1.8, marker="o", markersize=3)
    if frozen:
        axes.axvline(frozen, color=BASELINE, linewidth=1.2, linestyle=(0, (4, 3)))
    best = max(curve, key=lambda p: p.accuracy)
    axes.plot([best.depth], [best.accuracy], color=WINNER, marker="o", markersize=7)
    axes.set_ylim(*scale)
    axes.set_xlim(0.5, max(depths) + 0.5)
    has_errors = any(p.stderr is not None for p in curve)
    keys = [Key("linear probe" + (", with standard error" if has_errors else ""), WINNER, "line")]
    if frozen:
        keys.append(Key(f"the winner froze the first {frozen}", BASELINE, "dashed"))
    rows = [(label, p.depth, p.cut_point, p.accuracy, p.stderr) for p in curve]
    header = ("candidate", "depth", "cut_point", "accuracy", "stderr")
    return Chart(name=name, title=f"Accuracy by depth: {label}", figure=figure, header=header, rows=rows, keys=keys)


def _file_name(label: str, taken: Sequence[str]) -> str:
    """``depth-vgg16-imagenet``, with a number where another candidate has that name."""
    name = "depth-" + (re.sub(r"[^a-z0-9_]+", "-", label.lower()).strip("-")[:60] or "network")
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique


def _span(curve: Sequence[ProfilePoint]) -> tuple[list[float], list[float]]:
    """Each accuracy less and plus its standard error; not a number, and so not drawn, where that is not known."""
    errors = [math.nan if point.stderr is None else point.stderr for point in curve]
    points = list(zip(curve, errors, strict=True))
    return [p.accuracy - error for p, error in points], [p.accuracy + error for p, error in points]
