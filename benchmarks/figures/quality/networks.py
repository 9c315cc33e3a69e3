"""The figures of networks and weights, and of what is done to their layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, score, source, table, with_interval


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


def many_candidates(result: Result) -> str:
    """A row for each network."""
    figures = result.figures
    rows = [
        [
            f"`{row['label']}`",
            f"{score(row['accuracy'])} ± {score(row['stderr'])}",
            "yes" if row["stays"] else "no",
            score(row["profile"]) if row["stays"] else "",
            f"{row['heads'] + row['tuned']}, {row['tuned']} tuned" if row["stays"] else "",
            f"{row['milliseconds']:.1f}",
        ]
        for row in figures["candidates"]
    ]
    head = ["network", f"probe on {figures['looked_at']} images", "stays", "profile", "trials", "ms an image"]
    timings = figures["timings"]
    caption = (
        f"{figures['images']['train']:,} training images of {figures['classes']} classes at {figures['image_size']} "
        f"px. Those called `untrained` have random weights. Loading and timing all networks took "
        f"{duration(timings['plan'])}, the look and the profile together {duration(timings['profile'])}, the whole run "
        f"{duration(timings['total'])}. One pass of all images through the networks that were left out would have "
        f"taken {duration(figures['saved_seconds'])} more. Winner: {figures['winner']}, "
        f"{figures['metric'].replace('_', ' ')} {with_interval(figures['test'], figures['test_ci95'])} on test."
    )
    return paragraphs(table(head, rows), caption, source(result))


def many_candidates_brief(result: Result) -> str:
    """How many stay, and the time of look and profile."""
    figures = result.figures
    stays = sum(row["stays"] for row in figures["candidates"])
    return f"{stays} of {len(figures['candidates'])} stay; look and profile {duration(figures['timings']['profile'])}"


def more_networks(result: Result) -> str:
    """A row for each whole run."""
    runs = result.figures["runs"]
    body = [
        [
            str(run["seed"]),
            str(len(run["networks"])),
            run["winner"],
            with_interval(run["test"], run["test_ci95"]),
            score(run["test_accuracy"]),
        ]
        for run in runs
    ]
    images, few, more = runs[0]["images"], *(_networks_of(runs, name) for name in ("few", "more"))
    side_by_side = (
        "Both runs of a seed ran at the same time, each on one half of the cores. "
        if result.figures["side_by_side"]
        else ""
    )
    caption = (
        f"Whole runs among {few} ({len(few.split(', '))}) and among {more} ({len(more.split(', '))}), "
        f"{images['train']:,} training and {images['test']:,} test images. {side_by_side}"
        f"With more networks the score on test changes by {_changes(result)} points."
    )
    head = ["seed", "networks", "winner", f"{runs[0]['metric'].replace('_', ' ')} on test", "accuracy"]
    return paragraphs(table(head, body), caption, source(result))


def more_networks_brief(result: Result) -> str:
    """By how much the score changes with more networks, for each seed."""
    return f"with more networks {_changes(result)} points on test"


def _networks_of(runs: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(f"`{network}`" for network in next(run for run in runs if run["set"] == name)["networks"])


def _changes(result: Result) -> str:
    """The change of the score with more networks for each seed, in points."""
    by_set = {name: [run["test"] for run in result.figures["runs"] if run["set"] == name] for name in ("few", "more")}
    changes = [f"{100 * (more - few):+.1f}" for few, more in zip(by_set["few"], by_set["more"], strict=True)]
    return changes[0] if len(changes) == 1 else f"{', '.join(changes[:-1])} and {changes[-1]}"


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


def afterwards(result: Result) -> str:
    """A row for every method; a column for every data set, and two for all together."""
    figures = result.figures
    datasets, together = figures["datasets"], figures["together"]
    body = [
        [
            method,
            *(_points(rows[method]["points"], rows[method]["interval"]) for rows in datasets.values()),
            _points(row["points"], row["interval"]),
            f"{_points(row['points_where_kept'], row['interval_where_kept'])}, {row['kept']:.0%}",
            f"{row['loss']:+.3f}",
        ]
        for method, row in together.items()
    ]
    divisions = next(iter(together.values()))["divisions"]
    caption = (
        f"Points of accuracy on test images over the best of {figures['trials']} trials that tune the later two thirds "
        f"of {figures['network']}, with 95 % intervals over {divisions} divisions of the images. *Where kept*: used "
        "only where validation images prefer it, and the share of divisions in which they do. *Log loss*: its change."
    )
    head = ["", *datasets, "all", "all, where kept", "log loss"]
    return paragraphs(table(head, body), caption, source(result))


def afterwards_brief(result: Result) -> str:
    """The range of what is gained where each is used only where validation prefers it."""
    points = [row["points_where_kept"] for row in result.figures["together"].values()]
    return f"{min(points):+.1f} to {max(points):+.1f} points where validation prefers them"


def _points(points: float, interval: Sequence[float] | None) -> str:
    """Such as +0.4 [-0.1, +0.9]."""
    if interval is None:
        return f"{points:+.1f}"
    low, high = interval
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]"
