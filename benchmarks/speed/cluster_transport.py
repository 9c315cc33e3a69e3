"""What does it add to a trial that its worker is on a Ray cluster, and how soon is the first trial over there?

    python -m benchmarks.speed.cluster_transport

The same short trials of the small network, on images made up on the spot, are run in turns by a worker on this machine
and by one on a cluster of one node, on this machine too: so the difference is what the transport takes. Each trial
sends an event after every epoch. The bare exchange is a question that takes the worker no time. The first trial is
timed from the connection to a cluster that runs already, through the start of a worker, which imports Keras.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from tlsearch.cluster.cluster import RayCluster
from tlsearch.cluster.room import ClusterRequest
from tlsearch.data.split import Fold
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.protocol import CountComputedImages, OpenPool, RunTrial

BENCHMARK = "speed.cluster_transport"
QUICK = {"images": 60, "trials": 2, "questions": 20}
SIZE = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials here and there, and print what the transport adds."""
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=600, help="images in all (default 600)")
    parser.add_argument("--trials", type=int, default=20, help="trials on either side (default 20)")
    parser.add_argument("--epochs", type=int, default=5, help="of a trial (default 5)")
    parser.add_argument("--questions", type=int, default=500, help="bare exchanges (default 500)")
    parser.add_argument("--address", help="a cluster that runs already (default: one is started, on loopback)")
    options = parse_options(parser, arguments, QUICK)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder, _cluster_at(options.address) as address:
        figures = measured(Path(folder), options, address)
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


@contextmanager
def _cluster_at(address: str | None) -> Iterator[str]:
    """The address of a cluster: one that is there, or one of a head and one node of one processor."""
    if address is not None:
        yield address
        return
    from ray.cluster_utils import Cluster

    say("starting a cluster")
    small = {"object_store_memory": 78_643_200}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=1, **small)
    try:
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def measured(home: Path, options: argparse.Namespace, address: str) -> dict[str, Any]:
    """The seconds of everything."""
    pool, trial = _work(home, options)
    with WorkerClient(home / "local.log") as here:
        here.use_threads(1)
        here.send(pool)
        first_here = _seconds(lambda: here.send(trial))
        began = time.monotonic()
        with RayCluster(ClusterRequest(address=address), home / "remote.log") as cluster:
            cluster.room(1)
            there = cluster.worker()
            there.use_threads(1)
            cluster.take(1, all_of_them=True)
            placed = time.monotonic() - began
            there.start()
            there.send(pool)
            there.send(trial)
            first = time.monotonic() - began
            say(f"the first trial was over after {first:.1f} s")
            seconds: dict[str, list[float]] = {"here": [], "there": []}
            for number in range(options.trials):
                say(f"trial {number + 1} of {options.trials}")
                seconds["here"].append(_seconds(lambda: here.send(trial)))
                seconds["there"].append(_seconds(lambda: there.send(trial)))
            asked = {"here": _questions(here, options.questions), "there": _questions(there, options.questions)}
            there.close()
    return {
        "images": options.images,
        "trials": options.trials,
        "epochs": options.epochs,
        "trial_seconds": {name: round(statistics.median(each), 4) for name, each in seconds.items()},
        "added_seconds": round(
            statistics.median(b - a for a, b in zip(seconds["here"], seconds["there"], strict=True)), 4
        ),
        "exchange_ms": {name: round(1000 * statistics.median(each), 3) for name, each in asked.items()},
        "connected_seconds": round(placed, 2),
        "first_trial_seconds": round(first, 2),
        "first_trial_here_seconds": round(first_here, 2),
    }


def _questions(worker: WorkerClient, count: int) -> list[float]:
    """The seconds of so many questions that take no work."""
    return [_seconds(lambda: worker.send(CountComputedImages())) for _ in range(count)]


def _seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _work(home: Path, options: argparse.Namespace) -> tuple[OpenPool, RunTrial]:
    """Images of noise in two classes, and a trial of the small network on them."""
    rng, count = np.random.default_rng(options.seed), options.images
    labels = np.arange(count) % 2
    pixels = rng.integers(0, 200, (count, SIZE, SIZE, 3), dtype=np.uint8)
    pixels[labels == 1, :, : SIZE // 2] += 50
    np.save(home / "pixels.npy", pixels)
    pool = OpenPool(
        pixels={SIZE: home / "pixels.npy"},
        labels=tuple(labels.tolist()),
        groups=tuple(range(count)),
        classes=("one", "other"),
        digest="noise",
        cache_dir=home / "cache",
        cache_limit=10**9,
        metric="accuracy",
    )
    fold = Fold(tuple(range(0, count * 4 // 5)), tuple(range(count * 4 // 5, count)))
    candidate = Candidate(
        backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=SIZE, depth=0
    )
    spec = TrialSpec(
        backbone="small_cnn",
        weights=None,
        image_size=SIZE,
        depth=4,
        freeze_depth=0,
        steps=options.epochs * -(-len(fold.train) // 32),
        lr_suffix=1e-3,
        lr_head=1e-3,
    )
    return pool, RunTrial(candidate=candidate, spec=spec, folds=(fold,))


def print_table(figures: dict[str, Any]) -> None:
    """For people."""
    table = Table(title="A worker on a Ray cluster against one on this machine")
    for column in ("", "here", "there"):
        table.add_column(column, justify="right" if column else "left")
    trial, exchange = figures["trial_seconds"], figures["exchange_ms"]
    table.add_row("a trial, seconds (median)", f"{trial['here']:.3f}", f"{trial['there']:.3f}")
    table.add_row("a bare exchange, ms (median)", f"{exchange['here']:.2f}", f"{exchange['there']:.2f}")
    Console(width=100).print(table)
    print(f"The transport adds {1000 * figures['added_seconds']:.0f} ms to a trial (median of the differences).")
    print(f"The first trial is over {figures['first_trial_seconds']:.1f} s after the connection began.")


if __name__ == "__main__":
    sys.exit(main())
