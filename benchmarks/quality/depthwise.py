"""What does it cost to keep depthwise kernels as they are while the rest of a suffix is trained, and what does it save?

    python -m benchmarks.quality.depthwise DATASET ... --image-size 160

For each data set and each seed one trial tunes the later two thirds of EfficientNet-Lite0 twice: with its depthwise
kernels trained, and with them kept. Accuracy is that of the validation images, the mean of the last three epochs;
nothing is chosen on them here. A second is that of an epoch whose views are stored, validation included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.images import fewer_images, find_network, read_images
from benchmarks.common.loops.tlsearch_loop import TlsearchLoop
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.search.space import MIN_VIEWS, schedule
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import TrialSpec
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.protocol import DescribePlugins

BENCHMARK = "quality.depthwise"

NETWORK = "efficientnet_lite0"
FROZEN, DEPTH = 6, 18

QUICK = {"image_size": [32], "seeds": 1, "epochs": 1}
QUICK_IMAGES = {"train": 60, "val": 20}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare and print."""
    options = _options(arguments)
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="tlsearch-depthwise-") as folder:
        datasets = options.dataset or [write_images(Path(folder) / "images", QUICK_IMAGES, 32, options.seed)]
        for dataset, size in zip(datasets, _sizes(options, len(datasets)), strict=True):
            found[f"{dataset.name}, {size} px"] = _compare(dataset, size, options)
    _print_table(found)
    publish(BENCHMARK, options, {"seeds": options.seeds, "datasets": found})
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="*", type=Path, help="folders of class folders, as for `tlsearch run`")
    parser.add_argument(
        "--image-size", type=int, nargs="+", default=[160], help="side in pixels, one for each data set or for all"
    )
    parser.add_argument("--images", type=int, help="training images (default all)")
    parser.add_argument("--epochs", type=int, help="epochs of a trial (default those of a run)")
    parser.add_argument("--seeds", type=int, default=3, help="trials of each kind on each data set (default 3)")
    options = parse_options(parser, arguments, QUICK)
    if not options.dataset and not options.quick:
        parser.error("name a data set, or --quick to make one up")
    return options


def _sizes(options: argparse.Namespace, datasets: int) -> list[int]:
    sizes: list[int] = options.image_size
    return sizes * datasets if len(sizes) == 1 else sizes


def _compare(dataset: Path, size: int, options: argparse.Namespace) -> dict[str, object]:
    """Both kinds of trial on one data set, seed after seed."""
    with (
        tempfile.TemporaryDirectory(prefix="tlsearch-depthwise-") as folder,
        WorkerClient(Path(folder) / "worker.log") as worker,
    ):
        candidate = find_network(worker.send(DescribePlugins()), NETWORK, [], size)
        images = read_images(dataset, size, options.seed, Path(folder))
        if options.images:
            images = fewer_images(images, options.images, options.seed)
        loop = TlsearchLoop(worker, images, candidate)
        loop.start_empty(Path(folder) / "store")
        accuracies: dict[bool, list[float]] = {False: [], True: []}
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for seed in range(options.seeds):
            for frozen in (False, True):
                spec = trial(len(images.train), size, options.epochs, seed, frozen)
                epochs = round(spec.steps / steps_per_epoch(len(images.train), spec.batch_size))
                timed, result = loop.run(spec, epochs, stored=frozen or seed > 0)
                accuracies[frozen].append(result.metrics["val_accuracy"])
                seconds[frozen].append(timed.epoch_seconds)
                kind = "kept" if frozen else "trained"
                say(f"{dataset.name} {seed} {kind}: {accuracies[frozen][-1]:.4f}, {timed.epoch_seconds:.1f} s an epoch")
    return {
        "training_images": len(images.train),
        "validation_images": len(images.val),
        "trained": [round(a, 4) for a in accuracies[False]],
        "kept": [round(a, 4) for a in accuracies[True]],
        "points": round(100 * (fmean(accuracies[True]) - fmean(accuracies[False])), 2),
        "seconds_an_epoch_trained": round(median(seconds[False]), 2),
        "seconds_an_epoch_kept": round(median(seconds[True]), 2),
        "share_of_the_time": round(median(k / t for t, k in zip(seconds[False], seconds[True], strict=True)), 2),
    }


def trial(images: int, size: int, epochs: int | None, seed: int, frozen: bool) -> TrialSpec:
    """The trial that a run tries first of those that tune most of the network."""
    steps = schedule(images, 32, epochs)
    views = max(MIN_VIEWS, round(steps / steps_per_epoch(images, 32) / 3))
    spec = TrialSpec(
        backbone=NETWORK,
        weights="imagenet",
        image_size=size,
        depth=DEPTH,
        freeze_depth=FROZEN,
        dropout=0.3,
        policy="standard",
        strength=0.5,
        views=views,
        steps=steps,
        lr_suffix=5e-4,
        lr_head=1e-3,
        weight_decay=1e-3,
        repeat=seed,
    )
    return replace(spec, depthwise_frozen=frozen)


def _print_table(found: dict[str, dict[str, object]]) -> None:
    table = Table("data set", "trained", "kept", "kept less trained, points", "share of the time")
    for name, row in found.items():
        trained, kept = (" ".join(f"{a:.3f}" for a in row[kind]) for kind in ("trained", "kept"))  # type: ignore[attr-defined]
        table.add_row(name, trained, kept, f"{row['points']:+}", str(row["share_of_the_time"]))
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
