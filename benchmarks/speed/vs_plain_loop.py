"""How long do the same trials take by a plain Keras loop and by tlsearch?

    python -m benchmarks.speed.vs_plain_loop DATASET --weights vgg16=FILE --image-size 128

Four kinds of trial, each kind as a search of its own and then all of them mixed. A plain loop
(common/loops/plain_loop.py) shares nothing among trials, so for it the mixed list takes what its parts take. tlsearch's
worker starts each list in a new process with an empty store. Both sides read the same decoded images; decoding, the
import of TensorFlow and tlsearch's measuring of the network (once a run, printed below the table) are in neither
time.

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
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.plain_loop import run_plain
from benchmarks.common.loops.setup import (
    Setup,
    add_measure_options,
    describe,
    make_loop_parser,
    parse_loop_options,
    prepared,
)
from benchmarks.common.loops.timing import Timed, Times, spread_evenly
from benchmarks.common.loops.tlsearch_loop import Sample, Totals
from benchmarks.common.loops.trial_kinds import MIXED, mix
from benchmarks.common.results import publish, say
from tlsearch.types import TrialSpec

BENCHMARK = "speed.vs_plain_loop"
PLAIN = Sample(trials=1, epochs=1)
TLSEARCH = Sample(trials=2, epochs=3)


@dataclass(frozen=True, kw_only=True)
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
    """Measure and print."""
    parser = make_loop_parser(__doc__, trials=40, images=None)
    add_measure_options(parser)
    options = parse_loop_options(parser, arguments)
    started = time.monotonic()
    with prepared(options) as setup:
        plain = measure_plain(setup, options.epochs, sample_of(options, PLAIN))
        ours = measure_tlsearch(setup, options.epochs, sample_of(options, TLSEARCH), options.seed)
        rows = make_rows(setup, plain, ours)
        print_table(options, setup, rows)
        figures = {
            **describe(options, setup),
            "kinds": {row.kind: json_row(row) for row in rows},
            "planning_seconds": round(setup.loop.planning, 1),
            "benchmark_seconds": round(time.monotonic() - started),
        }
    publish(BENCHMARK, options, figures)
    return 0


def sample_of(options: argparse.Namespace, default: Sample) -> Sample:
    """How much of the lists is trained: what the options say, else as ``default`` does."""
    return Sample(
        options.measure or default.trials, options.measure_epochs or default.epochs, options.measure_strengths
    )


def measure_plain(setup: Setup, epochs: int, sample: Sample) -> dict[str, Times]:
    """Train some trials of each kind in the plain loop."""
    found = {}
    for kind, specs in setup.kinds.items():
        found[kind] = Times(epochs)
        for spec in spread_evenly(specs, sample.trials):
            frozen = setup.frozen_layers(spec)
            trial = run_plain(setup.candidate, frozen, spec, setup.images, epochs, min(sample.epochs, epochs))
            found[kind].typical[spec] = trial.timed
            say(f"plain loop, {kind}: {trial.timed.seconds:.1f} s, an epoch {trial.timed.epoch_seconds:.1f} s")
    return found


def measure_tlsearch(setup: Setup, epochs: int, sample: Sample, seed: int) -> dict[str, Totals]:
    """What each kind takes by itself, then all of them on one store.

    There the trials known by then stand for the rest.
    """
    found: dict[str, Totals] = {}
    typical: dict[TrialSpec, Timed] = {}
    for kind, specs in setup.kinds.items():
        found[kind] = setup.loop.measure(specs, epochs, {}, sample)
        typical |= found[kind].times.typical
        say(f"tlsearch, {kind}: {found[kind].seconds:.1f} s")
    everything = sample.trials >= max(len(specs) for specs in setup.kinds.values())
    more = sample.trials if everything or not typical else 0
    found[MIXED] = setup.loop.measure(mix(setup.kinds, seed), epochs, typical, replace(sample, trials=more))
    return found


def make_rows(setup: Setup, plain: dict[str, Times], ours: dict[str, Totals]) -> list[Row]:
    """One row a list. The plain loop's mixed list is the sum of its parts."""
    rows = []
    for kind, specs in setup.kinds.items():
        trained = plain[kind].typical
        measured = max(timed.epochs for timed in trained.values())
        rows.append(
            Row(
                kind=kind,
                trials=len(specs),
                plain=plain[kind].total(specs),
                plain_trained=len(trained),
                plain_epochs=measured,
                tlsearch=ours[kind],
            )
        )
    seconds, trials, trained_trials = (
        sum(getattr(row, name) for row in rows) for name in ("plain", "trials", "plain_trained")
    )
    rows.append(
        Row(
            kind=MIXED,
            trials=trials,
            plain=seconds,
            plain_trained=trained_trials,
            plain_epochs=rows[0].plain_epochs,
            tlsearch=ours[MIXED],
        )
    )
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
