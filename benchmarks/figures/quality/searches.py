"""The figures of whole runs and searches: what they find, beside others and in how much time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, machine, paragraphs, score, source, table, with_interval
from tlsearch.utils.units import counted


def whole_run(result: Result) -> str:
    """A row for the winner and each of its opponents."""
    figures = result.figures
    metrics, probe, baseline = figures["metrics"], figures["linear_probe"], figures["baseline"]
    scratch = f"small network from scratch, {baseline['epochs']} epochs" if baseline else ""
    rows = [
        _model_row(name, model)
        for name, model in (("winner", metrics), ("best plain linear probe", probe), (scratch, baseline))
        if model
    ]
    head = ["", "validation (selected, optimistic)", "without the luck of the choice", "tested once"]
    caption = (
        f"{figures['images']['all']:,} images of {figures['classes']} classes, of which {figures['images']['test']:,} "
        f"are for testing. The scores are {metrics['name'].replace('_', ' ')}, with 95 % intervals. "
        f"{_accuracy(metrics)}Winner: {figures.get('winner_in_words', figures['winner'])}. "
        f"{figures['trials']} trials in {duration(figures['seconds'])}, "
        f"at most {figures['peak_gigabytes']:.1f} GB of memory.{_not_claimed(figures)}"
    )
    return paragraphs(table(head, rows), caption, source(result))


def whole_run_brief(result: Result) -> str:
    """The winner on test."""
    metrics, baseline = result.figures["metrics"], result.figures["baseline"]
    opponent = f", from scratch {score(baseline['test'])}" if baseline else ""
    return f"{with_interval(metrics['test'], metrics['test_ci95'])} on test{opponent}"


def whole_run_example(result: Result) -> str:
    """One paragraph."""
    figures = result.figures
    metrics, probe, baseline, gain = (figures[name] for name in ("metrics", "linear_probe", "baseline", "gain"))
    claim = (
        _not_claimed(figures) or f" The gain over training from scratch is {with_interval(gain['test'], gain['ci95'])}."
    )
    return paragraphs(
        f"{duration(figures['seconds'])}, {figures['peak_gigabytes']:.1f} GB of memory. "
        f"{metrics['name'].replace('_', ' ').capitalize()} on {figures['images']['test']} test images: "
        f"{with_interval(metrics['test'], metrics['test_ci95'])}. "
        f"The best plain linear probe has {score(probe['test'])} and the network from scratch "
        f"{score(baseline['test'])}.{claim}",
        source(result),
    )


def _not_claimed(figures: Mapping[str, Any]) -> str:
    """Why the run claims no gain over the network from scratch; empty where it does."""
    return (
        f" No gain over the network from scratch is claimed: {figures['no_claim']}." if figures.get("no_claim") else ""
    )


def quickstart(result: Result) -> str:
    """Lines that the terminal shows at the end of the run: the scores of each model, and what the run answers.

    The first answer, which says how the winner is made, is left out, and so are the names of the models in the table.
    """
    figures = result.figures
    printed = figures["printed"]
    shown = [line for line in printed["table"] if "[" in line] + printed["answers"][1:]
    opening = (
        f"The command above took {figures['seconds']} s on {machine(result.machine)}. These are some of the lines that "
        f"it printed. The columns are: {', '.join(printed['columns'])}. Nothing was chosen on the "
        f"{figures['images']['test']} test images."
    )
    return paragraphs(opening, "\n".join(["```", *shown, "```"]))


def _model_row(name: str, model: Mapping[str, Any]) -> list[str]:
    return [name, score(model["val"]), _unselected(model), with_interval(model["test"], model["test_ci95"])]


def _unselected(model: Mapping[str, Any]) -> str:
    """The score on folds that nothing was chosen on, else the one that is corrected by computation; "-" for none."""
    confirmed, corrected = model["confirmed"], model.get("corrected")
    if confirmed:
        return f"{score(confirmed['mean'])} ({counted(confirmed['folds'], 'fold')})"
    return f"{with_interval(corrected['value'], corrected['ci95'])}, corrected" if corrected else "-"


def _accuracy(metrics: Mapping[str, Any]) -> str:
    """The plain accuracy of the winner, where the scores are another metric."""
    if metrics["name"] == "accuracy" or metrics.get("test_accuracy") is None:
        return ""
    return f"The winner's plain accuracy is {with_interval(metrics['test_accuracy'], metrics['test_accuracy_ci95'])}. "


def same_accuracy(result: Result) -> str:
    """A row for every kind of trial."""
    figures = result.figures
    rows = [[kind, f"{row['mean_difference']:+.1f}"] for kind, row in figures["kinds"].items()]
    caption = (
        f"Validation accuracy of tlsearch less that of a plain Keras loop, in points: {figures['trials']} trials of "
        f"each kind, trained in full by both on {figures['training_images']:,} images, {figures['backbone']} at "
        f"{figures['image_size']} px."
    )
    return paragraphs(table(["trials", "mean difference"], rows), caption, source(result))


def same_accuracy_brief(result: Result) -> str:
    """The range of the differences."""
    differences = [row["mean_difference"] for row in result.figures["kinds"].values()]
    return f"{min(differences):+.1f} to {max(differences):+.1f} points"


def search_quality(result: Result) -> str:
    """A row for every seed."""
    figures = result.figures
    summary = figures["summary"]
    ours, random = summary["tlsearch"], summary["random search"]
    rows = [
        [seed, score(value), score(ours["final"][seed]), _seconds(ours["reaches_random_after"].get(seed))]
        for seed, value in random["final"].items()
    ]
    head = ["seed", "random search ends at", "tlsearch ends at", "tlsearch is there after"]
    profile = figures.get("profile_seconds")
    caption = (
        f"Best validation {figures['metric'].replace('_', ' ')} on {figures['dataset']}, {figures['time_limit']:.0f} s "
        f"a search, with {' and '.join(figures['candidates'])}. The last column says when tlsearch has found what "
        "random search ends with"
        + (f"; {profile[0]:.0f} to {profile[1]:.0f} s of it are the profile." if profile else ".")
    )
    return paragraphs(table(head, rows), caption, source(result))


def search_quality_brief(result: Result) -> str:
    """When the median curves meet."""
    at = result.figures["summary"]["tlsearch"]["median_curve_reaches_random_after"]
    limit = result.figures["time_limit"]
    return f"has after {_seconds(at)} what random search has after {limit:.0f} s (medians)"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"


def from_scratch(result: Result) -> str:
    """One paragraph."""
    figures = result.figures
    models = figures["models"]
    ours, probe, majority, published = (
        models[name]["test"]
        for name in (
            "small CNN, as the baseline",
            "linear probe on pixels",
            "majority class",
            "published recipe, 48,000 images",
        )
    )
    return paragraphs(
        f"On the first {figures['images']:,} training images of Fashion-MNIST, the small network reaches "
        f"{score(ours)} on the {figures['tests']:,} test images. A linear model on pixels reaches {score(probe)}, and "
        f"always the same class {score(majority)}. This is {100 * figures['reached']:.0f} % of the {published:.4f} "
        "that was published for a tuned network of nearly its size with 48,000 training images "
        "([benchmark 94](https://github.com/zalandoresearch/fashion-mnist/issues/94)).",
        source(result),
    )


def from_scratch_brief(result: Result) -> str:
    """The share of the published accuracy."""
    return f"{100 * result.figures['reached']:.0f} % of the published accuracy"


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
