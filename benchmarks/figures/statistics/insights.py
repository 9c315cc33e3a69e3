"""The figures of what a report says besides its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table

Row = Mapping[str, Any]

SHOWN_IMAGES, SHOWN_ACCURACY = 1000, 0.93
"""The number of images and the accuracy of the judge that the tables of label errors vary around."""


def calibration(result: Result) -> str:
    """A row for every kind of search, a column for every rule."""
    rows = result.figures["rows"]
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    names = ("chosen from", "validation images", "probabilities")
    found = {(*(row[name] for name in names), row["rule"]): row for row in rows}
    body = []
    for kind in dict.fromkeys(key[:-1] for key in found):
        trials, val, said = kind
        cells = [found[*kind, rule] for rule in rules]
        losses = [f"{cell['log loss']:.3f}" for cell in cells]
        losses[-1] += f" ({cells[-1]['applied']:.0%})"
        body.append([f"{trials} trial{'s' if trials != 1 else ''}", f"{val:,}", said, *losses])
    caption = (
        "Log loss on new images by when the temperature is applied; in brackets in how many of "
        f"{rows[0]['simulations']} simulated searches it is. Less is better. The difference to *never* has a standard "
        f"error of at most {max(row['standard error of what the rule changes'] for row in rows):.3f}."
    )
    head = ["best of", "validation images", "stated probabilities are", *rules]
    return paragraphs(table(head, body), caption, source(result))


def calibration_brief(result: Result) -> str:
    """What the present rule does to true probabilities, and to others."""
    rows = [row for row in result.figures["rows"] if row["rule"] == "where shown to help"]
    before = {_kind(row): row["log loss"] for row in result.figures["rows"] if row["rule"] == "never"}
    changes = [row["log loss"] - before[_kind(row)] for row in rows]
    return f"log loss {min(changes):+.3f} to {max(changes):+.3f}"


def _kind(row: Row) -> tuple[Any, ...]:
    return row["chosen from"], row["validation images"], row["probabilities"]


def label_errors(result: Result) -> str:
    """Precision and recall by judge and accuracy, by judge and images, and in photographs."""
    rows, real = result.figures["rows"], result.figures["real"]
    rates = list(dict.fromkeys(row["errors"] for row in rows))
    head = [f"{rate:.0%} wrong" for rate in rates]
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    weakest = min(row["accuracy"] for row in rows)
    by_accuracy = [
        [judge, f"{accuracy:.2f}", *_cells(rows, rates, judge=judge, accuracy=accuracy, images=SHOWN_IMAGES)]
        for judge in judges
        for accuracy in dict.fromkeys(row["accuracy"] for row in rows)
        if accuracy > weakest
    ]
    by_images = [
        [judge, f"{images:,}", *_cells(rows, rates, judge=judge, accuracy=SHOWN_ACCURACY, images=images)]
        for judge in judges
        for images in dict.fromkeys(row["images"] for row in rows)
    ]
    photographs = [
        [kind, where, *cells]
        for kind in dict.fromkeys(row["kind"] for row in real)
        for where, cells in (
            ("photographs", _cells(real, rates, kind=kind)),
            ("simulation", _cells(rows, rates, kind=kind, judge="probe", accuracy=weakest, images=real[0]["images"])),
        )
    ]
    meaning = (
        "Share of the list that was planted; in brackets the share of what was planted that is in the list. Half of "
        f"the simulations have random errors, half errors to the class that is most easily confused "
        f"({SHOWN_IMAGES:,} images, {rows[0]['simulations']} simulations each)."
    )
    counted = (
        "The number of wrong labels that the report names is a count by confident learning (Northcutt et al. 2021). "
        f"Divided by the number of planted errors it is {', '.join(_counted(rows, rate) for rate in rates)}: where few "
        "labels are wrong, it is much too high."
    )
    of_images = f"The same by the number of images, with a judge whose accuracy is {SHOWN_ACCURACY}."
    of_photographs = (
        f"The same in the {real[0]['images']} photographs of `examples/clothing`, on which the probes are "
        f"{real[0]['accuracy']:.0%} right ({real[0]['plantings']} plantings each), and in the simulation of a probe "
        f"that is {weakest:.0%} right. Photographs whose labels were wrong from the start count as falsely suspected."
    )
    return paragraphs(
        table(["judge", "its accuracy", *head], by_accuracy),
        meaning,
        table(["judge", "images", *head], by_images),
        of_images,
        table(["errors", "in", *head], photographs),
        of_photographs,
        counted,
        source(result),
    )


def _counted(rows: Sequence[Row], rate: float) -> str:
    """``1.1 to 10.8 with 1 % wrong``: what is counted by what was planted, for the judges that are not the weakest."""
    weakest = min(row["accuracy"] for row in rows)
    shares = [row["counted by planted"] for row in rows if row["errors"] == rate and row["accuracy"] > weakest]
    return f"{min(shares):.1f} to {max(shares):.1f} with {rate:.0%} wrong"


def _cells(rows: Sequence[Row], rates: Sequence[float], **where: Any) -> list[str]:
    """``0.83 (0.67)`` for each rate: the means of precision and recall over the rows that fit."""
    cells = []
    for rate in rates:
        fitting = [row for row in rows if {**where, "errors": rate}.items() <= row.items()]
        means = [sum(row[name] or 0.0 for row in fitting) / len(fitting) for name in ("precision", "recall")]
        cells.append(f"{means[0]:.2f} ({means[1]:.2f})")
    return cells


def label_errors_brief(result: Result) -> str:
    """The range in photographs."""
    shares = [row["precision"] for row in result.figures["real"]]
    return f"{min(shares):.0%} to {max(shares):.0%} of the suspects in photographs"


def planted_faults(result: Result) -> str:
    """A row for every kind of fault."""
    rows = [[fault["name"], str(fault["planted"]), str(fault["found"])] for fault in result.figures["faults"]]
    return paragraphs(table(["fault", "planted", "found"], rows), source(result))


def planted_faults_brief(result: Result) -> str:
    """Found of planted."""
    faults = [fault for fault in result.figures["faults"] if fault["wanted"]]
    return f"{sum(fault['found'] for fault in faults)} of {sum(fault['planted'] for fault in faults)} found"
