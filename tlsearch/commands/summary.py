"""The table at the end of a run: the winner against the linear probe and the baseline."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tlsearch.results.figures import interval, score, signed
from tlsearch.results.parts import Interval
from tlsearch.results.result import RunResult


def print_summary(console: Console, result: RunResult) -> None:
    """Prints what was found, what was gained and where everything is."""
    console.print()
    console.print(score_table(result))
    console.print()
    for line in gain_lines(result):
        console.print(Text(line, style="bold"), soft_wrap=not console.is_terminal)
    console.print()
    for name, value in _places(result):
        # Never broken into lines, as it is there to be copied.
        console.print(Text.assemble((f"{name:<8}", "dim"), value), soft_wrap=True)


def score_table(result: RunResult) -> Table:
    """A row each for winner, linear probe and baseline with validation score, test score and interval."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    table.add_column("model", overflow="fold")
    for title in ("validation", "test", "95 % interval"):
        table.add_column(title, justify="right", no_wrap=True)
    metrics, probe, baseline = result.metrics, result.linear_probe, result.baseline
    table.add_row(
        "winner", escape(result.winner.label), score(metrics.val), score(metrics.test), interval(metrics.test_ci95),
        style="bold",
    )  # fmt: skip
    if probe is not None:
        label = escape(probe.label)
        table.add_row("linear probe", label, score(probe.val), score(probe.test), interval(probe.test_ci95))
    if baseline is not None:
        table.add_row(
            "from scratch", baseline.architecture, score(baseline.val), score(baseline.test),
            interval(baseline.test_ci95),
        )  # fmt: skip
    table.title = f"{metrics.name.replace('_', ' ')} on {result.dataset.total('test'):,} test images"
    table.title_justify = "left"
    table.title_style = "dim"
    return table


def gain_lines(result: RunResult) -> list[str]:
    """One line for the gain over training from scratch, one for that over the linear probe, where there
    are."""
    gain, lines = result.gain, []
    if gain is None:
        return []
    if gain.test is not None and gain.ci95 is not None:
        p = gain.mcnemar_midp if gain.permutation_p is None else gain.permutation_p
        lines.append(_gain("over training from scratch", gain.test, gain.ci95, p))
    over = gain.over_linear_probe
    if over is not None:
        p = over.mcnemar_midp if over.permutation_p is None else over.permutation_p
        lines.append(_gain("over the linear probe", over.difference, over.ci95, p))
    return lines


def _gain(over: str, difference: float, ci95: Interval, p: float | None) -> str:
    from tlsearch.results.statistics import format_p

    return f"gain {over:<26}  {signed(difference)} {interval(ci95, sign=True)}   {format_p(p)}"


def _places(result: RunResult) -> list[tuple[str, str]]:
    folder = Path(result.output.folder)
    places = [
        (name, str(folder / file))
        for name, file in (("model", result.output.model), ("report", result.output.report))
        if file is not None
    ]
    if result.mlflow is not None:
        places.append(("trials", result.mlflow.ui_command))
    return places
