"""The figures of what averages of weights and predictions add to trained trials."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table


def afterwards(result: Result) -> str:
    """A row for every method; a column for every data set, and two for all together."""
    figures = result.figures
    datasets, together = figures["datasets"], figures["together"]
    body = [
        [
            method,
            *(_points(rows[method]["points"], rows[method]["interval"]) for rows in datasets.values()),
            _points(row["points"], row["interval"]),
            f"{_points(row['points_where_kept'], row['interval_where_kept'])}, {row['kept']:.0%}",
            f"{row['loss']:+.3f}",
        ]
        for method, row in together.items()
    ]
    divisions = next(iter(together.values()))["divisions"]
    caption = (
        f"Points of accuracy on test images over the best of {figures['trials']} trials that tune the later two thirds "
        f"of {figures['network']}, with 95 % intervals over {divisions} divisions of the images. *Where kept*: used "
        "only where validation images prefer it, and the share of divisions in which they do. *Log loss*: its change."
    )
    head = ["", *datasets, "all", "all, where kept", "log loss"]
    return paragraphs(table(head, body), caption, source(result))


def afterwards_brief(result: Result) -> str:
    """The range of what is gained where each is used only where validation prefers it."""
    points = [row["points_where_kept"] for row in result.figures["together"].values()]
    return f"{min(points):+.1f} to {max(points):+.1f} points where validation prefers them"


def _points(points: float, interval: Sequence[float] | None) -> str:
    """Such as +0.4 [-0.1, +0.9]."""
    if interval is None:
        return f"{points:+.1f}"
    low, high = interval
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]"
