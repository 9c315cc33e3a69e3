"""The figures of what a run claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table

Row = Mapping[str, Any]

WHOLE_SCHEDULE = 60
"""The epochs of the whole schedule of a network from scratch in ``unfinished``."""


def claims(result: Result) -> str:
    """A row for every world; false gains, true gains and coverage before and after."""
    rows = result.figures["rows"]
    figures = ("false gains", "true gains", "score covered", "gain covered", "confirmed covered")
    head = ["claim", "validation images, time", "world", *figures]
    body = [
        [
            row["claim"],
            f"{row['validation images']}, {row['time']}",
            row["world"],
            *(_both(row, name) for name in figures),
        ]
        for row in rows
    ]
    caption = (
        f"Before and after, in {rows[0]['simulations']} simulated runs each. *False gains*: runs that claim a gain "
        "where in truth there is none. *True gains*: runs that claim one where there is one. *Covered*: intervals that "
        "hold the truth, of the winner's score and of the gain on test (95 % intervals; a winner that is the probe has "
        "no gain over it), and 1.96 sampling errors around the score that was confirmed on resampled folds, whose "
        "images also took part in the choice. The largest standard error of a difference of two shares is "
        f"{max(row['false gains standard error'] for row in rows):.2f} for false gains and "
        f"{max(row['gain covered standard error'] or 0.0 for row in rows):.2f} for coverage."
    )
    return paragraphs(table(head, body), caption, source(result))


def _both(row: Row, name: str) -> str:
    """``0.02 → 0.00``; empty where a row has no such figure."""
    before, after = row.get(f"{name} before"), row.get(f"{name} after")
    if before is None and after is None:
        return ""
    return " → ".join("none" if share is None else f"{share:.2f}" for share in (before, after))


def claims_brief(result: Result) -> str:
    """The largest share of false gains over the probe, and of all, before and after."""
    rows = [row for row in result.figures["rows"] if row["claim"] == "the search paid"]
    shares = [max(row[f"false gains {rule}"] for row in rows) for rule in ("before", "after")]
    return f"false gains over the probe in at most {shares[0]:.1%} of runs before, {shares[1]:.1%} after"


def unfinished(result: Result) -> str:
    """False claims by the shape of the curve and by when it was stopped, and true ones; a column for every rule."""
    rows = result.figures["rows"]
    rules, curves = _rules(rows[0]), len({row["curve"] for row in rows})
    false = [row for row in rows if row["points behind"] == 0]
    true = [row for row in rows if row["points behind"] != 0]

    def shares(
        of: Sequence[Mapping[str, Any]], name: str, value: object, take: Callable[[list[float]], float]
    ) -> list[str]:
        fitting = [row for row in of if row[name] == value]
        return [f"{take([row[rule] for row in fitting]):.2f}" for rule in rules]

    shapes = [[name, *shares(false, "curve", name, max)] for name in dict.fromkeys(row["curve"] for row in false)]
    at = list(dict.fromkeys((row["validation images"], row["epochs"]) for row in rows))
    lengths = [
        [str(val), str(epochs), *shares([r for r in false if r["validation images"] == val], "epochs", epochs, max)]
        for val, epochs in at
    ]
    found = [
        [str(val), str(behind), str(epochs), *shares(
            [r for r in true if (r["validation images"], r["points behind"]) == (val, behind)], "epochs", epochs, _mean
        )]
        for behind in dict.fromkeys(row["points behind"] for row in true)
        for val, epochs in at
    ]  # fmt: skip
    caption = (
        f"Shares of networks from scratch over which a gain is claimed; {rows[0]['simulations']} simulated networks of "
        f"each of {curves} shapes of learning curves. They were stopped after so many of 60 epochs. In the first two "
        "tables they would be as good at the end, so every claim is false; the highest share of all kinds is shown. In "
        "the third they would end so many points behind, so every claim is true; the mean of all shapes is shown."
    )
    if any(row["epochs"] == WHOLE_SCHEDULE for row in rows):
        caption += " After 60 epochs the schedule was over; what counts as the end there is twice the training."
    return paragraphs(
        table(["false claims, by the curve", *rules], shapes),
        table(["validation images", "false claims, stopped after", *rules], lengths),
        table(["validation images", "points behind", "true claims, stopped after", *rules], found),
        caption,
        source(result),
    )


def recorded_curves(result: Result) -> str:
    """A row for every training that was shorter than the whole one: what was left to gain, and what was foreseen."""
    rows = result.figures["rows"]
    body = [
        [
            str(row["source"]), f"{row['images']:,}", str(row["epochs"]), f"{row['score']:.3f}", f"{row['left']:+.1f}",
            _rise(row["said"], row["standard error"]),
            _rise(row["said by the weights themselves"], row["its standard error"]),
        ]
        for row in rows
    ]  # fmt: skip
    caption = (
        f"Points of validation accuracy that {result.figures['whole']} epochs reach beyond a shorter complete schedule "
        "of the small network, and what its own curves foresee, with their standard errors: that of averages of its "
        "weights, as in a run, and that of the weights themselves."
    )
    head = ["images", "of them for training", "epochs", "score", "left to gain", "foreseen", "by weights themselves"]
    return paragraphs(table(head, body), caption, source(result))


def _rise(points: float | None, stderr: float) -> str:
    return "nothing" if points is None else f"{points:+.1f} ± {stderr:.1f}"


def recorded_curves_brief(result: Result) -> str:
    """How often more was left than was foreseen."""
    rows = [row for row in result.figures["rows"] if row["said"] is not None]
    more = sum(row["left"] > row["said"] + 1.96 * row["standard error"] for row in rows)
    return f"in {more} of {len(rows)} trainings more was left to gain than the curve foresaw"


def _mean(shares: list[float]) -> float:
    return sum(shares) / len(shares)


def unfinished_brief(result: Result) -> str:
    """The largest share of false claims by the first and by the last rule."""
    rows = [row for row in result.figures["rows"] if row["points behind"] == 0]
    shares = [max(row[rule] for row in rows) for rule in _rules(rows[0])]
    return f"false claims over stopped networks: at most {shares[0]:.0%} without a rule, {shares[-1]:.0%} with it"


def _rules(row: Mapping[str, Any]) -> list[str]:
    """The rules that a row of ``unfinished`` has shares for."""
    return [
        name for name in row if name not in ("validation images", "points behind", "epochs", "curve", "simulations")
    ]


def shuffled_labels(result: Result) -> str:
    """A row for every opponent."""
    figures = result.figures
    body = [
        [f"over {_opponent(row['over'])}", str(row["runs"]), str(row["gains declared"]), str(row["losses declared"])]
        for row in figures["rows"]
    ]
    caption = (
        f"{figures['runs']} whole runs on images with shuffled labels, where no gain is true: how many intervals of "
        f"the gain lie wholly above or below 0. In {figures['probe_won']} the linear probe itself won."
    )
    return paragraphs(table(["gain", "runs", "declared gains", "declared losses"], body), caption, source(result))


def shuffled_labels_brief(result: Result) -> str:
    """Gains declared."""
    return "; ".join(
        f"{row['gains declared']} of {row['runs']} gains declared over {_opponent(row['over'])}"
        for row in result.figures["rows"]
    )


def _opponent(name: str) -> str:
    return {"baseline": "training from scratch", "linear probe": "the linear probe"}.get(name, name)
