"""What searches found against time: curves, the figures that compare them, a table and a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REFERENCE = "random search"
WANTED = 1 / 3
"""The share of random search's time in which tlsearch should be where random search ends."""

COLORS = {"random search": "#e0803a", "TPE from nothing": "#7a8594", "tlsearch": "#3b82d6"}
INK = "#30363d"

Record = Mapping[str, Any]
Curve = list[tuple[float, float]]
"""(seconds, best value so far) at each improvement, in order."""


def curve_of(search: Record, limit: float) -> Curve:
    """The best value of the complete trials of a search against the time at which each ended, up to ``limit``."""
    curve: Curve = []
    for trial in sorted(search["trials"], key=lambda t: float(t["ended"])):
        value = trial["value"]
        if trial["state"] != "complete" or value is None or trial["ended"] > limit:
            continue
        if not curve or value > curve[-1][1]:
            curve.append((trial["ended"], value))
    return curve


def value_at(curve: Curve, seconds: float) -> float:
    """The best value by then; -inf where there is none yet."""
    return max((value for at, value in curve if at <= seconds), default=-math.inf)


def reached(curve: Curve, target: float) -> float:
    """When a curve is first at or above ``target``; inf where it never is."""
    return next((at for at, value in curve if value >= target), math.inf)


def median_curve(curves: Sequence[Curve]) -> Curve:
    """The median over searches of the best value so far, from the time when it exists."""
    times = sorted({at for curve in curves for at, _ in curve})
    middle = [(at, median(value_at(curve, at) for curve in curves)) for at in times]
    middle = [(at, value) for at, value in middle if math.isfinite(value)]
    return middle[:1] + [after for before, after in pairwise(middle) if after[1] > before[1]]


def curves_by_method(searches: Sequence[Record], limit: float) -> dict[str, dict[int, Curve]]:
    """Method -> seed -> curve."""
    curves: dict[str, dict[int, Curve]] = {}
    for search in searches:
        curves.setdefault(search["method"], {})[search["seed"]] = curve_of(search, limit)
    return curves


def summarize(searches: Sequence[Record], limit: float) -> dict[str, dict[str, Any]]:
    """The figures that compare the methods.

    For each method: its final values by seed and their median; when each seed reaches the final value of random search
    with the same seed; these times as shares of all the time that random search had, and of the time at which it had
    that value itself; and when the median curve reaches the median of random search's final values. What is never
    reached, or not known, is None.
    """
    curves = curves_by_method(searches, limit)
    goals = {seed: curve[-1] for seed, curve in curves.get(REFERENCE, {}).items() if curve}
    goal = median(value for _, value in goals.values()) if goals else math.inf
    return {method: _figures(by_seed, goals, goal, limit) for method, by_seed in curves.items()}


def _figures(
    by_seed: Mapping[int, Curve], goals: Mapping[int, tuple[float, float]], goal: float, limit: float
) -> dict[str, Any]:
    finals = {seed: curve[-1][1] if curve else -math.inf for seed, curve in by_seed.items()}
    times = {seed: reached(curve, goals[seed][1]) for seed, curve in by_seed.items() if seed in goals}
    shares = [at / limit for at in times.values()]
    strict = [at / goals[seed][0] for seed, at in times.items()]
    whole = reached(median_curve(list(by_seed.values())), goal)
    return {
        "final": {str(seed): _finite(value) for seed, value in finals.items()},
        "median_final": _median(list(finals.values())),
        "reaches_random_after": {str(seed): _finite(at) for seed, at in times.items()},
        "share_of_random_time": _median(shares),
        "share_of_time_random_found_it": _median(strict),
        "median_curve_reaches_random_after": _finite(whole),
        "median_curve_share": _finite(whole / limit),
    }


def _median(values: Sequence[float]) -> float | None:
    return _finite(median(values)) if values else None


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def print_table(found: Record, console: Console) -> None:
    """The searches side by side, and a verdict."""
    seeds = len({search["seed"] for search in found["searches"]})
    table = Table(
        "search", "best, by seed", "median", "trials", "reaches random search's best after, s", "median share of its "
        "time", "share of when it found it", "median curve reaches it after, s",
        title=f"{found['dataset']}: best validation {found['metric']}, {found['time_limit']:.0f} s a search, {seeds} "
        f"seed{'s' if seeds > 1 else ''}, pruner of random search and TPE: {found['pruner']}",
    )  # fmt: skip
    for method, figures in found["summary"].items():
        table.add_row(
            method,
            " ".join(_cell(value) for value in figures["final"].values()),
            _cell(figures["median_final"]),
            " ".join(
                _counts(search, found["time_limit"]) for search in found["searches"] if search["method"] == method
            ),
            " ".join(_cell(at, "{:.0f}") for at in figures["reaches_random_after"].values()),
            _cell(figures["share_of_random_time"], "{:.2f}"),
            _cell(figures["share_of_time_random_found_it"], "{:.2f}"),
            _cell(figures["median_curve_reaches_random_after"], "{:.0f}"),
        )
    console.print(table)
    console.print("trials: complete in time/begun. A dash: never within the time.", style="dim")
    console.print(_verdict(found["summary"]))


def _verdict(summary: Record) -> str:
    """Whether tlsearch was as fast as it should be. Seeds with which random search found nothing are not counted."""
    if summary.get(REFERENCE, {}).get("median_final") is None or "tlsearch" not in summary:
        return "Random search and tlsearch cannot be compared: one is missing, or random search found nothing."
    share = summary["tlsearch"]["share_of_random_time"]
    when = "not within its time" if share is None else f"in {share:.2f} of its time"
    return f"tlsearch is where random search ends {when} (median of seeds; wanted: at most {WANTED:.2f})."


def _counts(search: Record, limit: float) -> str:
    complete = sum(trial["state"] == "complete" and trial["ended"] <= limit for trial in search["trials"])
    return f"{complete}/{len(search['trials'])}"


def _cell(value: float | None, form: str = "{:.3f}") -> str:
    return "-" if value is None else form.format(value)


def draw(found: Record, file: Path) -> None:
    """A PNG: the best value of every search against seconds, thin, and the median of each method, bold."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    limit = float(found["time_limit"])
    figure = Figure(figsize=(7.2, 4.0), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    by_method = curves_by_method(found["searches"], limit)
    for method, by_seed in by_method.items():
        color = COLORS.get(method, INK)
        for curve in by_seed.values():
            _step(axes, curve, limit, color=color, linewidth=0.9, alpha=0.35)
        _step(axes, median_curve(list(by_seed.values())), limit, color=color, linewidth=2.4, label=method)
    _mark_goal(axes, found, limit)
    axes.set_xlim(0, limit)
    axes.set_ylim(*_limits([list(by_seed.values()) for by_seed in by_method.values()], limit))
    axes.set_xlabel("seconds since the search began", color=INK)
    axes.set_ylabel(f"best validation {found['metric'].replace('_', ' ')}", color=INK)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.tick_params(colors=INK, length=3)
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
    axes.legend(loc="lower right", frameon=False, labelcolor=INK)
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})


def _limits(methods: Sequence[Sequence[Curve]], limit: float) -> tuple[float, float]:
    """A range for the values.

    It goes from the lowest median after a tenth of the time, when first crude values are over, to the best value of
    all.
    """
    middles = [median_curve(curves) for curves in methods]
    lows = [max(value_at(middle, limit / 10), middle[0][1]) for middle in middles if middle]
    highs = [value for curves in methods for curve in curves for _, value in curve]
    if not lows:
        return 0.0, 1.0
    air = max(0.01, 0.06 * (max(highs) - min(lows)))
    return max(0.0, min(lows) - air), min(1.0, max(highs) + air)


def _step(axes: Axes, curve: Curve, limit: float, **style: Any) -> None:
    ends = [*curve, (limit, curve[-1][1])] if curve else []
    axes.plot([at for at, _ in ends], [value for _, value in ends], drawstyle="steps-post", **style)


def _mark_goal(axes: Axes, found: Record, limit: float) -> None:
    """A dotted line from where tlsearch's median is as good as random search's in the end, to that end."""
    summary = found["summary"]
    goal = summary.get(REFERENCE, {}).get("median_final")
    at = summary.get("tlsearch", {}).get("median_curve_reaches_random_after")
    if goal is None or at is None:
        return
    axes.plot([at, limit], [goal, goal], color=INK, linewidth=1, linestyle=":")
    axes.plot([at], [goal], color=INK, marker="o", markersize=4)
    axes.annotate(f"{at:.0f} s", (at, goal), textcoords="offset points", xytext=(5, -13), color=INK, fontsize=9)
