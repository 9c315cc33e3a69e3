"""What mattered: the share of variance that each parameter explains, and every trial by depth, head and strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

from tlsearch.report.charts import (
    BASELINE,
    INK,
    NEUTRAL,
    WINNER,
    Key,
    Mark,
    as_percent,
    color_of,
    limits,
    new_chart,
    row_chart,
)
from tlsearch.report.images import Chart
from tlsearch.report.numbers import ScoreStyle
from tlsearch.report.sections.section import Section
from tlsearch.report.sections.trial_table import reached, winner_number
from tlsearch.report.text import STATES, metric_name, validation
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Importance, TrialRow
from tlsearch.types import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARAMETERS = {
    "candidate": "pre-trained network",
    "train_suffix": "tune layers, or only a head",
    "freeze": "how many layers stay frozen",
    "skip_cut": "which earlier layer is joined",
    "pooling": "pooling",
    "hidden": "hidden layer, or none",
    "units": "width of the hidden layer",
    "dropout": "dropout",
    "policy": "kind of augmentation",
    "strength": "strength of augmentation",
    "lr_suffix": "learning rate of the layers",
    "lr_head": "learning rate of the head",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
}
"""The parameters of the search as people call them."""

LINEAR_AT = 5.0
"""Where a linear head stands on a scale of doublings, left of the narrowest hidden layer of 64 = 2^6 units."""

ENDED: tuple[State, ...] = ("failed", "pruned", "timed_out")

MARKS: dict[str, Mark] = {"complete": "dot", "pruned": "cross", "timed_out": "triangle"}


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """Something that trials differ in: where a trial lies on the horizontal axis, and what the axis is called."""

    name: str
    title: str
    axis: str
    column: str
    place: Callable[[TrialRow], float]


DIMENSIONS = (
    Dimension(
        name="freeze-depth",
        title="Score by freeze depth",
        axis="share of blocks that stay frozen",
        column="frozen_share",
        place=lambda row: row.spec.freeze_depth / row.spec.depth if row.spec.depth else 0.0,
    ),
    Dimension(
        name="head-size",
        title="Score by head size",
        axis="units of the hidden layer",
        column="units",
        place=lambda row: row.spec.units,
    ),
    Dimension(
        name="strength",
        title="Score by strength of augmentation",
        axis="strength of augmentation",
        column="strength",
        place=lambda row: row.spec.strength,
    ),
)


def importance(result: RunResult) -> Section:
    """The importance of parameters, and the score of every trial by what people ask about."""
    searched = [row for row in result.trials if row.role == "trial"]
    drawn = [row for row in searched if reached(row) is not None]
    charts, same = [], []
    for dimension in DIMENSIONS:
        places = {dimension.place(row) for row in drawn}
        if len(places) > 1:
            charts.append(_scatter(result, drawn, dimension))
        elif drawn:
            same.append(dimension.axis)
    shown = {
        "importance": _importance_shown(result.importance, len([r for r in searched if r.state == "complete"])),
        "scatter": [(chart.title, chart.svg) for chart in charts],
        "scatter_keys": charts[0].keys if charts else (),
        "scatter_caption": _caption(result, searched, drawn, same) if searched else "",
    }
    if result.importance is None or not _tells(result.importance):
        return Section({**shown, "importance_bars": ()}, tuple(charts))
    bars = _bars(result.importance)
    return Section({**shown, "importance_bars": bars}, (_importance(result.importance), *charts))


def _importance_shown(importance: Importance | None, complete: int) -> str:
    """What is to be said of the importance of parameters."""
    if importance is None:
        return "The importance of parameters was not computed in this run."
    if importance.parameters and not _tells(importance):
        first = importance.parameters[0].name
        return (
            f"Too few trials to tell what mattered most: of {importance.trials} complete trials the largest share is "
            f"that of {PARAMETERS.get(first, first)}, and it is smaller than twice its standard error."
        )
    if not importance.parameters:
        trials = f"{importance.trials} complete trial{'s' if importance.trials != 1 else ''}"
        few = "all have the same score" if importance.trials >= 10 else "at least ten are needed"
        return f"Nothing can be said of the importance of parameters from {trials}: {few}."
    return (
        f"The share of the variance of scores that each parameter explains by itself, by fANOVA (a random forest over "
        f"{importance.trials} complete trials; those that stopped early, failed or ran out of time have no final "
        "score and are left out). "
        "What parameters explain only together is in none of the bars, and a parameter that most trials do not use "
        "gets little. Behind ± stand standard errors over trials, in points: shares that lie nearer than that may well "
        "change places. The search looks where scores are good, so this is no experiment with even coverage."
    )


def _tells(importance: Importance) -> bool:
    """Whether the errors leave an order: the largest share is more than twice its standard error."""
    if not importance.parameters:
        return False
    first = importance.parameters[0]
    return first.stderr is None or first.share > 2 * first.stderr


def _bars(importance: Importance) -> list[tuple[str, float, float | None, float]]:
    """Name, share, its standard error and the length of the bar in percent of all variance."""
    return [(PARAMETERS.get(p.name, p.name), p.share, p.stderr, round(100 * p.share, 2)) for p in importance.parameters]


def _importance(importance: Importance) -> Chart:
    rows = [(PARAMETERS.get(p.name, p.name), p) for p in importance.parameters]
    figure, axes = row_chart([name for name, _ in rows], "share of the variance of scores")
    for place, (_, found) in enumerate(rows):
        axes.barh(place, found.share, height=0.55, color=WINNER)
        if found.stderr is not None:
            low, high = max(0.0, found.share - found.stderr), min(1.0, found.share + found.stderr)
            axes.plot((low, high), (place, place), color=INK, linewidth=1)
    axes.set_xlim(0, 1)
    as_percent(axes, "x")
    data = [(p.name, name, p.share, p.stderr, importance.trials) for name, p in rows]
    header = ("parameter", "meaning", "share_of_variance", "stderr", "complete_trials")
    return Chart(
        name="importance", title="What mattered: importance of parameters", figure=figure, header=header, rows=data
    )


def _scatter(result: RunResult, rows: Sequence[TrialRow], dimension: Dimension) -> Chart:
    fractions = ScoreStyle.of(result.metrics).fractions
    figure, axes = new_chart(dimension.axis, metric_name(result.metrics.name), fractions)
    candidates = [c.label for c in result.plan.candidates]
    won, values, data = winner_number(result), [], []
    points: dict[tuple[str, Mark], list[tuple[float, float]]] = {}
    for row in rows:
        value = reached(row)
        if value is None:
            continue
        place = dimension.place(row)
        at = _on_axis(dimension, place)
        points.setdefault((color_of(row.candidate, candidates), MARKS[row.state]), []).append((at, value))
        if row.number == won:
            axes.plot([at], [value], marker="o", markersize=10, markerfacecolor="none", color=INK, markeredgewidth=1.3)
        values.append(value)
        data.append((row.number, row.candidate, row.state, place, row.value, value, row.number == won))
    for (color, mark), group in points.items():
        axes.plot(
            *zip(*group, strict=True), linestyle="", color=color, markeredgewidth=1.2 if mark != "dot" else 0,
            marker={"dot": "o", "cross": "x", "triangle": "^"}[mark], alpha=0.8 if mark == "dot" else 0.6,
            markerfacecolor=color if mark == "dot" else "none", markersize=5.5,
        )  # fmt: skip
    baseline = _beside_trials(result)
    if baseline is not None and _near(baseline, values):
        values.append(baseline)
        axes.axhline(baseline, color=BASELINE, linewidth=1.4, linestyle=(0, (4, 3)))
    axes.set_ylim(*limits(values, fractions))
    _set_axis(axes, dimension, [dimension.place(row) for row in rows])
    header = ("number", "candidate", "state", dimension.column, "value", "last_value", "winner")
    return Chart(
        name=dimension.name,
        title=dimension.title,
        figure=figure,
        header=header,
        rows=data,
        keys=_keys(result, rows, values, candidates),
    )


def _beside_trials(result: RunResult) -> float | None:
    """The validation score of the network from scratch; None where it is of other images than those of the trials."""
    folds = (row.folds for row in result.trials if row.role == "trial" and row.state == "complete")
    if result.baseline is None or (result.plan.folds > 1 and result.baseline.val_folds != min(folds, default=1)):
        return None
    return result.baseline.val


def _near(baseline: float, values: Sequence[float]) -> bool:
    """Whether the baseline can be drawn beside the trials without pressing them into a corner of the chart."""
    span = max(0.05, max(values) - min(values))
    return min(values) - span <= baseline <= max(values) + span


def _on_axis(dimension: Dimension, place: float) -> float:
    if dimension.column != "units":
        return place
    return log2(place) if place else LINEAR_AT


def _set_axis(axes: Axes, dimension: Dimension, places: Sequence[float]) -> None:
    from matplotlib.ticker import MultipleLocator

    if dimension.column != "units":
        axes.set_xlim(-0.05, 1.05)
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        if dimension.column == "frozen_share":
            as_percent(axes, "x")
        return
    narrow = min((log2(place) for place in places if place), default=6.0)
    wide = max((log2(place) for place in places if place), default=10.0)
    powers = range(int(min(6, narrow)), int(max(10, wide)) + 1)
    axes.set_xticks([LINEAR_AT, *powers], ["linear", *(f"{2**power:,}" for power in powers)])
    axes.set_xlim(LINEAR_AT - 0.4, powers[-1] + 0.4)


def _keys(result: RunResult, rows: Sequence[TrialRow], values: Sequence[float], candidates: Sequence[str]) -> list[Key]:
    networks = dict.fromkeys([c for c in candidates if any(row.candidate == c for row in rows)])
    keys = [Key(label, color_of(label, candidates), "dot") for label in networks]
    states = {row.state for row in rows} - {"complete"}
    keys += [
        Key(state_text, NEUTRAL, MARKS[state]) for state, state_text in STATES.items() if state in states & MARKS.keys()
    ]
    if winner_number(result) is not None:
        keys.append(Key("winner", INK, "ring"))
    if _beside_trials(result) in values:
        keys.append(Key("from scratch", BASELINE, "dashed"))
    return keys


def _caption(result: RunResult, searched: Sequence[TrialRow], drawn: Sequence[TrialRow], same: Sequence[str]) -> str:
    """What the points are, and what is not among them."""
    early = [row for row in drawn if row.state != "complete"]
    sentences = ["Each point is a trial, its score that on validation images."]
    if any(row.value_on_shared_folds is not None and row.value_on_shared_folds != row.value for row in drawn):
        sentences[0] = "Each point is a trial, its score that on the folds that all trials have."
    if early:
        one = len(early) == 1
        stand = "ended early and stands at what it had" if one else "ended early and stand at what they had"
        sentences.append(f"{len(early)} {stand} reached.")
    hidden = [row for row in searched if row not in drawn]
    if hidden:
        counts = [f"{n} {STATES[s]}" for s in ENDED if (n := sum(r.state == s for r in hidden))]
        sentences.append(f"Not drawn, for want of any score: {', '.join(counts)}.")
    values = [value for row in drawn if (value := reached(row)) is not None]
    baseline = _beside_trials(result)
    if baseline is not None and values and not _near(baseline, values):
        at = ScoreStyle.of(result.metrics).value(baseline)
        sentences.append(f"The network from scratch is off the charts, at {at}.")
    if baseline is None and result.baseline is not None:
        of = validation(result.baseline.val_folds, result.plan.folds)
        sentences.append(f"The network from scratch is in no chart: its score ({of}) is one of other images.")
    if same:
        sentences.append(f"No chart where all trials have one value: {', '.join(same)}.")
    return " ".join(sentences)
