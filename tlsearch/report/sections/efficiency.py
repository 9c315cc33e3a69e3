"""Score against cost at use: every model that was confirmed or tested and every trial, the efficient ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tlsearch.report.charts import BASELINE, INK, NEUTRAL, Key, color_of, limits, new_chart
from tlsearch.report.images import Chart, Values
from tlsearch.report.numbers import ScoreStyle, significant
from tlsearch.report.sections.section import Section
from tlsearch.report.text import metric_name
from tlsearch.results.result import RunResult
from tlsearch.results.schema import AtUse, ModelAtUse, TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW_TICKS = (1, 2, 5)
"""What the numbers at the logarithmic axis begin with."""


class Axis(NamedTuple):
    """A cost: the field that has it, what stands at the axis, the title of its chart and the name of its files."""

    field: str
    label: str
    title: str
    name: str


AXES = (
    Axis("ms_per_image", "milliseconds an image", "Score against time", "latency"),
    Axis("megabytes", "megabytes of the file", "Score against size", "size"),
)


def efficiency(result: RunResult) -> Section:
    """A chart for the time and one for the size, and a table of the models; nothing where costs are not known."""
    at_use = result.at_use
    costs = [(model, _costs(model)) for model in at_use.models] if at_use is not None else []
    known = [(model, cost) for model, cost in costs if cost is not None]
    models = [model for model, _ in known]
    if at_use is None or len(models) < 2:
        return Section({"cost_charts": []})
    charts = [_chart(result, at_use, models, axis) for axis in AXES]
    choice = at_use.choice
    shown = {
        "cost_charts": [(axis.title, chart.svg) for axis, chart in zip(AXES, charts, strict=True)],
        "cost_keys": charts[0].keys,
        "cost_note": _note(at_use),
        "costed": [
            _row(model, *cost) for model, cost in sorted(known, key=lambda one: -result.metrics.sign * one[0].score)
        ],
        "use_limits": choice.asked if choice is not None else "",
    }
    return Section(shown, tuple(charts))


def _costs(model: ModelAtUse) -> tuple[float, float] | None:
    """Megabytes, and milliseconds an image; None where one of them is not known."""
    if model.megabytes is None or model.ms_per_image is None:
        return None
    return model.megabytes, model.ms_per_image


def _note(at_use: AtUse) -> str:
    return (
        "Large points are models that were tested or trained anew on resampled folds, and stand at the mean of these "
        "folds, else at their validation score. Small points are the trials of the search at their validation scores, "
        "which are selected and optimistic, and at what such a model costs by estimate. A ring marks the efficient "
        "ones of the large points: no other is as good in score, time and size, and better in one of them; costs that "
        "differ by less than 5 % count as alike. How far "
        f"scores are sure is not drawn. Costs are those of {at_use.how}."
    )


def _row(model: ModelAtUse, megabytes: float, ms: float) -> dict[str, Any]:
    """A line of the table."""
    return {
        "label": model.label,
        "role": model.role,
        "measured": model.measured,
        "score": model.score,
        "on": f"{model.folds} resampled fold{'s' if model.folds != 1 else ''}" if model.folds else "validation",
        "megabytes": megabytes,
        "megabytes_shown": significant(megabytes),
        "ms": ms,
        "ms_shown": significant(ms),
        "efficient": model.efficient,
        "within": model.within,
    }


def _chart(result: RunResult, at_use: AtUse, models: Sequence[ModelAtUse], axis: Axis) -> Chart:
    fractions = ScoreStyle.of(result.metrics).fractions
    figure, axes = new_chart(axis.label, metric_name(result.metrics.name), fractions)
    candidates = [c.label for c in result.plan.candidates]
    trials = _trials(result, axis)
    for row, cost, score in trials:
        axes.plot(
            [cost], [score], linestyle="", marker="o", markersize=3.5, alpha=0.45,
            color=color_of(row.candidate, candidates), markeredgewidth=0,
        )  # fmt: skip
    for model in models:
        place = ([getattr(model, axis.field)], [model.score])
        axes.plot(*place, linestyle="", marker="o", markersize=7, color=_color(model, candidates), markeredgewidth=0)
        if model.efficient:
            axes.plot(
                *place, linestyle="", marker="o", markersize=11, markerfacecolor="none", color=INK, markeredgewidth=1.3
            )
    limit = _limit(at_use, axis)
    if limit is not None:
        axes.axvline(limit, color=NEUTRAL, linewidth=1.4, linestyle=(0, (4, 3)))
    costs = [float(getattr(m, axis.field)) for m in models] + [cost for _, cost, _ in trials]
    _set_axis(axes, [*costs, *([limit] if limit is not None else [])])
    axes.set_ylim(*limits([*(m.score for m in models), *(score for _, _, score in trials)], fractions))
    data: list[Values] = [
        (m.label, m.role, m.score, m.folds, getattr(m, axis.field), m.measured, m.efficient) for m in models
    ]
    data += [(row.label, "trial", score, 0, cost, False, None) for row, cost, score in trials]
    header = ("model", "role", "score", "folds", axis.field, "measured", "efficient")
    return Chart(
        name=axis.name, title=axis.title, figure=figure, header=header, rows=data, keys=_keys(result, models, at_use)
    )


def _trials(result: RunResult, axis: Axis) -> list[tuple[TrialRow, float, float]]:
    """The complete trials of the search whose cost is known, each with its cost and the score that ranks it."""
    found = [(row, getattr(row, axis.field), row.ranked_by) for row in result.trials if row.role == "trial"]
    return [(row, cost, score) for row, cost, score in found if cost and score is not None]


def _limit(at_use: AtUse, axis: Axis) -> float | None:
    if at_use.choice is None:
        return None
    return at_use.choice.max_megabytes if axis.field == "megabytes" else at_use.choice.max_ms_per_image


def _color(model: ModelAtUse, candidates: Sequence[str]) -> str:
    return BASELINE if model.role == "from scratch" else color_of(model.network, candidates)


def _set_axis(axes: Axes, costs: Sequence[float]) -> None:
    """Costs differ by factors; a few round numbers stand at the axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.3, max(costs) * 1.3)
    axes.xaxis.set_major_locator(LogLocator(subs=FEW_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _keys(result: RunResult, models: Sequence[ModelAtUse], at_use: AtUse) -> list[Key]:
    candidates = [c.label for c in result.plan.candidates]
    named = {m.network for m in models} | {row.candidate for row in result.trials if row.role == "trial"}
    keys = [Key(label, color_of(label, candidates), "dot") for label in candidates if label in named]
    if any(model.role == "from scratch" for model in models):
        keys.append(Key("from scratch", BASELINE, "dot"))
    keys.append(Key("efficient", INK, "ring"))
    if at_use.choice is not None and at_use.choice.asked:
        keys.append(Key(at_use.choice.asked, NEUTRAL, "dashed"))
    return keys
