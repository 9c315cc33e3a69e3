"""The same trials by a plain Keras loop and by tlsearch: how long does each take?

    python benchmarks/vs_plain_loop.py DATASET --weights vgg16=FILE --image-size 128 --trials 40 --epochs 10

Four kinds of trial, each kind as a search of its own and then all of them mixed. A plain loop (plain_loop.py) shares
nothing among trials, so for it the mixed list takes what its parts take. tlsearch's worker starts each list in a new
process with an empty store. Both sides read the same decoded images; decoding, the import of TensorFlow and tlsearch's
measuring of the network (once a run, printed below the table) are in neither time.

Not all trials are trained. `--measure K` trains K of each kind on either side; on tlsearch's side besides those the
first of each kind and strength, with the store as it is at that time, so that the extraction of every view is counted
whole. `--measure-strengths S` (default 1) makes the views of S of the four strengths of augmentation; those of the
others, as many of as many images, are counted as taking as long. `--measure-epochs E` trains them for E epochs (on
tlsearch's side for as many as there are views, at least). What a trial takes once (building, compiling, starting its
head) is counted once, its epochs are multiplied, and trials that were not trained count as the mean of those of their
kind that were. Without the options the plain loop trains one trial of each kind for one epoch, tlsearch one with each
kind of head for three. `--measure` and `--measure-epochs` as large as `--trials` and `--epochs`, with
`--measure-strengths 4`, leave nothing to be scaled.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from loop_setup import Setup, add_measure_options, describe, make_parser, prepared, say
from loop_timing import Timed, Times, spread_evenly
from machine import machine_facts
from plain_loop import run_plain
from rich.console import Console
from rich.table import Table
from tlsearch_loop import Totals
from trial_kinds import KINDS, MIXED, mix

from tlsearch.types import TrialSpec

PLAIN_TRIALS, PLAIN_EPOCHS = 1, 1
TLSEARCH_TRIALS, TLSEARCH_EPOCHS = 2, 3


@dataclass(frozen=True)
class Row:
    """What came of one list of trials; seconds, and how many trials were trained for how many epochs."""

    kind: str
    trials: int
    plain: float
    plain_trained: int
    plain_epochs: int
    tlsearch: Totals

    @property
    def ratio(self) -> float:
        """How many times longer the plain loop takes."""
        return self.plain / self.tlsearch.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and the JSON line."""
    parser = make_parser(__doc__, trials=40, images=None)
    add_measure_options(parser)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with prepared(options) as setup:
        plain = measure_plain(
            setup, options.epochs, options.measure or PLAIN_TRIALS, options.measure_epochs or PLAIN_EPOCHS
        )
        ours = measure_tlsearch(
            setup,
            options.epochs,
            options.measure or TLSEARCH_TRIALS,
            options.measure_epochs or TLSEARCH_EPOCHS,
            options.measure_strengths,
            options.seed,
        )
        rows = make_rows(setup, plain, ours)
        print_table(options, setup, rows)
        figures = {
            **describe(options, setup),
            "kinds": {row.kind: json_row(row) for row in rows},
            "planning_seconds": round(setup.loop.planning, 1),
            "benchmark_seconds": round(time.monotonic() - started),
            **machine_facts(),
        }
    print(json.dumps(figures))
    return 0


def measure_plain(setup: Setup, epochs: int, trials: int, measured: int) -> dict[str, Times]:
    """Train ``trials`` of each kind in the plain loop for ``measured`` epochs each."""
    found = {}
    for kind, specs in setup.kinds.items():
        found[kind] = Times(epochs)
        for spec in spread_evenly(specs, trials):
            frozen = setup.frozen_layers(spec)
            trial = run_plain(setup.candidate, frozen, spec, setup.images, epochs, min(measured, epochs))
            found[kind].typical[spec] = trial.timed
            say(f"plain loop, {kind}: {trial.timed.seconds:.1f} s, an epoch {trial.timed.epoch_seconds:.1f} s")
    return found


def measure_tlsearch(
    setup: Setup, epochs: int, trials: int, measured: int, strengths: int, seed: int
) -> dict[str, Totals]:
    """What each kind takes by itself, then all of them on one store; there the trials known by then stand for the
    rest."""
    found: dict[str, Totals] = {}
    typical: dict[TrialSpec, Timed] = {}
    for kind in KINDS:
        found[kind] = setup.loop.measure(setup.kinds[kind], epochs, {}, trials, measured, strengths, say)
        typical |= found[kind].times.typical
        say(f"tlsearch, {kind}: {found[kind].seconds:.1f} s")
    everything = trials >= max(len(specs) for specs in setup.kinds.values())
    more = trials if everything or not typical else 0
    found[MIXED] = setup.loop.measure(mix(setup.kinds, seed), epochs, typical, more, measured, strengths, say)
    return found


def make_rows(setup: Setup, plain: dict[str, Times], ours: dict[str, Totals]) -> list[Row]:
    """One row a list. The plain loop's mixed list is the sum of its parts."""
    rows = []
    for kind, specs in setup.kinds.items():
        trained = plain[kind].typical
        measured = max(timed.epochs for timed in trained.values())
        rows.append(Row(kind, len(specs), plain[kind].total(specs), len(trained), measured, ours[kind]))
    seconds, trials, trained_trials = (
        sum(getattr(row, name) for row in rows) for name in ("plain", "trials", "plain_trained")
    )
    rows.append(Row(MIXED, trials, seconds, trained_trials, rows[0].plain_epochs, ours[MIXED]))
    return rows


def print_table(options: argparse.Namespace, setup: Setup, rows: Sequence[Row]) -> None:
    """For people."""
    table = Table(
        *("trials", "number", "plain loop, s", "tlsearch, s", "ratio", "trained by the plain loop", "by tlsearch"),
        title=f"{setup.candidate.label} at {options.image_size} px, {options.epochs} epochs, "
        f"{len(setup.images.train)} training images; last block: after {setup.last_block}",
    )
    for row in rows:
        ours = row.tlsearch
        table.add_row(
            row.kind,
            str(row.trials),
            f"{row.plain:,.0f}",
            f"{ours.seconds:,.0f}",
            f"{row.ratio:.1f}",
            f"{row.plain_trained} x {row.plain_epochs} epochs",
            f"{ours.first} with their views, {ours.more} more, x {ours.epochs} epochs",
        )
    Console(width=160).print(table)
    print(
        "Trained trials, epochs and strengths were measured and scaled to all; the views of all are counted. "
        f"Measuring the network, once a run and in no row: {setup.loop.planning:.1f} s."
    )


def json_row(row: Row) -> dict[str, object]:
    """For programs."""
    ours = row.tlsearch
    return {
        "trials": row.trials,
        "plain_seconds": round(row.plain, 1),
        "tlsearch_seconds": round(ours.seconds, 1),
        "ratio": round(row.ratio, 2),
        "plain_measured": {"trials": row.plain_trained, "epochs": row.plain_epochs},
        "tlsearch_measured": {"with_views": ours.first, "more": ours.more, "epochs": ours.epochs},
        "worker_restarts_added": ours.restarts,
    }


if __name__ == "__main__":
    sys.exit(main())
