"""What do averages of weights, and of predictions of an image and its mirror image, add to the best fine-tuned trial?

    python -m benchmarks.quality.afterwards DATASET ... --image-size 96

DATASET is a folder of class folders, a folder with the files of Fashion-MNIST, or the word digits (scikit-learn's). For
each data set a sample of images is drawn, and for each seed it is divided anew. Four trials tune the later two thirds
of EfficientNet-Lite0 on stored views, as a run does; they differ in learning rate and strength of augmentation. On the
validation images the best is found, by the mean of its last three epochs, and then

- a greedy soup is made of the weights of all four (Wortsman et al. 2022), in the order of their validation;
- the moving average of the weights of the best trial is taken, over its last steps;
- predictions of each image and of its mirror image are averaged: of the best trial, and of the soup.

Each is compared with the best trial on the test images: always, and only where it is better on the validation images
(higher accuracy, or the same and a lower log loss), as a run would use it. The intervals are Student's, over divisions,
whose images overlap.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common import fashion_mnist
from benchmarks.common.loops.images import Images, find_network, read_images
from benchmarks.common.results import make_parser, parse_options, publish, read_result, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.common.tuning.averaging import greedy_soup
from benchmarks.common.tuning.tuned_trials import TunedTrials, divide, load_network, sample
from benchmarks.quality.choosing_weights import write_digits
from tlsearch import backend
from tlsearch.features.prefix import Network
from tlsearch.plugins.facts import describe_plugins
from tlsearch.search.space import MIN_VIEWS, schedule
from tlsearch.stats.intervals import student_quantile
from tlsearch.stats.metrics import log_loss
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import AnyArray, IntArray, TrialSpec

BENCHMARK = "quality.afterwards"

NETWORK = "efficientnet_lite0"
DIGITS = "digits"

SINGLE = "the best trial"
SOUP = "greedy soup"
MIRROR = "mirror image"
SOUP_MIRROR = "greedy soup, mirror image"
HORIZONS = {"moving average, 10 % of the steps": 0.1, "moving average, 30 % of the steps": 0.3}
METHODS = (SOUP, *HORIZONS, MIRROR, SOUP_MIRROR)

TRIALS = ((5e-4, 0.5), (2.5e-4, 0.5), (1e-3, 0.75), (5e-4, 0.75))
"""Learning rate of the suffix and strength of augmentation of each trial, the first one as a run tries it first."""

QUICK = {"image_size": [32], "seeds": 1, "epochs": 4, "images": [60, 20, 30], "backbone": NETWORK}
QUICK_IMAGES = {"": 130}

Judged = Mapping[str, float]
"""Accuracy and log loss on the images that choose (``val_accuracy``, ``val_loss``) and on those that judge."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, average, compare and print."""
    options = _options(arguments)
    backend.prepare()
    began = time.monotonic()
    divisions: dict[str, list[dict[str, Any]]] = _earlier(options.resume)
    with tempfile.TemporaryDirectory(prefix="tlsearch-afterwards-") as folder:
        contests = _contests(options, Path(folder))
        for seed in range(options.seed, options.seed + options.seeds):
            for contest in contests:
                if any(row["seed"] == seed for row in divisions.get(contest.name, ())):
                    continue
                if options.minutes and time.monotonic() - began > 60 * options.minutes:
                    say(f"{contest.name} {seed}: there is no time for it")
                    continue
                divisions.setdefault(contest.name, []).append(contest.run(seed))
    figures = {
        "network": options.backbone,
        "trials": len(TRIALS),
        "datasets": {name: summarize(rows) for name, rows in divisions.items()},
        "together": summarize([row for rows in divisions.values() for row in rows]),
        "divisions": divisions,
    }
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="*", help="as above")
    parser.add_argument(
        "--image-size", type=int, nargs="+", default=[96], help="side in pixels, one for each data set or for all"
    )
    parser.add_argument(
        "--images",
        type=int,
        nargs=3,
        default=[400, 100, 1000],
        metavar="N",
        help="images to train, choose and judge by",
    )
    parser.add_argument("--backbone", default=NETWORK, help=f"the network (default {NETWORK})")
    parser.add_argument("--epochs", type=int, help="epochs of a trial (default those of a run)")
    parser.add_argument("--seeds", type=int, default=3, help="divisions of each data set (default 3)")
    parser.add_argument("--minutes", type=float, help="begin no further division after so many")
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="keep features here (default: for this run only)")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="take over the divisions of an earlier result")
    options = parse_options(parser, arguments, QUICK)
    if not options.dataset and not options.quick:
        parser.error("name a data set, or --quick to make one up")
    return options


def _earlier(file: Path | None) -> dict[str, list[dict[str, Any]]]:
    """The divisions of an earlier run with the same options; none without a file."""
    return {} if file is None else dict(read_result(file).figures["divisions"])


def _contests(options: argparse.Namespace, folder: Path) -> list[Contest]:
    """One for each data set, with its images decoded."""
    facts = describe_plugins()
    names = options.dataset or ["synthetic"]
    sizes: list[int] = options.image_size
    sizes = sizes * len(names) if len(sizes) == 1 else sizes
    contests = []
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        place = folder / str(number)
        place.mkdir()
        dataset = _written(name, place / "images", options)
        candidate = find_network(facts, options.backbone, [], size)
        images = sample(read_images(dataset, size, options.seed, place), options.images, options.seed)
        store = options.store / str(number) if options.store else place / "store"
        tuned = TunedTrials(network := load_network(candidate, images), images, store)
        contests.append(Contest(f"{Path(name).name}, {size} px", images, network, tuned, options))
    return contests


def _written(name: str, folder: Path, options: argparse.Namespace) -> Path:
    """The folder of class folders that ``name`` stands for."""
    if not options.dataset:
        return write_images(folder, QUICK_IMAGES, 32, options.seed)
    if name == DIGITS:
        return write_digits(folder)
    if (Path(name) / "train-images-idx3-ubyte.gz").exists():
        return fashion_mnist.write_class_folders(Path(name), folder, round(1.3 * sum(options.images)))
    return Path(name)


class Contest:
    """The comparison on one data set."""

    def __init__(
        self, name: str, images: Images, network: Network, tuned: TunedTrials, options: argparse.Namespace
    ) -> None:
        """Begin with nothing trained."""
        self.name, self._images, self._network, self._options = name, images, network, options
        self._tuned = tuned

    def run(self, seed: int) -> dict[str, Any]:
        """What each method has on the division ``seed``, and what it took."""
        tuned, division = self._tuned, divide(self._images, self._options.images, seed)
        specs = trials(self._network, len(division.train), self._options.epochs, self._options.seed)
        rows, val = division.judged, len(division.val)
        labels = np.asarray(self._images.labels, np.int64)[rows]
        began = time.perf_counter()
        trained = tuned.train(division, specs, tuple(HORIZONS.values()))
        seconds = {"a trial": (time.perf_counter() - began) / len(specs)}
        order = sorted(range(len(trained)), key=lambda n: -trained[n].value)
        leader = trained[order[0]]
        began = time.perf_counter()
        best = tuned.probabilities(leader.weights, rows)
        seconds["an answer for all images"] = time.perf_counter() - began
        soup, members = greedy_soup(
            [trained[n].weights for n in order],
            lambda weights: judged(tuned.probabilities(weights, rows[:val]), labels[:val], val)["val_accuracy"],
        )
        of_soup = tuned.probabilities(soup, rows)
        answers: dict[str, AnyArray] = {SINGLE: best, SOUP: of_soup}
        for name, weights in zip(HORIZONS, leader.averages, strict=True):
            answers[name] = tuned.probabilities(weights, rows)
        answers[MIRROR] = (best + tuned.probabilities(leader.weights, rows, mirrored=True)) / 2
        answers[SOUP_MIRROR] = (of_soup + tuned.probabilities(soup, rows, mirrored=True)) / 2
        found = {name: judged(answer, labels, val) for name, answer in answers.items()}
        say(f"{self.name} {seed}: " + ", ".join(f"{n} {f['test_accuracy']:.4f}" for n, f in found.items()))
        return {
            "seed": seed,
            "images": [len(division.train), len(division.val), len(division.test)],
            "values": [round(one.value, 4) for one in trained],
            "trials_in_the_soup": [order[place] for place in members],
            "seconds": {name: round(value, 2) for name, value in seconds.items()},
            "found": {name: {k: round(v, 5) for k, v in one.items()} for name, one in found.items()},
        }


def trials(network: Network, images: int, epochs: int | None, seed: int) -> list[TrialSpec]:
    """The trials of a division, which tune everything after the first third of the network."""
    candidate = network.candidate
    steps = schedule(images, 32, epochs)
    views = max(MIN_VIEWS, round(steps / steps_per_epoch(images, 32) / 3))
    return [
        TrialSpec(
            backbone=candidate.backbone,
            weights=candidate.weights,
            image_size=candidate.image_size,
            depth=candidate.depth,
            freeze_depth=candidate.depth // 3,
            dropout=0.3,
            policy="standard",
            strength=strength,
            views=views,
            steps=steps,
            lr_suffix=rate,
            lr_head=1e-3,
            weight_decay=1e-3,
            seed=seed,
            depthwise_frozen=backend.has_slow_depthwise_gradient(),
        )
        for rate, strength in TRIALS
    ]


def judged(probabilities: AnyArray, labels: IntArray, val: int) -> dict[str, float]:
    """Accuracy and log loss of the answers (N, classes) for the first ``val`` images, and for the others if any."""
    found: dict[str, float] = {}
    for part, rows in (("val", slice(0, val)), ("test", slice(val, None))):
        if not len(labels[rows]):
            continue
        right = probabilities[rows].argmax(axis=1) == labels[rows]
        found |= {f"{part}_accuracy": float(right.mean()), f"{part}_loss": log_loss(probabilities[rows], labels[rows])}
    return found


def is_better(one: Judged, other: Judged) -> bool:
    """Whether validation images prefer ``one``."""
    return (one["val_accuracy"], -one["val_loss"]) > (other["val_accuracy"], -other["val_loss"])


def summarize(divisions: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each method gains over the best trial on test images, over divisions.

    ``points`` and its 95 % ``interval`` (None of a single division) are about using it always, ``points_where_kept``
    and ``interval_where_kept`` about using it where validation images prefer it, which is the share ``kept``. ``loss``
    is the mean change of the log loss.
    """
    rows: dict[str, dict[str, Any]] = {}
    for method in METHODS:
        pairs = [(row["found"][method], row["found"][SINGLE]) for row in divisions]
        gains = [100 * (one["test_accuracy"] - single["test_accuracy"]) for one, single in pairs]
        kept = [is_better(one, single) for one, single in pairs]
        used = [gain if keep else 0.0 for gain, keep in zip(gains, kept, strict=True)]
        rows[method] = {
            "points": round(fmean(gains), 2),
            "interval": _interval(gains),
            "kept": round(fmean(kept), 2),
            "points_where_kept": round(fmean(used), 2),
            "interval_where_kept": _interval(used),
            "loss": round(fmean(one["test_loss"] - single["test_loss"] for one, single in pairs), 4),
            "divisions": len(pairs),
        }
    return rows


def _interval(values: Sequence[float]) -> list[float] | None:
    if len(values) < 2:
        return None
    half = student_quantile(0.95, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return [round(fmean(values) - half, 2), round(fmean(values) + half, 2)]


def print_table(figures: Mapping[str, Any]) -> None:
    """The gain of each method on each data set, and on all together."""
    found = {**figures["datasets"], "together": figures["together"]}
    table = Table("points on test images", *found)
    for method in METHODS:
        cells = [f"{rows[method]['points']:+.2f} ({rows[method]['points_where_kept']:+.2f})" for rows in found.values()]
        table.add_row(method, *cells)
    console = Console(width=120)
    console.print(table)
    console.print("in brackets: used only where validation images prefer it", style="dim")


if __name__ == "__main__":
    sys.exit(main())
