"""The style of every chart: drawn once, given as SVG for the page and as PNG for a file.

In the page's SVG lines are in mid-tones and everything else is in the text's colour: it reads in light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINNER = "#3b82d6"
BASELINE = "#e0803a"
"""Both have a contrast of at least 3:1 on white and on near-black, and differ for the colour-blind."""

NEUTRAL = "#8a94a0"
CANDIDATES = (WINNER, "#2a9d8f", "#d6589a", "#9b6bd6", "#9a8a2a")
"""Colours of pre-trained networks in the order of the plan; any further one is neutral."""

INK = "#010203"
"""Stands for the text's colour: nearly black in a PNG, replaced in an SVG."""

WIDTH, HEIGHT = 4.4, 2.9
"""Inches; small, so that text keeps its size on a phone."""

DPI = 150

LETTER, MARK_WIDTH, LINE = 4.8, 40, 0.2
"""Of a legend: points of a letter and of what stands before the words, inches of a line."""

OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Hiragino Sans", "PingFang SC", "Yu Gothic",
    "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Thai",
)  # fmt: skip
"""Fonts for what matplotlib's own lacks, asked letter by letter in this order where they are installed."""

Mark = Literal["line", "dashed", "dot", "ring", "cross", "triangle"]


@dataclass(frozen=True)
class Key:
    """A line of a chart's legend: what is drawn with this mark in this colour."""

    label: str
    color: str
    mark: Mark


def color_of(candidate: str, candidates: Sequence[str]) -> str:
    """The colour of a candidate by its place among all of them."""
    place = candidates.index(candidate) if candidate in candidates else len(CANDIDATES)
    return CANDIDATES[place] if place < len(CANDIDATES) else NEUTRAL


def printable(text: str, most: int = 40) -> str:
    """``text`` so that matplotlib can draw it: no control characters, no formulas, at most ``most`` characters."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(c if c.isprintable() else "?" for c in text)
    return shorten(text, most).replace("$", r"\$")


def shorten(text: str, most: int) -> str:
    """``text``, its middle left out where it has more than ``most`` characters."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def font_families(installed: Sequence[str]) -> list[str]:
    """The fonts of a PNG: matplotlib's own, then those for other scripts that are among ``installed``."""
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)]


def limits(values: Sequence[float], fractions: bool = True) -> tuple[float, float]:
    """The range of values with a little air; that of ``fractions`` stays within 0..1."""
    low, high = min(values), max(values)
    air = max(0.02, 0.08 * (high - low))
    return (max(0.0, low - air), min(1.0, high + air)) if fractions else (low - air, high + air)


def new_chart(
    xlabel: str, ylabel: str, fractions: bool = True, width: float = WIDTH, height: float = HEIGHT
) -> tuple[Figure, Axes]:
    """An empty chart in the page's style; ``fractions`` are shown as percentages on the vertical axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    style_axes(axes, xlabel, ylabel, fractions)
    return figure, axes


def style_axes(axes: Axes, xlabel: str, ylabel: str, fractions: bool = True) -> None:
    """Give axes the page's style; ``fractions`` are shown as percentages on the vertical axis."""
    from matplotlib.ticker import MaxNLocator

    axes.patch.set_alpha(0)
    axes.set_xlabel(xlabel, color=INK, fontsize=9)
    axes.set_ylabel(ylabel, color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9, length=3, width=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if fractions:
        as_percent(axes, "y")
    axes.grid(axis="y", color=INK, alpha=0.14, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(INK)
        spine.set_linewidth(0.6)


def as_percent(axes: Axes, which: Literal["x", "y"]) -> None:
    """Show the fractions of an axis as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def row_chart(rows: Sequence[str], xlabel: str, each: float = 0.27) -> tuple[Figure, Axes]:
    """A chart with a line of text for every row, the first at the top; values go to the right."""
    figure, axes = new_chart(xlabel, "", fractions=False, width=6.0, height=0.7 + each * len(rows))
    axes.set_yticks(range(len(rows)), [printable(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=INK, alpha=0.14, linewidth=0.6)
    axes.spines["bottom"].set_visible(False)
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
    return svg.replace(INK, "currentColor")


def to_png(figure: Figure, title: str, keys: Sequence[Key]) -> bytes:
    """The figure as a PNG of 150 dots an inch on white, with what the page says beside it: title and legend.

    Use it after ``to_svg``.
    """
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    figure.patch.set_alpha(1)
    figure.suptitle(printable(title, 60), fontsize=10, color=INK)
    width, height = figure.get_size_inches()
    if keys:
        longest = max(len(printable(key.label)) for key in keys)
        columns = max(1, min(len(keys), int(72 * width / (LETTER * longest + MARK_WIDTH))))
        figure.legend(
            handles=[_handle(key) for key in keys],
            loc="outside lower center", ncols=columns, fontsize=8, frameon=False, labelcolor=INK,
        )  # fmt: skip
        height += LINE * -(-len(keys) // columns)
    figure.set_size_inches(width, height + LINE)
    families = font_families(fontManager.get_font_names())
    for text in figure.findobj(Text):
        text.set_fontfamily(families)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def _handle(key: Key) -> Artist:
    from matplotlib.lines import Line2D

    label = printable(key.label)
    if key.mark in ("line", "dashed"):
        return Line2D([], [], color=key.color, linestyle="-" if key.mark == "line" else "--", label=label)
    marker = {"dot": "o", "ring": "o", "cross": "x", "triangle": "^"}[key.mark]
    face = key.color if key.mark == "dot" else "none"
    return Line2D([], [], color=key.color, linestyle="", marker=marker, markerfacecolor=face, label=label)
