"""The figures of benchmarks/quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, score, source, table, with_interval
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
        f"at most {figures['peak_gigabytes']:.1f} GB of memory."
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
    claim = f"The gain over training from scratch is {with_interval(gain['test'], gain['ci95'])}."
    if figures.get("no_claim"):
        claim = f"No gain over that network is claimed: {figures['no_claim']}."
    return paragraphs(
        f"{duration(figures['seconds'])}, {figures['peak_gigabytes']:.1f} GB of memory. "
        f"{metrics['name'].replace('_', ' ').capitalize()} on {figures['images']['test']} test images: "
        f"{with_interval(metrics['test'], metrics['test_ci95'])}. "
        f"The best plain linear probe has {score(probe['test'])} and the network from scratch "
        f"{score(baseline['test'])}. {claim}",
        source(result),
    )


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


def networks(result: Result) -> str:
    """A row for every data set and network, and one for every cost."""
    figures = result.figures
    rows = [
        [
            f"{dataset} ({figures['images'][dataset]:,})",
            name,
            str(row["size"]),
            score(row["last"]),
            score(row["joined"]),
            "{:+.1f} ± {:.1f}".format(*(100 * value for value in row["gains"]["joined"])) if number else "",
        ]
        for dataset, found in figures["datasets"].items()
        for number, (name, sizes) in enumerate(found.items())
        for kind, row in sizes.items()
        if number or kind != "equal seconds"  # the first network is what the others are compared with
    ]
    names = list(next(iter(figures["costs"].values())))
    costs = [[kind, *(f"{values[name]:.2f}" for name in names)] for kind, values in figures["costs"].items()]
    caption = (
        f"Accuracy of a linear probe, cross-validated in {figures['folds']} folds, on the last features and on these "
        "joined with those of the stage end that serves best; the points that it gains over the first network on the "
        "same images, with their standard error. Every network sees images of the same size, and images so small that "
        "it computes as much as the first one. Below, the time of the processor as a multiple of that of the first "
        f"network; the same size is {figures['image_size']} px."
    )
    head = ["data set (images)", "network", "pixels", "last features", "joined", "gain"]
    return paragraphs(table(head, rows), caption, table(["cost", *names], costs), source(result))


def networks_brief(result: Result) -> str:
    """What the largest network gains over the first at the same size and in equal seconds, over all data sets."""
    found = [list(networks.values())[-1] for networks in result.figures["datasets"].values()]
    same, equal = ([100 * row[kind]["gains"]["joined"][0] for row in found] for kind in ("same size", "equal seconds"))
    return (
        f"{min(same):+.1f} to {max(same):+.1f} points at the same size, "
        f"{min(equal):+.1f} to {max(equal):+.1f} in equal seconds"
    )


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


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"


def choosing_weights(result: Result) -> str:
    """A row for each target and weights."""
    figures, own = result.figures, result.figures["source"]
    rows = []
    for name, target in figures["targets"].items():
        for weights, probe in target["probes"].items():
            at = max(range(len(probe)), key=lambda n, of=probe: of[n][0])  # type: ignore[misc]
            best, error = probe[at]
            trained = own["name"] if weights != "ImageNet" else weights
            images = f"{name}: {target['images']:,} images of {target['classes']} classes, {target['image_size']} px"
            cut = f"`{target['cuts'][at]}` ({at + 1} of {len(probe)})"
            rows.append([images, trained, f"{score(best)} ± {score(error)}", cut, score(probe[-1][0])])
    caption = (
        f"Accuracy of a linear probe, ± its standard error, on the features of `{figures['backbone']}` at the best cut "
        f"point and at the last. Its own weights are those of ImageNet. The others were trained on {own['name']}: "
        f"{own['images']:,} images of {own['classes']} classes at {own['image_size']} px, {own['epochs']:g} epochs in "
        f"{duration(own['seconds'])}; accuracy there {with_interval(own['accuracy'], own['accuracy_ci95'])} on "
        f"{own['held_out']:,} test images."
    )
    head = ["images", "weights trained on", "best probe", "after", "last cut"]
    return paragraphs(table(head, rows), caption, source(result))


def choosing_weights_brief(result: Result) -> str:
    """The best probe with each weights, for every target."""
    parts = []
    for name, target in result.figures["targets"].items():
        tops = {weights: max(accuracy for accuracy, _ in probe) for weights, probe in target["probes"].items()}
        own = next(top for weights, top in tops.items() if weights != "ImageNet")
        parts.append(f"{name}: ImageNet {score(tops['ImageNet'])}, {result.figures['source']['name']} {score(own)}")
    return "; ".join(parts)


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
