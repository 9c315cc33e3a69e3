"""The figures of heat maps and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table, with_interval


def explain(result: Result) -> str:
    """A row for the maps and for each control."""
    figures = result.figures
    rows = [
        [
            row["map"],
            *(with_interval(row[f"{name}_gain"], row[f"{name}_gain_ci95"]) for name in ("deletion", "insertion")),
        ]
        for row in figures["maps"]
    ]
    head = ["the order of the places is that of the map", "deletion gain", "insertion gain"]
    height, width = figures["places"]
    caption = (
        f"How much smaller the area under the deletion curve is than in a random order, and how much larger that under "
        f"the insertion curve, with 95 % intervals: {figures['source']}, {height} x {width} places at "
        f"{figures['image_size']} px. Winner: {figures['winner']}.{_map_error(figures)}{_map_agreement(figures)}"
    )
    return paragraphs(table(head, rows), caption, source(result))


def explain_brief(result: Result) -> str:
    """The gain of the maps themselves."""
    row = result.figures["maps"][0]
    return f"deletion gain {with_interval(row['deletion_gain'], row['deletion_gain_ci95'])}"


def _map_error(figures: Mapping[str, Any]) -> str:
    error = figures["largest_error"]
    if error is None:
        return ""
    return f" The sum of a map and the bias of its class differ from the logit by at most {error:.1e}."


def _map_agreement(figures: Mapping[str, Any]) -> str:
    scratch = figures["from_scratch"]
    if scratch is None:
        return ""
    return (
        f" Maps of the network from scratch agree with them, by rank correlation, with {scratch['same_image']:.2f} "
        f"(those of other images with {scratch['other_images']:.2f})."
    )


def localisation(result: Result) -> str:
    """A row for boxes from heat maps and for each rule that looks at no image."""
    figures = result.figures
    keys = ["pointing", "box_accuracy", *(f"overlap_{least}" for least in figures["overlaps"])]
    rows = [
        [row["name"], *(with_interval(row[key]["value"], row[key]["ci95"]) for key in keys)] for row in figures["rows"]
    ]
    head = ["", "pointing game", "box accuracy", *(f"overlap {least}" for least in figures["overlaps"])]
    caption = (
        f"Scores with 95 % intervals on {figures['images']:,} test pictures at {figures['image_size']} px, of which "
        f"the winner ({figures['winner']}) classifies {score(figures['accuracy'])} right. The threshold of the first "
        f"row, {figures['threshold']:g}, was chosen on {figures['threshold_images']:,} {figures['threshold_from']}; "
        f"the default is {figures['default_threshold']:g}."
    )
    return paragraphs(table(head, rows), caption, source(result))


def localisation_brief(result: Result) -> str:
    """Box accuracy beside that of a box in the middle."""
    first, *_, middle, _ = result.figures["rows"]
    own, rule = (with_interval(row["box_accuracy"]["value"], row["box_accuracy"]["ci95"]) for row in (first, middle))
    return f"box accuracy {own}, of a box in the middle {rule}"


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
