"""The figures of intervals, p-values and prediction sets in simulations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table

Row = Mapping[str, Any]

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
INTERVALS = {"score": "one {}", "difference": "difference in {}"}

SHOWN_LEVEL = 0.9
"""The coverage of the tables that have one."""

SEEN_ERRORS = 2
"""A mean is said to lie below what was asked for where it does so by more than so many of its standard errors."""


def coverage(result: Result) -> str:
    """A row for every metric and interval, with and without groups; a column for every number of test images."""
    ranges = result.figures["ranges"]
    sizes = list(dict.fromkeys(row["n"] for row in ranges))
    found = {(row["metric"], row["interval"], row["grouped"], row["n"]): row for row in ranges}
    body = []
    for metric, name in METRICS.items():
        for interval, text in INTERVALS.items():
            for grouped in (False, True):
                cells = [found.get((metric, interval, grouped, n)) for n in sizes]
                shares = [f"{score(cell['lowest'])} to {score(cell['highest'])}" if cell else "" for cell in cells]
                body.append([text.format(name) + (", images in groups" if grouped else ""), *shares])
    caption = (
        "The lowest and the highest share of 95 % intervals that contain the truth, over five worlds (equal classes or "
        "7 to 1, rare classes harder, accuracies from 0.60 to 0.95, models that agree little or much), "
        f"{result.figures['simulations']:,} simulated test sets each."
    )
    return paragraphs(table(["test images", *(f"{n:,}" for n in sizes)], body), caption, source(result))


def coverage_brief(result: Result) -> str:
    """The range of the shares."""
    ranges = result.figures["ranges"]
    low, high = min(row["lowest"] for row in ranges), max(row["highest"] for row in ranges)
    return f"{score(low)} to {score(high)}"


def coverage_other_seed(result: Result) -> str:
    """One sentence."""
    figures = result.figures
    return paragraphs(
        f"With a seed on which nothing was chosen, all {figures['shares']} shares lie between "
        f"{score(figures['lowest'])} and {score(figures['highest'])}.",
        source(result),
    )


def coverage_other_seed_brief(result: Result) -> str:
    """The range of the shares."""
    return f"with another seed {score(result.figures['lowest'])} to {score(result.figures['highest'])}"


def bootstrap(result: Result) -> str:
    """One sentence."""
    return paragraphs(
        "The lowest share of percentile bootstrap intervals that contain the truth, on independent images: "
        f"{bootstrap_brief(result)}.",
        source(result),
    )


def bootstrap_brief(result: Result) -> str:
    """The lowest share at each size."""
    return ", ".join(f"{score(share)} at {n} images" for n, share in result.figures["lowest"].items())


def wilson(result: Result) -> str:
    """One sentence."""
    lowest = result.figures["lowest"]
    amended = " and ".join(
        f"at least {score(share)} for accuracies of {accuracies}" for accuracies, share in lowest["amended"].items()
    )
    plain = score(lowest["Wilson"]["0.95 to 0.995"])
    return paragraphs(
        f"The coverage of Wilson's interval of one accuracy, computed exactly: {amended}. Without the change where all "
        f"but three images are right, it is {plain} there.",
        source(result),
    )


def wilson_brief(result: Result) -> str:
    """The lowest coverage with the amendment."""
    return f"at least {score(min(result.figures['lowest']['amended'].values()))}"


def p_values(result: Result) -> str:
    """One sentence."""
    return paragraphs(
        f"Where two models are equally good, p is below 0.05 in {p_values_brief(result)} of "
        f"{result.figures['simulations']:,} simulated tests each.",
        source(result),
    )


def p_values_brief(result: Result) -> str:
    """The range of the shares."""
    return f"{score(result.figures['lowest'])} to {score(result.figures['highest'])}"


def more_data(result: Result) -> str:
    """A column for every number of images."""
    rows = result.figures["rows"]
    body = [
        ["intervals that contain the true gain", *(score(row["coverage"]) for row in rows)],
        ["data sets", *(str(row["simulations"]) for row in rows)],
    ]
    return paragraphs(table(["images", *(f"{row['n']:,}" for row in rows)], body), source(result))


def more_data_brief(result: Result) -> str:
    """The range of the shares."""
    shares = [row["coverage"] for row in result.figures["rows"]]
    return f"{score(min(shares))} to {score(max(shares))}"


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
