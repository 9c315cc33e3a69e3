"""What the run cost: seconds by step, what trials that led nowhere took, and what stored features saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlsearch.report.charts import BASELINE, INK, NEUTRAL, WINNER, row_chart
from tlsearch.report.images import Chart
from tlsearch.report.sections.section import Section
from tlsearch.report.text import STATES
from tlsearch.results.result import RunResult
from tlsearch.results.schema import FrozenWork, TrialRow
from tlsearch.utils.units import short_duration

READ, ASKED, COMPUTED = "computed at every reading", "kept within each trial only", "really computed, kept and shared"


def cost(result: RunResult) -> Section:
    """Bars of the steps, a sentence on the trials, and the counts of the store where the result has them."""
    steps = {step: seconds for step, seconds in result.timings.items() if step != "total"}
    total = result.timings.get("total", sum(steps.values()))
    charts = [_steps_chart(steps)] if steps else []
    bars = store_bars(result.frozen_work)
    if bars:
        charts.append(_store_chart(bars, result.frozen_work))
    shown = {
        "timings": [(step, sec, round(100 * sec / total, 2) if total else 0) for step, sec in steps.items()],
        "total_time": total,
        "spent": _spent([row for row in result.trials if row.role == "trial"]),
        "store": _store_shown(bars),
    }
    return Section(shown, tuple(charts))


def _spent(trials: Sequence[TrialRow]) -> str:
    """How long trials of each state took: what of the search led to a score, and what did not."""
    parts = []
    for state, state_text in STATES.items():
        rows = [row for row in trials if row.state == state]
        if rows:
            parts.append(f"{len(rows)} {state_text} {short_duration(sum(row.seconds for row in rows))}")
    return f"Trials of the search by how they ended: {', '.join(parts)}." if parts else ""


def store_bars(work: Sequence[FrozenWork]) -> list[tuple[str, int, float, float]]:
    """(what, images, passes, seconds) without any store, without sharing among trials, and as it was.

    Seconds are passes by the measured seconds of one; empty where nothing was counted.
    """
    if not any(item.images_read for item in work):
        return []

    def total(what: str, kind: str) -> tuple[str, int, float, float]:
        passes = [(item, float(getattr(item, f"passes_{kind}"))) for item in work]
        images = sum(int(getattr(item, f"images_{kind}")) for item in work)
        return what, images, sum(p for _, p in passes), sum(item.seconds_per_pass * p for item, p in passes)

    return [total(READ, "read"), total(ASKED, "asked"), total(COMPUTED, "computed")]


def _store_shown(bars: Sequence[tuple[str, int, float, float]]) -> dict[str, Any] | None:
    if not bars:
        return None
    most = max(seconds for *_, seconds in bars)
    read, asked, computed = (seconds for *_, seconds in bars)
    saved = max(0.0, read - computed), max(0.0, asked - computed)
    return {
        "bars": [(*bar, round(100 * bar[3] / most, 2) if most else 0) for bar in bars],
        "sentence": (
            f"Storing what frozen layers make of an image saved about {short_duration(saved[0])} against computing it "
            f"whenever it is read, and {short_duration(saved[1])} against keeping it within each trial only."
        ),
    }


def _steps_chart(steps: dict[str, float]) -> Chart:
    figure, axes = row_chart(list(steps), "seconds")
    _label_bars(axes, list(steps.values()), [WINNER] * len(steps))
    return Chart(
        name="cost", title="Seconds by step", figure=figure, header=("step", "seconds"), rows=list(steps.items())
    )


def _store_chart(bars: Sequence[tuple[str, int, float, float]], work: Sequence[FrozenWork]) -> Chart:
    figure, axes = row_chart([what for what, *_ in bars], "seconds in frozen layers", each=0.4)
    _label_bars(axes, [seconds for *_, seconds in bars], [BASELINE, NEUTRAL, WINNER])
    rows = [
        (
            item.candidate, item.seconds_per_pass, item.images_read, item.passes_read, item.images_asked,
            item.passes_asked, item.images_computed, item.passes_computed,
        )
        for item in work
    ]  # fmt: skip
    header = (
        "candidate", "seconds_per_pass", "images_read", "passes_read", "images_asked", "passes_asked",
        "images_computed", "passes_computed",
    )  # fmt: skip
    return Chart(name="store", title="What stored features saved", figure=figure, header=header, rows=rows)


def _label_bars(axes: Any, seconds: Sequence[float], colors: Sequence[str]) -> None:
    for place, (value, color) in enumerate(zip(seconds, colors, strict=True)):
        axes.barh(place, value, height=0.5, color=color)
        axes.annotate(
            short_duration(value),
            (value, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_xlim(0, 1.15 * max(max(seconds), 1e-9))
