"""The figures of benchmarks/quality/maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table, with_interval


def finer_maps(result: Result) -> str:
    """A row for each way to make a map, with the box accuracy at each side."""
    figures = result.figures
    rows: Mapping[tuple[int, str], Mapping[str, Any]] = {(row["side"], row["way"]): row for row in figures["rows"]}
    sides, ways = figures["sides"], figures["ways"]
    head = ["heat map", *(f"{side} px" for side in sides), *(f"pointing game, {side} px" for side in sides)]
    body = []
    for way in ways:
        boxes, points = ([_cell(rows[side, way][key]) for side in sides] for key in ("box_accuracy", "pointing"))
        body.append([way, *boxes, *points])
    gains = [
        [way, *(_cell(rows[side, way]["box_accuracy_gain"]) for side in sides), f"{figures['defaults'][way]:g}"]
        for way in ways[1:]
    ]
    things = ", ".join(f"{low:g} to {high:g}" for low, high in figures["things"])
    caption = (
        f"Box accuracy and pointing game with 95 % intervals, on {figures['images']:,} test pictures at each size. "
        f"The longer side of a thing is {things} of the height. Each way chose its threshold on validation pictures. "
        "The network is EfficientNet-Lite0, frozen, with a linear head."
    )
    gained = "What each gains in box accuracy over the map as it is, paired, and its best threshold for all sizes:"
    return paragraphs(
        table(head, body),
        caption,
        gained,
        table(["heat map", *(f"{side} px" for side in sides), "threshold"], gains),
        source(result),
    )


def finer_maps_brief(result: Result) -> str:
    """The best way at the smallest side, beside the map as it is."""
    figures = result.figures
    first = [row for row in figures["rows"] if row["side"] == figures["sides"][0]]
    best = max(first, key=lambda row: row["box_accuracy"]["value"])
    return (
        f"{best['way']}: box accuracy {_cell(best['box_accuracy'])} at {best['side']} px, as it is "
        f"{score(first[0]['box_accuracy']['value'])}"
    )


def _cell(one: Mapping[str, Any]) -> str:
    return with_interval(one["value"], one["ci95"])
