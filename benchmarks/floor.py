"""How far is tlsearch from the least time that the arithmetic of its trials needs?

    python benchmarks/floor.py DATASET --weights vgg16=FILE --image-size 128 --trials 40 --epochs 10

The floor of a list of trials (the lists of vs_plain_loop.py): each view that is needed rendered once by its plugin and
passed through the network once, as far as any trial needs it, in the fastest precision and batch; then every head
solved by scikit-learn (with the choice of C) or trained by Keras, and every last block trained by Keras' ``fit``, on
arrays in memory and in the precision that tlsearch chose. Building and tracing are part of it; storing, reading,
scheduling and recording are not. Two differences are in the floor's favour: the head from which a last block starts is
solved once for all trials, and BatchNorm in it is not trained.

Not everything is measured. Passes and rendering are timed on all images as they are and on all views of one strength,
and count for each view that is needed; heads are solved once for each pooling and number of views. `--measure K` trains
K hidden heads and K last blocks (default 2), `--measure-epochs E` those for E epochs (default 2 on the floor's side,
3 on tlsearch's). What a trial takes once counts once, its epochs are multiplied, and trials that were not trained count
as the mean of those that were. tlsearch's side is measured as in vs_plain_loop.py, or read from the JSON line of that
script with `--result`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from floor_parts import Floor, FloorLoop, Parts
from loop_setup import Setup, add_measure_options, describe, make_parser, prepared, say
from machine import machine_facts
from rich.console import Console
from rich.table import Table
from trial_kinds import MIXED, mix
from vs_plain_loop import TLSEARCH_EPOCHS, TLSEARCH_TRIALS, measure_tlsearch

FLOOR_TRIALS, FLOOR_EPOCHS = 2, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and the JSON line."""
    parser = make_parser(__doc__, trials=40, images=None)
    add_measure_options(parser)
    parser.add_argument("--result", type=Path, help="a file with the JSON line of vs_plain_loop.py, same options")
    options = parser.parse_args(arguments)
    with prepared(options) as setup:
        known = read_result(options.result, describe(options, setup)) if options.result else None
        loop = FloorLoop(
            setup, options.epochs, options.measure or FLOOR_TRIALS, options.measure_epochs or FLOOR_EPOCHS, say
        )
        parts = loop.measure()
        lists = {**setup.kinds, MIXED: mix(setup.kinds, options.seed)}
        floors = {kind: loop.total(specs, parts) for kind, specs in lists.items()}
        ours = known or measure_ours(options, setup)
        print_table(options, setup, floors, ours)
        figures = {
            **describe(options, setup),
            "kinds": {kind: json_row(floor, ours[kind]) for kind, floor in floors.items()},
            "floor_measured": describe_parts(parts),
            **machine_facts(),
        }
    print(json.dumps(figures))
    return 0


def measure_ours(options: argparse.Namespace, setup: Setup) -> dict[str, float]:
    """tlsearch's seconds for each list, as vs_plain_loop.py measures them."""
    totals = measure_tlsearch(
        setup,
        options.epochs,
        options.measure or TLSEARCH_TRIALS,
        options.measure_epochs or TLSEARCH_EPOCHS,
        options.measure_strengths,
        options.seed,
    )
    return {kind: total.seconds for kind, total in totals.items()}


def read_result(file: Path, asked: Mapping[str, object]) -> dict[str, float]:
    """tlsearch's seconds from a JSON line of vs_plain_loop.py, which must have been asked for the same."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{file} holds no JSON line of vs_plain_loop.py.")
    result = json.loads(lines[-1])
    other = [name for name, value in asked.items() if result.get(name) != value]
    if other:
        raise SystemExit(f"{file} was measured with another {', '.join(other)}: give the same options.")
    return {kind: row["tlsearch_seconds"] for kind, row in result["kinds"].items()}


def print_table(
    options: argparse.Namespace, setup: Setup, floors: Mapping[str, Floor], ours: Mapping[str, float]
) -> None:
    """For people."""
    table = Table(
        *("trials", "build, s", "render, s", "forward, s", "train, s", "floor, s", "tlsearch, s", "tlsearch / floor"),
        title=f"{setup.candidate.label} at {options.image_size} px, {options.trials} trials a kind of {options.epochs} "
        f"epochs, {len(setup.images.train)} training images; last block: after {setup.last_block}",
    )
    for kind, floor in floors.items():
        parts = (f"{getattr(floor, name):,.1f}" for name in ("build", "render", "forward", "train"))
        ratio = ours[kind] / floor.seconds
        table.add_row(kind, *parts, f"{floor.seconds:,.0f}", f"{ours[kind]:,.0f}", f"{ratio:.2f}")
    Console(width=160).print(table)
    print("Passes, views, heads and epochs were measured on a part of the trials and scaled to all.")


def json_row(floor: Floor, ours: float) -> dict[str, float]:
    """For programs."""
    parts = {f"{name}_seconds": round(getattr(floor, name), 2) for name in ("build", "render", "forward", "train")}
    return {
        **parts,
        "floor_seconds": round(floor.seconds, 1),
        "tlsearch_seconds": round(ours, 1),
        "ratio": round(ours / floor.seconds, 3),
    }


def describe_parts(parts: Parts) -> dict[str, object]:
    """What was measured, before it was scaled."""
    return {
        "precision": parts.precision,
        "pass_seconds": round(parts.whole, 2),
        "pass_to_last_block_seconds": round(parts.prefix, 2),
        "view_seconds": round(parts.view, 2),
        "solved_seconds": {
            f"{pooling}, {views} views": round(s, 2) for (pooling, views), s in parts.is_linear_probe.items()
        },
        "hidden_heads": len(parts.heads),
        "last_blocks": [[round(t.seconds, 2), t.epochs, round(t.epoch_seconds, 2)] for t in parts.suffixes.values()],
    }


if __name__ == "__main__":
    sys.exit(main())
