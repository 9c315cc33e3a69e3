"""The figures of benchmarks/speed and benchmarks/robustness."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
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


def memory(result: Result) -> str:
    """A column for every twenty trials."""
    figures = result.figures
    blocks = figures["blocks"]
    rows = [
        ["fine-tuned among them", *(str(block["tuned"]) for block in blocks)],
        ["mean", *(f"{block['mean']:,.0f}" for block in blocks)],
        ["at most", *(f"{block['at_most']:,.0f}" for block in blocks)],
    ]
    head = ["trials", *(f"{block['first']} to {block['last']}" for block in blocks)]
    caption = (
        f"Anonymous memory of parent and worker in MB, at the starts of {figures['trials']} trials of "
        "EfficientNet-Lite0. It rises while a worker runs and falls with the next one. After trial 20 it is at most "
        f"{figures['growth_megabytes']:.0f} MB higher than at trial 20. The parent grows by "
        f"{figures['parent_growth_megabytes']:.0f} MB in total. A new worker that waits to take over needs up to "
        f"{figures['waiting_at_most_megabytes']:.0f} MB more for a moment."
    )
    return paragraphs(table(head, rows), caption, source(result))


def memory_brief(result: Result) -> str:
    """The growth."""
    return f"at most {result.figures['growth_megabytes']:.0f} MB more than at trial 20"


def kill_and_resume(result: Result) -> str:
    """How many kills, where, and what came of them."""
    figures = result.figures
    troubles = figures["troubles"]
    outcome = (
        "with the trials, values, winner and test score of the undisturbed run, and nothing recorded twice"
        if not troubles
        else f"with {len(troubles)} differences from the undisturbed run"
    )
    rows = [[step, str(count)] for step, count in figures["steps"].items()]
    caption = (
        f"Runs of {figures['images']} images and {figures['trials']} trials were killed at random moments: "
        f"{figures['runs']} runs, {figures['kills']} kills. All runs reached their end, {outcome}."
    )
    return paragraphs(caption, table(["moment of the kill", "kills"], rows), source(result))


def kill_and_resume_brief(result: Result) -> str:
    """Kills and differences."""
    return f"{result.figures['kills']} kills, {len(result.figures['troubles'])} differences"


def workers(result: Result) -> str:
    """A row for every number of workers."""
    figures = result.figures
    caption = (
        f"{figures['trials']} trials of {figures['backbone']} at {figures['image_size']} px with {figures['images']:,} "
        f"images, in rounds of {figures['round_size']}, by workers with {figures['threads']} thread each; features are "
        f"stored already. All found {'the same' if figures['same'] else 'different'} trials and values."
    )
    rows = [
        [name, duration(search["seconds"]), f"{search['trials_per_minute']:.1f}"]
        for name, search in figures["searches"].items()
    ]
    return paragraphs(table(["", "search", "trials a minute"], rows), caption, source(result))


def workers_brief(result: Result) -> str:
    """How much faster the last number of workers is than the first."""
    searches = list(result.figures["searches"].items())
    (_, first), (name, last) = searches[0], searches[-1]
    return f"{name}: {last['trials_per_minute'] / first['trials_per_minute']:.2f} times the trials a minute of one"


def predict_throughput(result: Result) -> str:
    """A row for small files and one for photographs."""
    figures = result.figures
    rows = [
        [
            f"{row['files']:,} {name} of {row['side']} px",
            f"{row['rate']:,.0f}",
            f"{fmean(row['bare_rates']):,.0f}",
            f"{row['share']:.2f}",
            f"{row['cpu_share']:.2f}",
            f"{_at_a_tenth(row):,.0f} MB",
            f"{row['megabytes'][-1]:,.0f} MB",
        ]
        for name, row in (("small files", figures["small"]), ("photographs", figures["photographs"]))
    ]
    head = [
        "",
        "images a second",
        "the bare network",
        "share",
        "share of processor time",
        "memory after 10 %",
        "memory at the end",
    ]
    caption = (
        f"`tlsearch predict` with {figures['backbone']} at {figures['image_size']} px, in batches of "
        f"{figures['batch_size']}, and the bare network on pictures that lie in memory, decoded. Small files lie in "
        "one folder. Photographs take longer to decode. The share of processor time is that of the seconds that all "
        "threads take. Memory is anonymous memory of the process, TensorFlow and the model included."
    )
    return paragraphs(table(head, rows), caption, source(result))


def predict_throughput_brief(result: Result) -> str:
    """The share of small files, and how memory grows."""
    row = result.figures["small"]
    growth = row["megabytes"][-1] - _at_a_tenth(row)
    return f"{row['share']:.2f} of the bare network's speed; {growth:+.0f} MB from 10 % to the end"


def _at_a_tenth(row: Mapping[str, Any]) -> float:
    """Megabytes when a tenth of the files was answered."""
    megabytes: list[float] = row["megabytes"]
    return megabytes[max(1, len(megabytes) // 10) - 1]
