"""What the winner confuses on test: the matrix, or the most frequent confusions, and every class with its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tlsearch.report.charts import BASELINE, INK, NEUTRAL, WINNER, Key, as_percent, new_chart, printable, row_chart
from tlsearch.report.images import Chart
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion

MATRIX_CLASSES = 25
"""With more classes a matrix no longer fits a page, and the most frequent confusions are listed instead."""

MOST_CONFUSIONS = 20

MOST_NAMES = 200
"""Classes that a chart names: more names take minutes to draw, and nobody can read them. The CSV has all."""


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """A class on test.

    ``predicted`` is how many images were predicted as it. ``recall`` is the share of its images that the winner found,
    ``precision`` the share of what was predicted as it that is right, ``f1`` their harmonic mean; None where there is
    nothing to divide by.
    """

    label: str
    images: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None


def confusion(result: RunResult) -> Section:
    """Empty where the result has no matrix."""
    matrix = result.confusion
    if matrix is None:
        return Section({"confusion": None, "confused": None, "per_class": ()})
    small = len(matrix.labels) <= MATRIX_CLASSES
    classes = class_figures(matrix)
    shown = {
        "confusion": _cells(matrix) if small else None,
        "confused": None if small else _most_confused(matrix),
        "per_class": classes,
    }
    return Section(shown, (_matrix_chart(matrix, small), _class_chart(classes)))


def class_figures(confusion: Confusion) -> list[ClassFigures]:
    """The figures of every class, in the order of class numbers."""
    found = []
    for number, (label, counts) in enumerate(zip(confusion.labels, confusion.matrix, strict=True)):
        right, images = counts[number], sum(counts)
        predicted = sum(row[number] for row in confusion.matrix)
        found.append(
            ClassFigures(
                label=label,
                images=images,
                predicted=predicted,
                precision=right / predicted if predicted else None,
                recall=right / images if images else None,
                f1=2 * right / (images + predicted) if images + predicted else None,
            )
        )
    return found


def _cells(confusion: Confusion) -> list[tuple[str, list[tuple[int, str]]]]:
    """Rows of (label, cells of (count, CSS colour)); the deeper, the larger the share of the true class."""
    rows = []
    for i, (label, counts) in enumerate(zip(confusion.labels, confusion.matrix, strict=True)):
        whole = max(1, sum(counts))
        cells = []
        for j, count in enumerate(counts):
            base = "59 130 214" if i == j else "224 128 58"
            cells.append((count, f"rgb({base} / {_shade(count / whole, i == j):.2f})" if count else "var(--tint)"))
        rows.append((label, cells))
    return rows


def _shade(share: float, right: bool) -> float:
    """How opaque a cell is. Mistakes are rare, so their scale rises faster."""
    return 0.6 * share if right else min(0.7, 0.7 * math.sqrt(share))


def _most_confused(confusion: Confusion) -> list[tuple[str, str, int, float]]:
    """The most frequent mistakes: true class, predicted class, how often, share of the true class."""
    pairs = [
        (label, predicted, count, count / sum(counts))
        for label, counts in zip(confusion.labels, confusion.matrix, strict=True)
        for predicted, count in zip(confusion.labels, counts, strict=True)
        if predicted != label and count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:MOST_CONFUSIONS]


def _matrix_chart(confusion: Confusion, numbers: bool) -> Chart:
    """The matrix as an image, with its counts where there is room for them."""
    size = len(confusion.labels)
    names = [printable(label, 24) for label in confusion.labels] if size <= MOST_NAMES else []
    # The names of the classes take from the room of the axes' titles.
    side = min(12.0, max(2.4, 0.6 + 0.32 * size) + 0.075 * max(map(len, names), default=0))
    figure, axes = new_chart("predicted class", "true class", fractions=False, width=side, height=side)
    axes.imshow(_pixels(confusion), interpolation="nearest")
    axes.grid(visible=False)
    text = 8 if size <= MATRIX_CLASSES else max(3, 620 / size / 1.6)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=text)
    axes.set_yticks(range(len(names)), names, fontsize=text)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    if numbers:
        for i, counts in enumerate(confusion.matrix):
            for j, count in enumerate(counts):
                if count:
                    axes.text(j, i, str(count), ha="center", va="center", fontsize=7.5, color=INK)
    rows = [(label, *counts) for label, counts in zip(confusion.labels, confusion.matrix, strict=True)]
    header = ("true class \\ predicted", *confusion.labels)
    return Chart(name="confusion", title="Confusion on test", figure=figure, header=header, rows=rows)


def _pixels(confusion: Confusion) -> list[list[tuple[float, float, float]]]:
    """Colours of the cells on white."""
    from matplotlib.colors import to_rgb

    rows = []
    for i, counts in enumerate(confusion.matrix):
        whole, row = max(1, sum(counts)), []
        for j, count in enumerate(counts):
            depth = _shade(count / whole, i == j)
            red, green, blue = (1 - depth * (1 - c) for c in to_rgb(WINNER if i == j else BASELINE))
            row.append((red, green, blue) if count else (0.97, 0.97, 0.98))
        rows.append(row)
    return rows


def _class_chart(classes: Sequence[ClassFigures]) -> Chart:
    """Precision, recall and F1 of every class, or of ``MOST_NAMES``, the worst first."""
    ranked = sorted(classes, key=lambda c: (1, 0.0) if c.f1 is None else (0, c.f1))[:MOST_NAMES]
    which = "Every class" if len(ranked) == len(classes) else f"{len(ranked)} of {len(classes):,} classes"
    figure, axes = row_chart([c.label for c in ranked], "on test images", each=0.2)
    axes.tick_params(axis="y", labelsize=7.5)
    for place, one in enumerate(ranked):
        known = [value for value in (one.precision, one.recall) if value is not None]
        if len(known) == 2:
            axes.plot(known, (place, place), color=NEUTRAL, linewidth=1, alpha=0.6)
        for value, color, marker in ((one.precision, BASELINE, "^"), (one.recall, WINNER, "o")):
            if value is not None:
                face = color if marker == "o" else "none"
                axes.plot([value], [place], color=color, marker=marker, markerfacecolor=face, markersize=5)
    axes.set_xlim(-0.02, 1.03)
    as_percent(axes, "x")
    keys = (Key("precision", BASELINE, "triangle"), Key("recall", WINNER, "dot"))
    rows = [(c.label, c.images, c.predicted, c.precision, c.recall, c.f1) for c in classes]
    header = ("class", "images", "predicted", "precision", "recall", "f1")
    return Chart(
        name="per-class",
        title=f"{which} on test, the worst F1 first",
        figure=figure,
        header=header,
        rows=rows,
        keys=keys,
    )
