"""The figures of many workers: what they gain and lose, and what is left of a run on a cluster that is disturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, source, table, two_figures

Row = Mapping[str, Any]

VICTIMS = {"node": "a node", "parent": "the parent, then resumed"}


def many_workers(result: Result) -> str:
    """A table by trials and workers, one by the size of the round, one of what the parent costs."""
    figures = result.figures
    rows, rounds, kept = figures["rows"], figures["rounds"], figures["kept"]
    seconds, seeds = figures["seconds"], {row["trials"]: row["seeds"] for row in rows}
    searches = ", ".join(f"{count} of {trials:,} trials" for trials, count in seeds.items())
    caption = (
        f'Simulated searches ({searches}), with rounds of two trials for each worker. "With the parent" adds the '
        "parent's own processor time: between rounds, all workers wait for it. A loss is against one trial after the "
        "other with as many trials, in points of the true score of the best trial, ± its standard error. The "
        f"{figures['recorded']} recorded trials took {duration(seconds['mean'])} in the mean and "
        f"{duration(seconds['most'])} at most; a score lies {100 * figures['noise']:.1f} points (standard deviation) "
        f"beside the truth, and a configuration drawn by chance {100 * figures['fall']:g} points below the best of its "
        "kind."
    )
    first = rounds[0]
    by_round = f"The same by the size of the round, for {first['workers']} workers and {first['trials']:,} trials:"
    cost = (
        "What the parent costs a trial where everything is kept, the study and the record of MLflow in SQLite "
        "included, in milliseconds of processor time:"
    )
    return paragraphs(
        table(_HEAD, [_cells(row) for row in rows]),
        caption,
        by_round,
        table(_HEAD, [_cells(row) for row in rounds]),
        cost,
        _kept(kept),
        source(result),
    )


_HEAD = ["trials", "workers", "round", "times as fast", "with the parent", "idle", "loss, points", "parent, ms a trial"]


def _cells(row: Row) -> list[str]:
    return [
        f"{row['trials']:,}",
        str(row["workers"]),
        str(row["round"]),
        two_figures(row["speed-up"]),
        two_figures(row["speed-up with the parent"]),
        f"{row['idle']:.0%}",
        _loss(row),
        f"{row['parent, ms a trial']:,.0f}",
    ]


def _loss(row: Row) -> str:
    if row["workers"] == 1 and row["round"] == 1:
        return ""
    error = row["its standard error"]
    return f"{row['loss of the best, points']:.2f}" + ("" if error is None else f" ± {error:.2f}")


def _kept(rows: Sequence[Row]) -> str:
    cells = [
        [
            f"{row['trials']:,}",
            str(row["workers"]),
            str(row["round"]),
            f"{row['parent, ms a trial']:,.0f}",
            f"{row['of it between rounds']:,.0f}",
        ]
        for row in rows
    ]
    return table(["trials", "workers", "round", "ms a trial", "of it between rounds"], cells)


def many_workers_brief(result: Result) -> str:
    """The extremes."""
    rows = result.figures["rows"]
    fastest = max(rows, key=lambda row: row["speed-up"])
    worst = max(rows, key=lambda row: row["loss of the best, points"])
    return (
        f"up to {two_figures(fastest['speed-up'])} times as fast with {fastest['workers']} workers; at most "
        f"{worst['loss of the best, points']:.2f} points lost"
    )


def cluster_kills(result: Result) -> str:
    """A row for each kind of disturbance, and what came of it."""
    figures, runs = result.figures, result.figures["runs"]
    body = [_victim(name, [row for row in runs if row["victim"] == name]) for name in VICTIMS]
    head = [
        "killed",
        "runs",
        "seeds",
        "at",
        "trials begun once more",
        "started once more",
        "different from undisturbed",
    ]
    caption = (
        f"A run of {figures['trials']} trials on a Ray cluster of a head and {figures['nodes']} nodes, all on one "
        f"machine, which takes {duration(figures['seconds'])} undisturbed. The moments are drawn uniformly over that "
        f'time. When it happened: {_steps(runs)}. "Started once more" counts runs that refused before any work, '
        "because the node went while the places were handed out; the same command was given again."
    )
    troubles = [f"{row['victim']} {row['seed']}: {'; '.join(row['troubles'])}" for row in runs if row["troubles"]]
    same = (
        "Each had the same trials, values, winner and test score as the undisturbed run, each trial once in the study "
        "and in MLflow, and nothing left open."
    )
    return paragraphs(
        table(head, [row for row in body if row]),
        caption,
        f"What differs: {'. '.join(troubles)}." if troubles else same,
        source(result),
    )


def _victim(name: str, rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    seeds, moments = [row["seed"] for row in rows], [row["moment"] for row in rows]
    return [
        VICTIMS[name],
        str(len(rows)),
        f"{min(seeds)} to {max(seeds)}",
        f"{min(moments):.0f} to {max(moments):.0f} s",
        str(sum(row["repeated"] for row in rows)),
        str(sum(row["refused"] for row in rows)),
        str(sum(bool(row["troubles"]) for row in rows)),
    ]


def _steps(rows: Sequence[Row]) -> str:
    counts = Counter(row["step"] for row in rows)
    return ", ".join(f"{step} ({count})" for step, count in sorted(counts.items()))


def cluster_kills_brief(result: Result) -> str:
    """Kills, and what differs."""
    runs = result.figures["runs"]
    counts = Counter(row["victim"] for row in runs)
    different = sum(bool(row["troubles"]) for row in runs)
    return f"{counts['node']} nodes and {counts['parent']} parents killed, {different} differences"
