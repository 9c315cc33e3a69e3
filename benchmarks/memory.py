"""Does a long search need more and more memory? Memory of all its processes at the start of every trial.

    python benchmarks/memory.py

One run of 200 trials, as `tlsearch run` makes it, on pictures made up on the spot: heads on stored features and tuned
networks take turns as the search likes, and models of the best are kept. Memory is anonymous resident memory (RssAnon)
of the parent and of its worker process. That one is renewed every 25 trials; its successor, which is started a little
before and waits, is counted apart. Prints a table of every twenty trials and one JSON line. Takes about half an
hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from machine import machine_facts
from pictures import write_pictures
from rich.console import Console
from rich.table import Table
from whole_run import anonymous

from tlsearch import RunConfig
from tlsearch.pipeline.run import run
from tlsearch.reporter import SilentReporter

SETTLED = 20
"""The trial after which memory should not grow."""

WANTED_MEGABYTES = 100.0


@dataclass(frozen=True)
class Sample:
    """Megabytes when a trial began: of the parent, of the worker, and of the one that waits to take its place."""

    trial: int
    parent: float
    worker: float
    waiting: float

    @property
    def at_work(self) -> float:
        """What the search needs."""
        return self.parent + self.worker


class Watch(SilentReporter):
    """Takes a sample at the start of every trial."""

    def __init__(self, trials: int) -> None:
        self.samples: list[Sample] = []
        self._trials = trials
        self._me = psutil.Process()

    def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
        """The search reports before a trial how many are done, and parts of one as it goes on; what works inside it
        counts something else."""
        if step != "search" or total != self._trials or done not in range(self._trials):
            return
        trial = int(done) + 1
        if self.samples and self.samples[-1].trial == trial:  # the end of a trial, which says the same as the next one
            self.samples.pop()
        workers = [anonymous(child.pid) / 1e6 for child in self._me.children(recursive=True)]
        worker = max(workers, default=0.0)
        self.samples.append(Sample(trial, anonymous(self._me.pid) / 1e6, worker, sum(workers) - worker))
        if trial % SETTLED == 1:
            print(f"trial {trial}: {self.samples[-1].at_work:.0f} MB", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--images", type=int, default=100, help="pictures of ten classes (default 100)")
    parser.add_argument("--epochs", type=int, default=1, help="of a trained trial (default 1)")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    watch, started = Watch(options.trials), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        home = Path(folder)
        write_pictures(home / "images", {"": options.images}, options.image_size, options.seed)
        result = run(
            RunConfig(
                home / "images",
                backbones=("efficientnet_lite0",),
                trials=options.trials,
                epochs=options.epochs,
                image_size=options.image_size,
                augment=("flip",),
                baseline="none",
                seed=options.seed,
                output=home / "output",
                cache_dir=home / "cache",
                tracking_uri=f"sqlite:///{home / 'mlflow.db'}",
            ),
            watch,
        )
    if result is None:
        raise SystemExit("the run gave no result")
    kinds = [row.kind for row in result.trials if row.role == "trial"]
    report(options, watch.samples, kinds, time.monotonic() - started)
    return 0


def growth(samples: Sequence[Sample]) -> float:
    """By how much the highest sample after the ``SETTLED``-th trial lies above that trial's, in megabytes."""
    late = [sample.at_work for sample in samples if sample.trial >= SETTLED]
    return max(late) - late[0]


def report(options: argparse.Namespace, samples: Sequence[Sample], kinds: Sequence[str], seconds: float) -> None:
    """A table for people and a line for programs."""
    names = ("trials", "of them tuned", "parent, MB", "worker, MB", "both, MB", "both, at most", "and a waiting worker")
    table = Table(*names, title="memory at the starts of trials, means of twenty")
    for first in range(0, len(samples), SETTLED):
        part = samples[first : first + SETTLED]
        tuned = sum(kind == "fine_tuning" for kind in kinds[first : first + SETTLED])
        means = [sum(getattr(s, name) for s in part) / len(part) for name in ("parent", "worker", "at_work")]
        most = [max(s.at_work for s in part), max(s.at_work + s.waiting for s in part)]
        table.add_row(f"{part[0].trial} to {part[-1].trial}", str(tuned), *(f"{value:.0f}" for value in means + most))
    console = Console(width=120)
    console.print(table)
    grown = growth(samples)
    console.print(
        f"after trial {SETTLED} parent and worker need at most {grown:.0f} MB more than at it "
        f"(wanted: under {WANTED_MEGABYTES:.0f})"
    )
    figures = {
        "benchmark": "memory",
        "trials": len(samples),
        "images": options.images,
        "epochs": options.epochs,
        "image_size": options.image_size,
        "growth_megabytes": round(grown, 1),
        "parent_megabytes": [round(s.parent) for s in samples],
        "worker_megabytes": [round(s.worker) for s in samples],
        "waiting_megabytes": [round(s.waiting) for s in samples],
        "seconds": round(seconds),
        **machine_facts(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    sys.exit(main())
