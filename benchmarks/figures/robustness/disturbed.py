"""The figures of runs that are killed, cut off, or recorded by a server that fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, source, table

Row = Mapping[str, Any]

VICTIMS = {"node": "a node", "parent": "the parent, then resumed"}


def kill_and_resume(result: Result) -> str:
    """How many kills, where, and what came of them."""
    figures = result.figures
    troubles = figures["troubles"]
    outcome = (
        "with the trials, values, winner and test score of the undisturbed run, and nothing recorded twice"
        if not troubles
        else f"with {len(troubles)} differences from the undisturbed run"
    )
    rows = [[step, str(count)] for step, count in figures["steps"].items()]
    caption = (
        f"Runs of {figures['images']} images and {figures['trials']} trials were killed at random moments: "
        f"{figures['runs']} runs, {figures['kills']} kills. All runs reached their end, {outcome}."
    )
    return paragraphs(caption, table(["moment of the kill", "kills"], rows), source(result))


def kill_and_resume_brief(result: Result) -> str:
    """Kills and differences."""
    return f"{result.figures['kills']} kills, {len(result.figures['troubles'])} differences"


def soak(result: Result) -> str:
    """How many runs, what went wrong meanwhile, and what the record has."""
    figures = result.figures
    troubles = figures["troubles"]
    outcome = (
        "every trial was recorded exactly once, every run was closed, and no password was in any file, any artifact "
        "or a dump of the database"
        if not troubles
        else f"{len(troubles)} things were wrong: {'; '.join(troubles)}"
    )
    rows = [[name, str(count)] for name, count in sorted(figures["faults"].items())]
    again = figures["attempts"].get("resumed", 0) + figures["attempts"].get("refused", 0)
    caption = (
        f"{figures['runs']} runs with {figures['trials']} trials in {figures['minutes']:g} minutes (seed "
        f"{figures['seed']}), recorded by one MLflow server with logins on PostgreSQL. {again} attempts ended early "
        f"and were made again; of {figures['waited']} runs a part of the record waited for `tlsearch sync`. At the end "
        f"{outcome}."
    )
    return paragraphs(caption, table(["fault", "times"], rows), source(result))


def soak_brief(result: Result) -> str:
    """Runs, faults and what is wrong."""
    figures = result.figures
    return f"{figures['runs']} runs, {sum(figures['faults'].values())} faults, {len(figures['troubles'])} losses"


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
        f"A run of {figures['trials']} trials on a Ray cluster of a head node and {figures['nodes']} more, all on one "
        f"machine, which takes {duration(figures['seconds'])} undisturbed. The moments are drawn uniformly over that "
        f'time. When it happened: {_steps(runs)}. "Started once more" counts runs that refused before any work, '
        "because the node went while the slots were handed out; the same command was given again."
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


def network(result: Result) -> str:
    """What was done to the network, what crossed it, and what came of the run."""
    figures = result.figures
    troubles = figures["troubles"]
    outcome = (
        "the trials, values, winner and test score of the same run with local workers. Every trial was recorded once, "
        "and all features of the node were on S3"
        if not troubles
        else f"{len(troubles)} differences from the same run with local workers: {'; '.join(troubles)}"
    )
    link, crossed, seconds = figures["round_trip_ms"], figures["megabytes"], figures["seconds"]
    features = figures["features"]
    repeated = figures["repeated"] or "none"
    rows = [
        ["round trip before the cut", f"{link['before']:.2g} ms"],
        ["round trip afterwards", f"{link['after']:.0f} ms"],
        ["data on the wire before the cut", f"{crossed['before']:.1f} MB"],
        ["data on the wire afterwards", f"{crossed['after']:.1f} MB"],
        ["frames afterwards, and lost of them", f"{figures['frames']:,}, {figures['lost']:,}"],
        ["features that were shared", f"{features['files']} files, {features['megabytes']:.1f} MB"],
        ["trials that were run again", str(repeated)],
        ["did Ray count the node as lost", "yes" if figures["node_lost"] else "no"],
        ["the whole run, with local workers", duration(seconds["local"])],
        ["the whole run, over the network", duration(seconds["remote"])],
    ]
    caption = (
        f"A run of {figures['trials']} trials, those of the confirmation included, with {figures['workers']} workers "
        f"on a Ray node at the other end of a wire. When {figures['trials_at_the_cut']} trials of the search were "
        f"over, the wire was cut for {figures['cut_seconds']:g} seconds. "
        f"Then each frame took {figures['delay_ms']:g} ms in either direction, and {figures['loss']:.1%} of them were "
        f"lost. The run ended with {outcome}."
    )
    return paragraphs(caption, table(["what", "how much"], rows), source(result))


def network_brief(result: Result) -> str:
    """The cut, and what is wrong."""
    figures = result.figures
    return (
        f"{figures['trials']} trials, {figures['cut_seconds']:g} s without a network, {len(figures['troubles'])} losses"
    )
