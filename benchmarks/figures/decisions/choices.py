"""The figures of what a search chooses, what its best figure is worth, and when it may end."""

from __future__ import annotations

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table


def selection_bias(result: Result) -> str:
    """A row for every rule, a column for every number of validation images."""
    rows = result.figures["rows"]
    sizes = list(dict.fromkeys(row["validation images"] for row in rows))
    gaps = {(row["rule"], row["validation images"]): f"{row['points too high']:.1f}" for row in rows}
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    body = [[rule, *(gaps.get((rule, size), "") for size in sizes)] for rule in rules]
    caption = (
        "By how many points of accuracy the score that chose a trial promises too much, in simulated searches of "
        f"{result.figures['trials']} trials whose true accuracy is known."
    )
    return paragraphs(table(["chosen by", *(f"{n} validation images" for n in sizes)], body), caption, source(result))


def selection_bias_brief(result: Result) -> str:
    """The range of the gaps."""
    gaps = [row["points too high"] for row in result.figures["rows"]]
    return f"{min(gaps):.1f} to {max(gaps):.1f} points too high, by rule"


def choice(result: Result) -> str:
    """A row for every world and number of validation images, two columns for every rule."""
    rows = result.figures["rows"]
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    worlds = list(dict.fromkeys((row["validation images"], row["time"], row["world"]) for row in rows))
    found = {(row["validation images"], row["time"], row["world"], row["rule"]): row for row in rows}
    body = []
    for size, time, world in worlds:
        cells = [found[size, time, world, rule] for rule in rules]
        figures = [f"{row['regret, points']:.2f} ({row['probe shipped']:.0%})" for row in cells]
        body.append([f"{size}, {time}", world, *figures])
    caption = (
        "By how many points of true accuracy the model that ships is worse than the best of the search, in the mean of "
        f"{rows[0]['simulations']} simulated searches; in brackets how often the linear probe ships. The standard "
        f"errors are at most {max(row['standard error'] for row in rows):.2f} points."
    )
    return paragraphs(table(["validation images, time", "world", *rules], body), caption, source(result))


def choice_brief(result: Result) -> str:
    """The largest regret of the present rule."""
    last = result.figures["rows"][-1]["rule"]
    return f"at most {max(r['regret, points'] for r in result.figures['rows'] if r['rule'] == last):.2f} points"


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
