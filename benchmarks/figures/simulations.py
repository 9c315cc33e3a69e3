"""The figures of benchmarks/statistics."""

from __future__ import annotations

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, score, source, table

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
INTERVALS = {"score": "one {}", "difference": "difference in {}"}


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


def planted_faults(result: Result) -> str:
    """A row for every kind of fault."""
    rows = [[fault["name"], str(fault["planted"]), str(fault["found"])] for fault in result.figures["faults"]]
    return paragraphs(table(["fault", "planted", "found"], rows), source(result))


def planted_faults_brief(result: Result) -> str:
    """Found of planted."""
    faults = [fault for fault in result.figures["faults"] if fault["wanted"]]
    return f"{sum(fault['found'] for fault in faults)} of {sum(fault['planted'] for fault in faults)} found"


def _opponent(name: str) -> str:
    return {"baseline": "training from scratch", "linear probe": "the linear probe"}.get(name, name)
