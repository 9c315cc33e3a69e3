"""How far is tlsearch from the least time that the arithmetic of its trials needs?

    python -m benchmarks.speed.lower_bound DATASET --weights vgg16=FILE --image-size 128

The lower bound of a list of trials (the lists of vs_plain_loop.py): each view that is needed rendered once by its
plugin and passed through the network once, as far as any trial needs it, in the fastest precision and batch; then every
head solved by scikit-learn (with the choice of C) or trained by Keras, and every last block trained by Keras' ``fit``,
on arrays in memory and in the precision that tlsearch chose. Building and tracing are part of it; storing, reading,
scheduling and recording are not. Two differences make the bound lower: the head from which a last block starts is
solved once for all trials, and BatchNorm in it is not trained.

Not everything is measured. Passes and rendering are timed on all images as they are and on all views of one strength,
and count for each view that is needed; heads are solved once for each pooling and number of views. `--measure K` trains
K hidden heads and K last blocks (default 2), `--measure-epochs E` those for E epochs (default 2 for the bound,
3 on tlsearch's). What a trial takes once counts once, its epochs are multiplied, and trials that were not trained count
as the mean of those that were. tlsearch's side is measured as in vs_plain_loop.py, or read from the
result of that benchmark with `--compare FILE`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.setup import (
    Setup,
    add_measure_options,
    describe,
    make_loop_parser,
    parse_loop_options,
    prepared,
)
from benchmarks.common.loops.tlsearch_loop import Sample
from benchmarks.common.loops.trial_kinds import MIXED, mix
from benchmarks.common.results import publish, read_result
from benchmarks.speed.lower_bound_parts import LowerBound, Parts, PartsTimer
from benchmarks.speed.vs_plain_loop import TLSEARCH, measure_tlsearch, sample_of

BENCHMARK = "speed.lower_bound"
BOUND = Sample(trials=2, epochs=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = make_loop_parser(__doc__, trials=40, images=None)
    add_measure_options(parser)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a result of vs_plain_loop, with the same options")
    options = parse_loop_options(parser, arguments)
    with prepared(options) as setup:
        known = known_seconds(options.compare, describe(options, setup)) if options.compare else None
        timer = PartsTimer(setup, options.epochs, sample_of(options, BOUND))
        parts = timer.measure()
        lists = {**setup.kinds, MIXED: mix(setup.kinds, options.seed)}
        bounds = {kind: timer.total(specs, parts) for kind, specs in lists.items()}
        ours = known or measure_ours(options, setup)
        print_table(options, setup, bounds, ours)
        figures = {
            **describe(options, setup),
            "kinds": {kind: json_row(bound, ours[kind]) for kind, bound in bounds.items()},
            "measured": describe_parts(parts),
        }
    publish(BENCHMARK, options, figures)
    return 0


def measure_ours(options: argparse.Namespace, setup: Setup) -> dict[str, float]:
    """Tlsearch's seconds for each list, as vs_plain_loop.py measures them."""
    totals = measure_tlsearch(setup, options.epochs, sample_of(options, TLSEARCH), options.seed)
    return {kind: total.seconds for kind, total in totals.items()}


def known_seconds(file: Path, asked: Mapping[str, object]) -> dict[str, float]:
    """Tlsearch's seconds from a result of vs_plain_loop.py, which must have been asked for the same."""
    figures = read_result(file).figures
    other = [name for name, value in asked.items() if figures.get(name) != value]
    if other:
        raise SystemExit(f"{file} was measured with another {', '.join(other)}: give the same options.")
    return {kind: row["tlsearch_seconds"] for kind, row in figures["kinds"].items()}


def print_table(
    options: argparse.Namespace, setup: Setup, bounds: Mapping[str, LowerBound], ours: Mapping[str, float]
) -> None:
    """For people."""
    table = Table(
        *("trials", "build, s", "render, s", "forward, s", "train, s", "bound, s", "tlsearch, s", "tlsearch / bound"),
        title=f"{setup.candidate.label} at {options.image_size} px, {options.trials} trials a kind of {options.epochs} "
        f"epochs, {len(setup.images.train)} training images; last block: after {setup.last_block}",
    )
    for kind, bound in bounds.items():
        parts = (f"{getattr(bound, name):,.1f}" for name in ("build", "render", "forward", "train"))
        ratio = ours[kind] / bound.seconds
        table.add_row(kind, *parts, f"{bound.seconds:,.0f}", f"{ours[kind]:,.0f}", f"{ratio:.2f}")
    Console(width=160).print(table)
    print("Passes, views, heads and epochs were measured on a part of the trials and scaled to all.")


def json_row(bound: LowerBound, ours: float) -> dict[str, float]:
    """For programs."""
    parts = {f"{name}_seconds": round(getattr(bound, name), 2) for name in ("build", "render", "forward", "train")}
    return {
        **parts,
        "bound_seconds": round(bound.seconds, 1),
        "tlsearch_seconds": round(ours, 1),
        "ratio": round(ours / bound.seconds, 3),
    }


def describe_parts(parts: Parts) -> dict[str, object]:
    """What was measured, before it was scaled."""
    return {
        "precision": parts.precision,
        "pass_seconds": round(parts.whole, 2),
        "pass_to_last_block_seconds": round(parts.prefix, 2),
        "view_seconds": round(parts.view, 2),
        "solved_seconds": {f"{pooling}, {views} views": round(s, 2) for (pooling, views), s in parts.solved.items()},
        "hidden_heads": len(parts.heads),
        "last_blocks": [[round(t.seconds, 2), t.epochs, round(t.epoch_seconds, 2)] for t in parts.suffixes.values()],
    }


if __name__ == "__main__":
    sys.exit(main())
