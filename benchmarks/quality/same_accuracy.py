"""Do a plain Keras loop and tlsearch learn the same?

    python -m benchmarks.quality.same_accuracy DATASET --weights vgg16=FILE

The same trials, trained in full by both. Validation accuracy of each trial, on all validation images: the mean of its
last three epochs on both sides (a linear probe has one value). Differences are tlsearch less plain loop. What a plain
loop does otherwise (common/loops/plain_loop.py) is part of the comparison: it starts its head from random values, and
it renders a fresh view for every epoch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.plain_loop import run_plain
from benchmarks.common.loops.setup import Setup, describe, make_loop_parser, parse_loop_options, prepared
from benchmarks.common.results import publish, say
from tlsearch.types import TrialSpec

BENCHMARK = "quality.same_accuracy"

LAST_EPOCHS = 3

Pair = tuple[float, float]
"""Validation accuracy by the plain loop and by tlsearch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare and print."""
    options = parse_loop_options(make_loop_parser(__doc__, trials=8, images=1000), arguments)
    with prepared(options) as setup, tempfile.TemporaryDirectory(prefix="tlsearch-store-") as store:
        setup.loop.start_empty(Path(store))
        pairs = {kind: [compare(setup, spec, options.epochs) for spec in specs] for kind, specs in setup.kinds.items()}
        print_table(options, setup, pairs)
        figures = {
            **describe(options, setup),
            "kinds": {kind: summarize(found) for kind, found in pairs.items()},
        }
    publish(BENCHMARK, options, figures)
    return 0


def compare(setup: Setup, spec: TrialSpec, epochs: int) -> Pair:
    """One trial by both."""
    plain = run_plain(setup.candidate, setup.frozen_layers(spec), spec, setup.images, epochs, epochs)
    _, result = setup.loop.run(spec, epochs, stored=False)
    pair = fmean(plain.val_accuracy[-LAST_EPOCHS:]), result.metrics["val_accuracy"]
    say(f"plain {pair[0]:.3f}, tlsearch {pair[1]:.3f}, {spec.label}")
    return pair


def summarize(pairs: Sequence[Pair]) -> dict[str, object]:
    """Means, the mean difference and the largest one, all in points of accuracy (0 to 100)."""
    differences = [100 * (ours - plain) for plain, ours in pairs]
    largest = max(differences, key=abs)
    return {
        "plain": round(100 * fmean(plain for plain, _ in pairs), 2),
        "tlsearch": round(100 * fmean(ours for _, ours in pairs), 2),
        "mean_difference": round(fmean(differences), 2),
        "largest_difference": round(largest, 2),
        "differences": [round(difference, 2) for difference in differences],
    }


def print_table(options: argparse.Namespace, setup: Setup, pairs: dict[str, list[Pair]]) -> None:
    """For people."""
    table = Table(
        *("trials", "number", "plain loop", "tlsearch", "mean difference", "largest difference"),
        title=f"Validation accuracy in %, {setup.candidate.label} at {options.image_size} px, {options.epochs} epochs, "
        f"{len(setup.images.train)} training and {len(setup.images.val)} validation images",
    )
    for kind, found in pairs.items():
        row = summarize(found)
        numbers = (f"{row[name]:.1f}" for name in ("plain", "tlsearch"))
        signed = (f"{row[name]:+.1f}" for name in ("mean_difference", "largest_difference"))
        table.add_row(kind, str(len(found)), *numbers, *signed)
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
