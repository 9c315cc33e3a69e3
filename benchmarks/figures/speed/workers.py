"""The figures of many workers, on one machine and on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, source, table, two_figures

Row = Mapping[str, Any]


def workers(result: Result) -> str:
    """A row for every number of workers."""
    figures = result.figures
    caption = (
        f"{figures['trials']} trials of {figures['backbone']} at {figures['image_size']} px with {figures['images']:,} "
        f"images, in rounds of {figures['round_size']}, by workers with {figures['threads']} thread each; features are "
        f"stored already. All found {'the same' if figures['same'] else 'different'} trials and values."
    )
    rows = [
        [name, duration(search["seconds"]), f"{search['trials_per_minute']:.1f}"]
        for name, search in figures["searches"].items()
    ]
    return paragraphs(table(["", "search", "trials a minute"], rows), caption, source(result))


def workers_brief(result: Result) -> str:
    """How much faster the last number of workers is than the first."""
    searches = list(result.figures["searches"].items())
    (_, first), (name, last) = searches[0], searches[-1]
    return f"{name}: {last['trials_per_minute'] / first['trials_per_minute']:.2f} times the trials a minute of one"


def cluster_transport(result: Result) -> str:
    """A row for a trial, for a bare exchange and for the first trial."""
    figures = result.figures
    trial, exchange = figures["trial_seconds"], figures["exchange_ms"]
    rows = [
        ["a trial (median)", f"{trial['here']:.3f} s", f"{trial['there']:.3f} s"],
        [
            "a question and its answer (median)",
            f"{exchange['here']:.2f} ms",
            f"{exchange['there']:.2f} ms",
        ],
    ]
    caption = (
        f"{figures['trials']} trials of {figures['epochs']} epochs with {figures['images']:,} images, by turns on "
        f"either side. The transport adds {1000 * figures['added_seconds']:.0f} ms to a trial (median of the "
        f"differences). On a cluster that runs already, the connection took {figures['connected_seconds']:.1f} s, and "
        f"the first trial was over after {figures['first_trial_seconds']:.1f} s, most of which is the start of Keras."
    )
    return paragraphs(table(["", "on this machine", "on the cluster"], rows), caption, source(result))


def cluster_transport_brief(result: Result) -> str:
    """What it adds to a trial, and the first trial."""
    figures = result.figures
    added, first = 1000 * figures["added_seconds"], figures["first_trial_seconds"]
    return f"{added:.0f} ms a trial; the first one after {first:.1f} s"


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
