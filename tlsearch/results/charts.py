"""Charts as inline SVG that reads in light and dark: lines in mid-tones, everything else in the text's
colour."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tlsearch.results.parts import Epoch, ProfilePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINNER = "#3b82d6"
BASELINE = "#e0803a"
"""Both have a contrast of at least 3:1 on white and on near-black, and differ for the colour-blind."""

_INK = "#010203"  # stands for the text's colour while matplotlib draws
_WIDTH, _HEIGHT = 4.4, 2.9  # inches; small, so that text keeps its size on a phone


def depth_charts(profile: Mapping[str, Sequence[ProfilePoint]], winner: str, freeze_depth: int) -> dict[str, str]:
    """Candidate label -> SVG: accuracy of a linear probe by depth with its standard error, the best marked.

    All share one scale. A dashed line shows where the candidate ``winner`` was cut, unless ``freeze_depth``
    is 0.
    """
    points = [point for curve in profile.values() for point in curve]
    if not points:
        return {}
    low, high = _limits([value for p in points for value in (p.accuracy - _error(p), p.accuracy + _error(p))])
    charts = {}
    for number, (label, curve) in enumerate(profile.items()):
        figure, axes = new_chart("cut point, from input to output", "accuracy of a linear probe")
        depths, accuracies = [p.depth for p in curve], [p.accuracy for p in curve]
        below = [p.accuracy - _error(p) for p in curve]
        above = [p.accuracy + _error(p) for p in curve]
        axes.fill_between(depths, below, above, color=WINNER, alpha=0.18, linewidth=0)
        axes.plot(depths, accuracies, color=WINNER, linewidth=1.8, marker="o", markersize=3)
        if label == winner and freeze_depth:
            axes.axvline(freeze_depth, color=BASELINE, linewidth=1.2, linestyle=(0, (4, 3)))
        if curve:
            best = max(curve, key=lambda p: p.accuracy)
            axes.plot([best.depth], [best.accuracy], color=WINNER, marker="o", markersize=7)
        axes.set_ylim(low, high)
        axes.set_xlim(0.5, max(depths, default=1) + 0.5)
        charts[label] = to_svg(figure, f"depth{number}")
    return charts


def learning_chart(
    winner: Sequence[Epoch], baseline: Sequence[Epoch], solid: str, dashed: str, title: str
) -> str | None:
    """Learning curves of both as SVG: key ``solid`` as a line, ``dashed`` (on training images) dashed; None
    where no epoch has a number under ``solid``."""
    figure, axes = new_chart("epoch", title, fractions=title != "loss")
    drawn = False
    for history, color in ((winner, WINNER), (baseline, BASELINE)):
        for key, style, width in ((dashed, "--", 1.0), (solid, "-", 1.8)):
            steps, values = _series(history, key)
            marker = "o" if len(values) == 1 else None
            axes.plot(steps, values, color=color, linestyle=style, linewidth=width, marker=marker)
            drawn |= bool(values) and key == solid
    if not drawn:
        return None
    return to_svg(figure, title)


def _series(history: Sequence[Epoch], key: str) -> tuple[list[float], list[float]]:
    steps, values = [], []
    for number, epoch in enumerate(history, 1):
        value = epoch.get(key)
        if value is not None and math.isfinite(value):
            steps.append(float(number))
            values.append(float(value))
    return steps, values


def _error(point: ProfilePoint) -> float:
    return point.stderr or 0.0


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """A range with a little air that stays within 0..1."""
    low, high = min(values), max(values)
    air = max(0.02, 0.08 * (high - low))
    return max(0.0, low - air), min(1.0, high + air)


def new_chart(xlabel: str, ylabel: str, fractions: bool = True) -> tuple[Figure, Axes]:
    """An empty chart in the page's style; ``fractions`` are shown as percentages."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    axes.set_xlabel(xlabel, color=_INK, fontsize=9)
    axes.set_ylabel(ylabel, color=_INK, fontsize=9)
    axes.tick_params(colors=_INK, labelsize=9, length=3, width=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if fractions:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.grid(axis="y", color=_INK, alpha=0.14, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_INK)
        spine.set_linewidth(0.6)
    return figure, axes


def to_svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element that scales with the page and shares no id with another chart."""
    from matplotlib import rc_context

    stream = io.StringIO()
    # Text stays text, in the page's own font; equal input gives equal bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": f"tlsearch {name}"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", svg)
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]+")[^>]*>', r'<svg \1 aria-hidden="true">', svg, count=1)
    svg = svg.replace("xlink:href", "href")
    return svg.replace(_INK, "currentColor")
