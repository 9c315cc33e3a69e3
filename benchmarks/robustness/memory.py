"""Does a long search need more and more memory?

    python -m benchmarks.robustness.memory

Memory of all its processes at the start of every trial: one run of 200 trials, as `tlsearch run` makes it, on images
made up on the spot: heads on stored features and tuned networks take turns as the search likes, and models of the best
are kept. Memory is anonymous resident memory (RssAnon) of the parent and of its worker process. That one is renewed
every 25 trials; its successor, which is started a little before and waits, is counted apart. Takes about half an hour.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.common.memory import anonymous_bytes
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.callbacks import Callback, TrialInfo
from tlsearch.config import RunConfig
from tlsearch.pipeline.run import run

BENCHMARK = "robustness.memory"

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


class Watch(Callback):
    """Takes a sample at the start of every trial of the search."""

    def __init__(self) -> None:
        """Watch this process and those that it starts."""
        self.samples: list[Sample] = []
        self._me = psutil.Process()

    def on_trial_begin(self, trial: TrialInfo) -> None:
        """Take a sample."""
        if trial.role != "trial":
            return
        workers = [anonymous_bytes(child.pid) / 1e6 for child in self._me.children(recursive=True)]
        worker = max(workers, default=0.0)
        parent = anonymous_bytes(self._me.pid) / 1e6
        self.samples.append(Sample(trial.number, parent, worker, sum(workers) - worker))
        if trial.number % SETTLED == 1:
            say(f"trial {trial.number}: {self.samples[-1].at_work:.0f} MB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, print."""
    parser = make_parser(__doc__)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--images", type=int, default=100, help="images of ten classes (default 100)")
    parser.add_argument("--epochs", type=int, default=1, help="of a trained trial (default 1)")
    parser.add_argument("--image-size", type=int, default=32)
    options = parse_options(parser, arguments, {"trials": SETTLED + 1})
    watch, started = Watch(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        home = Path(folder)
        write_images(home / "images", {"": options.images}, options.image_size, options.seed)
        result = run(
            RunConfig(
                dataset=home / "images",
                backbones=(options.backbone,),
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
            callbacks=[watch],
        )
    kinds = [row.kind for row in result.trials if row.role == "trial"]
    asked = {name: getattr(options, name) for name in ("images", "epochs", "image_size")}
    figures = {**asked, **collect_figures(watch.samples, kinds), "seconds": round(time.monotonic() - started)}
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def growth(samples: Sequence[Sample]) -> float:
    """By how much the highest sample after the ``SETTLED``-th trial lies above that trial's, in megabytes."""
    late = [sample.at_work for sample in samples if sample.trial >= SETTLED]
    return max(late) - late[0]


def blocks_of(samples: Sequence[Sample], kinds: Sequence[str]) -> list[dict[str, int]]:
    """Twenty trials at a time: how many tuned the network, and megabytes (means, and the most) at their starts.

    ``kinds`` are those of all trials, in order.
    """
    blocks = []
    for first in range(0, len(samples), SETTLED):
        part = samples[first : first + SETTLED]
        blocks.append(
            {
                "first": part[0].trial,
                "last": part[-1].trial,
                "tuned": sum(kind == "fine_tuning" for kind in kinds[first : first + SETTLED]),
                "parent": round(fmean(s.parent for s in part)),
                "worker": round(fmean(s.worker for s in part)),
                "mean": round(fmean(s.at_work for s in part)),
                "at_most": round(max(s.at_work for s in part)),
                "at_most_with_waiting": round(max(s.at_work + s.waiting for s in part)),
            }
        )
    return blocks


def collect_figures(samples: Sequence[Sample], kinds: Sequence[str]) -> dict[str, Any]:
    """The figures of the result, in megabytes."""
    return {
        "trials": len(samples),
        "growth_megabytes": round(growth(samples), 1),
        "parent_growth_megabytes": round(samples[-1].parent - samples[0].parent, 1),
        "waiting_at_most_megabytes": round(max(s.waiting for s in samples)),
        "blocks": blocks_of(samples, kinds),
        "parent_megabytes": [round(s.parent) for s in samples],
        "worker_megabytes": [round(s.worker) for s in samples],
        "waiting_megabytes": [round(s.waiting) for s in samples],
    }


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    names = ("trials", "of them tuned", "parent, MB", "worker, MB", "both, MB", "both, at most", "and a waiting worker")
    table = Table(*names, title="memory at the starts of trials, means of twenty")
    for block in figures["blocks"]:
        shown = ("tuned", "parent", "worker", "mean", "at_most", "at_most_with_waiting")
        table.add_row(f"{block['first']} to {block['last']}", *(str(block[name]) for name in shown))
    console = Console(width=120)
    console.print(table)
    console.print(
        f"after trial {SETTLED} parent and worker need at most {figures['growth_megabytes']:.0f} MB more than at it "
        f"(wanted: under {WANTED_MEGABYTES:.0f})"
    )


if __name__ == "__main__":
    sys.exit(main())
