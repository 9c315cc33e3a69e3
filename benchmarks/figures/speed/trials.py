"""The figures of the time that trials and whole runs take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import duration, paragraphs, source, table, two_figures


def vs_plain_loop(result: Result) -> str:
    """A row for every list of trials."""
    figures = result.figures
    caption = (
        f"{figures['trials']} trials of {figures['epochs']} epochs of every kind, by a plain Keras loop and by "
        f"tlsearch: {figures['backbone']} at {figures['image_size']} px, {figures['training_images']:,} training "
        "images. A part of the trials was trained for a part of the epochs, and the rest is scaled from those."
    )
    rows = [
        [kind, duration(row["plain_seconds"]), duration(row["tlsearch_seconds"]), two_figures(row["ratio"])]
        for kind, row in figures["kinds"].items()
    ]
    return paragraphs(table(["trials", "plain loop", "tlsearch", "times as fast"], rows), caption, source(result))


def vs_plain_loop_brief(result: Result) -> str:
    """The range of the ratios."""
    ratios = [row["ratio"] for row in result.figures["kinds"].values()]
    return f"{two_figures(min(ratios))} to {two_figures(max(ratios))} times as fast"


def lower_bound(result: Result) -> str:
    """One sentence."""
    return paragraphs(
        f"tlsearch takes {lower_bound_brief(result)} that the same work takes in its parts: each view through the "
        "network once, then every head and every last block trained by Keras' own `fit` on arrays in memory.",
        source(result),
    )


def lower_bound_brief(result: Result) -> str:
    """The range of the ratios."""
    ratios = [row["ratio"] for row in result.figures["kinds"].values()]
    return f"{min(ratios):.1f} to {max(ratios):.1f} times the time"


def overhead(result: Result) -> str:
    """A row for every kind of head."""
    figures = result.figures
    names = {
        "hidden": f"hidden layer, trained for {figures['epochs']} epochs",
        "solved": "linear head, solved",
    }
    rows = [
        [
            name,
            str(figures[kind]["trials"]),
            f"{figures[kind]['seconds_a_trial']['ours']:.1f} s",
            f"{figures[kind]['seconds_a_trial']['bare']:.1f} s",
        ]
        for kind, name in names.items()
        if kind in figures
    ]
    caption = (
        f"Mean time of a trial on stored features of {figures['train_images']:,} images: with all that tlsearch does "
        "around it, and by bare Keras or one call of the solver on arrays in memory."
    )
    return paragraphs(table(["head", "trials", "tlsearch", "bare"], rows), caption, source(result))


def overhead_brief(result: Result) -> str:
    """Seconds on both sides."""
    kinds = {"hidden": "hidden heads", "solved": "linear heads"}
    seconds = {name: result.figures[kind]["seconds_a_trial"] for kind, name in kinds.items() if kind in result.figures}
    return "; ".join(f"{name} {both['ours']:.1f} s, bare {both['bare']:.1f} s" for name, both in seconds.items())


def scale(result: Result) -> str:
    """A column for every number of images."""
    figures = result.figures
    runs = figures["runs"]
    rows = [
        ["time", *(f"{run['seconds']:.0f} s" for run in runs)],
        ["memory", *(f"{run['peak_gigabytes']:.1f} GB" for run in runs)],
    ]
    caption = f"Whole runs of {figures['trials']} trials with {figures['backbone']} at {figures['image_size']} px."
    return paragraphs(table(["images", *(f"{run['images']:,}" for run in runs)], rows), caption, source(result))


def scale_brief(result: Result) -> str:
    """The largest run."""
    run = result.figures["runs"][-1]
    return f"{run['images']:,} images in {run['seconds']:.0f} s and {run['peak_gigabytes']:.1f} GB"


def suffix_step(result: Result) -> str:
    """A row for every way to make a step."""
    figures = result.figures
    body = [
        [way, f"{milliseconds:.0f}", f"{figures['share_of_the_time'][way]:.2f}"]
        for way, milliseconds in figures["milliseconds"].items()
    ]
    caption = (
        f"Milliseconds of a training step of a batch of {figures['batch']} through what follows the "
        f"{figures['frozen']}th of {figures['cuts']} cuts of {figures['network']} at {figures['image_size']} px: by "
        "tlsearch as its trials make it, and by bare loops that train every kernel; and the time of tlsearch as a "
        f"share of that of each. Medians of {figures['turns']} turns of {figures['steps']} steps. A share is the "
        "median of the ratios within a turn, which is not the ratio of the medians."
    )
    return paragraphs(table(["a step by", "ms", "tlsearch's share of the time"], body), caption, source(result))


def suffix_step_brief(result: Result) -> str:
    """The share of the time of the fastest bare loop."""
    best = result.figures["best_other"]
    return f"{result.figures['share_of_the_time'][best]:.2f} of the time of the fastest bare loop ({best})"


def precision(result: Result) -> str:
    """A row for every network."""
    figures = result.figures
    body = []
    for name, row in figures["networks"].items():
        _, *others = row["forward"]
        ratios = [f"{row[what][way]['ratio']:.2f}" for what in ("forward", "step") for way in others]
        distance = f"{row['distance'][others[0]]:.4f}" if row["distance"] else ""
        probe = f"{row['probe']['float32']:.3f}, {row['probe'][others[0]]:.3f}" if row["probe"] else ""
        network, _, size = name.partition("@")
        body.append(
            [f"{network}, {size} px", f"{row['share_of_arithmetic']:.2f}", row["chosen"], *ratios, distance, probe]
        )
    caption = (
        f"How many times as fast as in float32 batches of {figures['batch']} are under the policy mixed_bfloat16, and "
        "in graphs that TensorFlow rewrites: a forward pass of the whole network, and a training step of what follows "
        f"the middle cut; medians of {figures['turns']} "
        "turns. *Arithmetic*: the share of a network's work that is arithmetic in kernels. *Distance*: that of the "
        "features under the policy from those of float32, relative. *Probe*: the accuracy of a linear probe on the "
        f"features in float32, and under the policy, of {min(row['images'] for row in figures['networks'].values())} "
        "images."
    )
    head = ["network", "arithmetic", "a run takes", "pass, policy", "pass, rewritten", "step, policy"]
    return paragraphs(table([*head, "step, rewritten", "distance", "probe"], body), caption, source(result))


def precision_brief(result: Result) -> str:
    """The range of the ratios of a forward pass where a run takes bfloat16, and where it does not."""
    rows = result.figures["networks"].values()
    parts = []
    for chosen in dict.fromkeys(row["chosen"] for row in rows):
        ratios = [_forward(row) for row in rows if row["chosen"] == chosen]
        some = " to ".join(dict.fromkeys(f"{ratio:.1f}" for ratio in (min(ratios), max(ratios))))
        parts.append(f"{some} times as fast in bfloat16 where a run takes {chosen}")
    return "; ".join(parts)


def _forward(row: Mapping[str, Any]) -> float:
    return float(row["forward"]["mixed_bfloat16"]["ratio"])
