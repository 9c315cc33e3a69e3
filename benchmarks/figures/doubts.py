"""The figures of benchmarks on what a model does not know of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table, with_interval

Row = Mapping[str, Any]

SHOWN_LEVEL = 0.9
"""The coverage of the tables that have one."""

SEEN_ERRORS = 2
"""A mean is said to lie below what was asked for where it does so by more than so many of its standard errors."""


def prediction_sets(result: Result) -> str:
    """A table of measures of nonconformity, and one of rules by the number of calibration images."""
    figures = result.figures
    rows, measures = figures["rows"], figures["scores"]
    names = [name for name in measures[0] if name not in ("measure", "simulations")]
    chosen = [row for row in measures if row["asked"] in (SHOWN_LEVEL, 0.95)]
    first = [[row["measure"], *(_number(name, row[name]) for name in names)] for row in chosen]
    levels = list(dict.fromkeys(row["asked"] for row in rows))
    keys = ("calibration images", "best of", "groups", "rule")
    found = {(*(row[key] for key in keys), row["asked"]): row for row in rows}
    body = []
    for kind in dict.fromkeys(key[:-1] for key in found):
        images, trials, grouped, rule = kind
        cells = [found[*kind, level] for level in levels]
        body.append(
            [
                f"{images:,}{', in groups' if grouped else ''}",
                f"{trials} trial{'s' if trials != 1 else ''}",
                rule,
                *(_coverage(cell) for cell in cells),
                f"{found[*kind, SHOWN_LEVEL]['single answers']:.0%}",
            ]
        )
    errors = max(row["standard error"] for row in rows)
    of_measures = (
        f"One trial, {measures[0]['simulations']} simulations. The hardest fifth are the new images that the model is "
        "least sure of."
    )
    of_rules = (
        f"The share of new images whose set holds their class, in the mean of {rows[0]['simulations']} simulated "
        f"searches (standard error at most {errors:.3f}); *below* marks a mean that is lower than asked for by more "
        f"than {SEEN_ERRORS} standard errors. It is 1.000 where there are too few calibration images, and every set "
        "has all classes. It is higher than asked for where the model is right more often than that: the sets then "
        "have one class. The last column is the share of images with one class in their set of coverage "
        f"{SHOWN_LEVEL}."
    )
    head = ["calibration images", "best of", "rule", *(f"coverage {level}" for level in levels), "single answers"]
    return paragraphs(
        table(["measure of nonconformity", *names], first), of_measures, table(head, body), of_rules, source(result)
    )


def _number(name: str, value: float) -> str:
    return f"{value:g}" if name == "asked" else f"{value:.2f}" if name == "mean size" else score(value)


def _coverage(row: Row) -> str:
    low = row["coverage"] < row["asked"] - SEEN_ERRORS * row["standard error"]
    return f"{score(row['coverage'])}{' *below*' if low else ''}"


def prediction_sets_brief(result: Result) -> str:
    """How far coverage falls below what was asked for, by the rules of a run."""
    last = {(row["best of"], row["groups"]): row["rule"] for row in result.figures["rows"]}
    used = [row for row in result.figures["rows"] if row["rule"] == last[row["best of"], row["groups"]]]
    return f"coverage at most {max(100 * (row['asked'] - row['coverage']) for row in used):.1f} points too low"


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
