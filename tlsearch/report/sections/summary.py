"""The answer: the winner beside what it is compared with, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from tlsearch.report.charts import BASELINE, INK, NEUTRAL, WINNER, as_percent, printable, row_chart
from tlsearch.report.images import Chart
from tlsearch.report.model_table import ModelRow, fold_note, headings, is_confirmed, model_rows, names_efficient
from tlsearch.report.numbers import ScoreStyle, percent
from tlsearch.report.sections.section import Section
from tlsearch.report.text import above_selected, by_method, metric_name
from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Interval, Metrics
from tlsearch.stats.metrics import EVERY_IMAGE

HUES = {"winner": WINNER, "probe": NEUTRAL, "baseline": BASELINE}

FREQUENT, NO_LOOK = "most frequent class", "without a look"

MOST_LETTERS, LETTERS = 230, 78
"""Of a model's name in the chart, and of those in a line."""


def summary(result: RunResult) -> Section:
    """The model to use, the verdict, the models side by side, their intervals on test, and facts of the winner."""
    rows = model_rows(result)
    bars, scale = _bars(rows)
    shown = {
        "to_use": _to_use(result),
        "verdict": shown_verdict(result),
        "intervals": bars,
        "scale": scale,
        "headings": headings(result),
        "is_confirmed": is_confirmed(rows),
        "names_efficient": names_efficient(rows),
        "models": rows,
        "fold_note": fold_note(rows),
        "facts": _facts(result),
    }
    return Section(shown, (_chart(rows, scale, result.metrics),))


def _to_use(result: RunResult) -> dict[str, Any]:
    """The test figures of the model that the verdict names."""
    tested = result.scratch_named or result.metrics
    return {"test": tested.test, "test_ci95": tested.test_ci95}


def _bars(models: Sequence[ModelRow]) -> tuple[list[dict[str, Any]], Interval]:
    """The rows of the comparison on test, and the range that they are drawn in."""
    low = math.floor(10 * min(row.test_ci95[0] for row in models)) / 10
    high = max(low + 0.1, math.ceil(10 * max(row.test_ci95[1] for row in models)) / 10)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    bars = [
        {
            "name": row.name,
            "detail": row.model,
            "caveat": row.caveat,
            "hue": row.kind,
            "value": row.test,
            "ci": row.test_ci95,
            "at": place(row.test),
            "left": place(row.test_ci95[0]),
            "width": round(place(row.test_ci95[1]) - place(row.test_ci95[0]), 2),
        }
        for row in models
    ]
    return bars, (low, high)


def _chart(models: Sequence[ModelRow], scale: Interval, metrics: Metrics) -> Chart:
    style = ScoreStyle.of(metrics)
    texts = [wrap(_below(row, style), LETTERS) for row in models]
    each = 0.28 + 0.14 * max(len(lines) for lines in texts)
    axis = f"{metric_name(metrics.name)} on test images, 95 % interval {by_method(metrics)}".rstrip()
    figure, axes = row_chart([row.name for row in models], axis, each=each)
    for place, (row, lines) in enumerate(zip(models, texts, strict=True)):
        hue = HUES[row.kind]
        axes.plot(row.test_ci95, (place, place), color=hue, alpha=0.4, linewidth=6, solid_capstyle="round")
        axes.plot([row.test], [place], color=hue, marker="o", markersize=8, fillstyle="none" if row.caveat else "full")
        axes.annotate(
            "\n".join(lines), (scale[0], place), (2, -8), textcoords="offset points", va="top", fontsize=7.5, color=INK
        )
    axes.set_xlim(*scale)
    axes.set_ylim(len(models) - 0.3, -0.6)
    if style.fractions:
        as_percent(axes, "x")
    header = (
        "kind", "model", "validation", "validation_note", "confirmed_mean", "confirmed_folds", "test", "test_low",
        "test_high",
    )  # fmt: skip
    data = [
        (
            row.name, row.model, row.val, row.val_note, row.confirmed.mean if row.confirmed else None,
            row.confirmed.folds if row.confirmed else None, row.test, *row.test_ci95,
        )
        for row in models
    ]  # fmt: skip
    return Chart(
        name="intervals", title="The winner and what it is compared with", figure=figure, header=header, rows=data
    )


def _below(row: ModelRow, style: ScoreStyle) -> str:
    """What stands below a row of the chart: the score, the model, and why a gain over it claims nothing."""
    caveat = f"; {row.caveat}" if row.caveat else ""
    return f"{style.value(row.test)}   {printable(row.model, MOST_LETTERS)}{caveat}"


def _facts(result: RunResult) -> list[tuple[str, str, str]]:
    """Name, value and remark of what stands below the answer."""
    metrics, winner = result.metrics, result.winner
    facts = []
    if winner.freeze_depth:
        layers = f"{len(winner.frozen_layers)} layers, up to the cut point {winner.cut_point}"
        facts.append(("frozen", f"{winner.freeze_depth} of {winner.spec.depth} blocks", layers))
    else:
        facts.append(("frozen", "nothing", ""))
    if metrics.ms_per_image is not None:
        facts.append(("speed", f"{metrics.ms_per_image:.1f} ms an image", "one at a time, decoding not counted"))
    if metrics.megabytes is not None:
        facts.append(("model", f"{metrics.megabytes:.1f} MB", ""))
    if (corrected := metrics.corrected) is not None:
        style = ScoreStyle.of(metrics)
        how = f"95 % interval {style.interval(corrected.ci95)}; what the best of {corrected.trials} trials scores on "
        how += f"images that did not select it, of the {corrected.images:,} that all have{above_selected(metrics)}"
        facts.append(("validation, corrected", style.value(corrected.value), how))
    if metrics.test_accuracy is not None and metrics.counts != EVERY_IMAGE:
        facts.append(("accuracy", percent(metrics.test_accuracy), "plain accuracy on the same test images"))
    if metrics.majority is not None:
        guessing = ScoreStyle.of(metrics).value(metrics.majority)
        facts.append(
            (FREQUENT, guessing, "the score of always guessing it")
            if metrics.counts is not None
            else (NO_LOOK, guessing, "the best score of an answer that is the same for every image")
        )
    if result.scratch_named is not None:  # they are the winner's, and the page begins with another model
        of_data = (FREQUENT, NO_LOOK)
        own = [(f"winner, {name}", value, remark) for name, value, remark in facts if name not in of_data]
        return [*own, *(fact for fact in facts if fact[0] in of_data)]
    return facts
