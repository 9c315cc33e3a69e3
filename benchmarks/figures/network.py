"""The figures of the benchmark that runs over a real network."""

from __future__ import annotations

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, source, table


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
