"""Learning curves: of the winner, of the best other trials, and of the network from scratch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlsearch.report.charts import BASELINE, NEUTRAL, WINNER, Key, new_chart
from tlsearch.report.images import Chart
from tlsearch.report.numbers import ScoreStyle
from tlsearch.report.sections.section import Section
from tlsearch.report.sections.trial_table import winner_number
from tlsearch.report.text import metric_name
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Epoch
from tlsearch.types import AVERAGED

AVERAGES = "from scratch, averages of its weights"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The epochs of one trial, and how they are drawn: as a line, or as dots."""

    name: str
    epochs: Sequence[Epoch]
    color: str
    width: float
    training: bool
    dots: bool = False

    @property
    def key(self) -> Key:
        """Its line in the legend, which many may share."""
        name = "other good trials" if self.color == NEUTRAL else self.name
        return Key(name, self.color, "dot" if self.dots else "line")


def learning_curves(result: RunResult) -> Section:
    """The score and the loss by epoch; no chart where nothing was trained in epochs."""
    lines = _lines(result)
    metric, fractions = metric_name(result.metrics.name), ScoreStyle.of(result.metrics).fractions
    # Accuracy on training images may stand beside other fractions; it says nothing beside a score of any other scale.
    training = "train_accuracy" if fractions else None
    drawn = (
        _chart("learning-curves", metric, [*_averages(result), *lines], "objective", training, fractions=fractions),
        _chart("learning-curves-loss", "loss", lines, "val_loss", "train_loss", fractions=False),
    )
    charts = tuple(chart for chart in drawn if chart is not None)
    others = [line.name for line in lines if line.color == NEUTRAL]
    shown = {
        "curves": [chart.svg for chart in charts],
        "curve_keys": charts[0].keys if charts else (),
        "other_curves": ", ".join(others),
    }
    return Section(shown, charts)


def _lines(result: RunResult) -> list[Curve]:
    """The others first, so that what matters most lies on top."""
    histories, won = result.histories, winner_number(result)
    others = {number: epochs for number, epochs in histories.trials.items() if number != str(won)}
    lines = [
        Curve(name=f"trial {number}", epochs=epochs, color=NEUTRAL, width=1.0, training=False)
        for number, epochs in others.items()
    ]
    if histories.baseline:
        lines.append(Curve(name="from scratch", epochs=histories.baseline, color=BASELINE, width=1.8, training=True))
    if histories.winner:
        lines.append(Curve(name="winner", epochs=histories.winner, color=WINNER, width=1.8, training=True))
    return lines


def _averages(result: RunResult) -> list[Curve]:
    """The scores of averages of the weights of the network from scratch, by which its rise is foreseen."""
    found = [epoch for epoch in result.histories.baseline if epoch.get(AVERAGED) is not None]
    epochs = [{"epoch": epoch.get("epoch"), "objective": epoch[AVERAGED]} for epoch in found]
    return [Curve(name=AVERAGES, epochs=epochs, color=BASELINE, width=0.0, training=False, dots=True)] if epochs else []


def _chart(
    name: str, score: str, lines: Sequence[Curve], solid: str, dashed: str | None, *, fractions: bool
) -> Chart | None:
    """Key ``solid`` as lines, ``dashed`` (on training images), where it is given, dashed.

    None where no epoch has a number under ``solid``.
    """
    if not any(_series(line.epochs, solid)[0] for line in lines):
        return None
    figure, axes = new_chart("epoch", score, fractions)
    for line in lines:
        for key, style, width in ((dashed, "--", 1.0), (solid, "-", line.width)):
            if key is None or (key == dashed and not line.training):
                continue
            steps, values = _series(line.epochs, key)
            marker = "o" if line.dots or len(values) == 1 else None
            size = 2.5 if line.dots else None
            axes.plot(steps, values, color=line.color, ls=style, linewidth=width, marker=marker, markersize=size)
    if max(len(line.epochs) for line in lines) == 1:
        axes.set_xlim(0, 2)
    keys = dict.fromkeys(line.key for line in reversed(lines))
    columns = [key for key in (solid, dashed) if key is not None]
    rows = [
        (line.name, epoch.get("epoch", number), *(epoch.get(key) for key in columns))
        for line in reversed(lines)
        for number, epoch in enumerate(line.epochs, 1)
    ]
    training = (Key("on training images", NEUTRAL, "dashed"),) if dashed is not None else ()
    return Chart(
        name=name,
        title=f"Learning curves: {score}",
        figure=figure,
        header=("trial", "epoch", *columns),
        rows=rows,
        keys=(*keys, *training),
    )


def _series(epochs: Sequence[Mapping[str, float | None]], key: str) -> tuple[list[float], list[float]]:
    steps, values = [], []
    for number, epoch in enumerate(epochs, 1):
        value, after = epoch.get(key), epoch.get("epoch", float(number))
        if value is not None and math.isfinite(value) and after is not None:
            steps.append(after)
            values.append(float(value))
    return steps, values
