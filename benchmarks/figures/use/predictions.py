"""The figures of what a model says of new pictures: how fast, and whether it knows them at all."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table, with_interval


def predict_throughput(result: Result) -> str:
    """A row for small files and one for photographs."""
    figures = result.figures
    rows = [
        [
            f"{row['files']:,} {name} of {row['side']} px",
            f"{row['rate']:,.0f}",
            f"{fmean(row['bare_rates']):,.0f}",
            f"{row['share']:.2f}",
            f"{row['cpu_share']:.2f}",
            f"{_at_a_tenth(row):,.0f} MB",
            f"{row['megabytes'][-1]:,.0f} MB",
        ]
        for name, row in (("small files", figures["small"]), ("photographs", figures["photographs"]))
    ]
    head = [
        "",
        "images a second",
        "the bare network",
        "share",
        "share of processor time",
        "memory after 10 %",
        "memory at the end",
    ]
    caption = (
        f"`tlsearch predict` with {figures['backbone']} at {figures['image_size']} px, in batches of "
        f"{figures['batch_size']}, and the bare network on pictures that lie in memory, decoded. Small files lie in "
        "one folder. Photographs take longer to decode. The share of processor time is that of the seconds that all "
        "threads take. Memory is anonymous memory of the process, TensorFlow and the model included."
    )
    return paragraphs(table(head, rows), caption, source(result))


def predict_throughput_brief(result: Result) -> str:
    """The share of small files, and how memory grows."""
    row = result.figures["small"]
    growth = row["megabytes"][-1] - _at_a_tenth(row)
    return f"{row['share']:.2f} of the bare network's speed; {growth:+.0f} MB from 10 % to the end"


def _at_a_tenth(row: Mapping[str, Any]) -> float:
    """Megabytes when a tenth of the files was answered."""
    megabytes: list[float] = row["megabytes"]
    return megabytes[max(1, len(megabytes) // 10) - 1]


def monitor(result: Result) -> str:
    """A row for every kind of pictures."""
    figures = result.figures
    rows = figures["rows"]
    alarms = [name for name in rows[0] if name.startswith("alarms")]
    body = [
        [
            row["kind"],
            str(row["pictures"]),
            "" if row["AUROC"] is None else score(row["AUROC"]),
            f"{row['unlike']:.1%}",
            f"{row['left to a person']:.1%}",
            *("" if row.get(name) is None else f"{row[name]:.0%}" for name in alarms),
        ]
        for row in rows
    ]
    low, high = rows[0]["unlike ci95"]
    caption = (
        f"A model by {figures['kind of trial']} ({figures['frozen cut points']} of {figures['cut points']} cut points "
        f"frozen) at {figures['image size']} pixels, without the class {figures['left out']}. The held-out images are "
        f"test images of the same source: {figures['stated false alarms']:.1%} of pictures are to be called unlike, "
        f"and {rows[0]['unlike']:.1%} [{low:.1%}, {high:.1%}] are. An AUROC of 0.5 is chance. The last columns are the "
        f"shares of {figures['folders']} folders of 30 and of 100 pictures of which `tlsearch monitor` says that the "
        "figures do not apply."
    )
    head = ["pictures", "number", "AUROC of the distance", "called unlike", "left to a person", *alarms]
    sets = figures["prediction sets"]
    of_sets = [
        [f"{row['asked']:g}", with_interval(row["covered"], row["ci95"]), f"{row['single']:.0%}", str(row["left"])]
        for row in sets
    ]
    below = (
        f"The prediction sets of the same model on the {sets[0]['images']} test images of its run: the share whose set "
        "holds their class, with its 95 % interval, and how many have several classes."
    )
    asked = table(["coverage asked for", "coverage on test", "single answers", "left to a person"], of_sets)
    return paragraphs(table(head, body), caption, asked, below, source(result))


def monitor_brief(result: Result) -> str:
    """The range of the areas, and the false alarms."""
    rows = result.figures["rows"]
    areas = [row["AUROC"] for row in rows if row["AUROC"] is not None]
    return f"AUROC {score(min(areas))} to {score(max(areas))}, {rows[0]['unlike']:.1%} false alarms"
