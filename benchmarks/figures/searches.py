"""The figures of simulated searches: what their best figure is worth, and when they may end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table


def corrected(result: Result) -> str:
    """A row for every world and number of validation images; bias and coverage of both figures."""
    rows = result.figures["rows"]
    found = {(row["validation images"], row["world"], row["figure"]): row for row in rows}
    body = []
    for size, world in dict.fromkeys((row["validation images"], row["world"]) for row in rows):
        pair = [found[size, world, figure] for figure in ("as it is", "corrected")]
        cells = [f"{row['points too high']:+.2f} ({row['coverage']:.3f})" for row in pair]
        body.append([f"{size:,}", world, *cells])
    caption = (
        f"By how many points the figure of the best of {result.figures['trials']} trials lies above the truth; in "
        f"brackets the share of 95 % intervals that hold the truth. The mean of {rows[0]['simulations']} simulated "
        f"searches; standard errors are at most {max(row['standard error'] for row in rows):.2f} points."
    )
    head = ["validation images", "world", "best validation score", "corrected"]
    return paragraphs(table(head, body), caption, source(result))


def corrected_brief(result: Result) -> str:
    """The range of the bias of the corrected figure."""
    gaps = [row["points too high"] for row in result.figures["rows"] if row["figure"] == "corrected"]
    return f"{min(gaps):+.2f} to {max(gaps):+.2f} points once it is corrected"


def early_stop(result: Result) -> str:
    """A row for every world and number of validation images."""
    rows = result.figures["rows"]
    body = [
        [
            f"{row['validation images']:,}",
            row["world"],
            f"{row['regret, points']:.2f}",
            f"{row['time saved']:.0%}",
            f"{row['trials run']:.0f}",
        ]
        for row in rows
    ]
    caption = (
        "Regret: by how many points of true accuracy the trial that is chosen where the search ends early is worse "
        f"than the one that is chosen after all {result.figures['trials']} trials, in the mean of "
        f"{rows[0]['simulations']} simulated searches; standard errors are at most "
        f"{max(row['standard error'] for row in rows):.2f} points."
    )
    return paragraphs(
        table(["validation images", "world", "regret, points", "time saved", "trials run"], body),
        caption,
        source(result),
    )


def early_stop_brief(result: Result) -> str:
    """The worst mean regret, and the mean of the time saved."""
    rows = result.figures["rows"]
    saved = sum(row["time saved"] for row in rows) / len(rows)
    return f"at most {max(row['regret, points'] for row in rows):.2f} points lost, {saved:.0%} of the time saved"


def depthwise(result: Result) -> str:
    """A row for every data set."""
    body = [
        [
            name,
            " ".join(f"{accuracy:.3f}" for accuracy in row["trained"]),
            " ".join(f"{accuracy:.3f}" for accuracy in row["kept"]),
            f"{row['points']:+.1f}",
            f"{row['share_of_the_time']:.2f}",
        ]
        for name, row in result.figures["datasets"].items()
    ]
    caption = (
        "Validation accuracy of EfficientNet-Lite0 with the first 6 of 18 blocks frozen, a number for each seed; the "
        "difference of the means in points; and the time of an epoch where depthwise kernels are kept, as a share of "
        "that where they are trained."
    )
    head = ["data set", "kernels trained", "kernels kept", "kept less trained", "share of the time"]
    return paragraphs(table(head, body), caption, source(result))


def depthwise_brief(result: Result) -> str:
    """The range of the differences and of the times."""
    rows = result.figures["datasets"].values()
    points, shares = [row["points"] for row in rows], [row["share_of_the_time"] for row in rows]
    return f"{min(points):+.1f} to {max(points):+.1f} points, {min(shares):.2f} to {max(shares):.2f} of the time"


def time_to_accuracy(result: Result) -> str:
    """A row for every data set and limit, a column for every contestant."""
    rows = result.figures["summary"]
    names = list(dict.fromkeys(row["contestant"] for row in rows))
    found = {(row["dataset"], row["limit"], row["contestant"]): row for row in rows}
    body = []
    for dataset, limit in dict.fromkeys((row["dataset"], row["limit"]) for row in rows):
        cells = [found.get((dataset, limit, name)) for name in names]
        body.append(
            [dataset, f"{limit} s", *(f"{c['accuracy']:.3f} ({c['balanced']:.3f})" if c else "" for c in cells)]
        )
    seeds = len({row["seed"] for row in result.figures["attempts"]})
    caption = (
        "Accuracy on test images, in brackets balanced accuracy"
        + (f"; medians of {seeds} divisions into training and test images." if seeds > 1 else ", of one division.")
        + " All have the same files, the same pre-trained network and the same seconds."
    )
    return paragraphs(table(["data set", "time limit", *names], body), caption, source(result))


def time_to_accuracy_brief(result: Result) -> str:
    """The balanced accuracy of tlsearch and of the best of the others, at each limit."""
    rows = result.figures["summary"]
    parts = []
    for dataset, limit in dict.fromkeys((row["dataset"], row["limit"]) for row in rows):
        same = {r["contestant"]: r["balanced"] for r in rows if (r["dataset"], r["limit"]) == (dataset, limit)}
        own, others = same.pop("tlsearch", None), same
        if own is not None and others:
            parts.append(f"{dataset} in {limit} s: {own:.3f}, the best other {max(others.values()):.3f}")
    return "; ".join(parts)


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
            "nothing" if row["said"] is None else f"{row['said']:+.1f} ± {row['standard error']:.1f}",
        ]
        for row in rows
    ]  # fmt: skip
    caption = (
        f"Points of validation accuracy that {result.figures['whole']} epochs reach beyond a shorter complete schedule "
        "of the small network, and what its own curve foresees, with its standard error."
    )
    head = ["images", "of them for training", "epochs", "score", "left to gain", "foreseen"]
    return paragraphs(table(head, body), caption, source(result))


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
