"""Which pre-trained weights tell the classes of new images better: those of images like them, or of many others?

    python -m benchmarks.quality.choosing_weights GREY PHOTOGRAPHS --picture docs/choosing-weights.png

`tlsearch pretrain` trains one network on GREY, a folder of small grey pictures; the word fashion-mnist stands for
Fashion-MNIST, from the Debian package dataset-fashion-mnist. Then a linear
probe at every cut point measures what the features of the network tell, with these weights and with those of ImageNet
(the network's own), on PHOTOGRAPHS and on another grey data set of 28 px: the digits of scikit-learn. No probed image
was trained on. Scores are cross-validated accuracies, with their standard errors.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.common.fashion_mnist import FOLDER, write_class_folders
from benchmarks.common.loops.images import Images, fewer_images, find_network, read_images
from benchmarks.common.results import make_parser, parse_options, publish, read_result, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.figures.text import score
from tlsearch.config import RunConfig
from tlsearch.pipeline.pretrain import pretrain
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.report.charts import BASELINE, DPI, HEIGHT, INK, WIDTH, WINNER, style_axes
from tlsearch.utils.cache_folders import CACHE_VARIABLE
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.protocol import DescribePlugins, MeasureCandidate, OpenPool, ProfileCandidate

BENCHMARK = "quality.choosing_weights"

NAME = "grey"
"""What the trained weights are called."""

FASHION = "fashion-mnist"
"""The word that stands for Fashion-MNIST."""

DIGIT_SIDE = 28
"""Pixels to which the digits, of 8 px, are enlarged: as those of MNIST."""

QUICK = {"backbone": "efficientnet_lite0", "epochs": 1, "images": 60, "grey_size": 32, "photo_size": 32}

Figures = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, probe, print and draw."""
    options = _options(arguments)
    if options.draw_from:
        draw(read_result(options.draw_from).figures, options.picture)
        return 0
    with tempfile.TemporaryDirectory(prefix="tlsearch-choosing-") as temporary:
        folder = Path(temporary)
        found = measure(options, folder)
    _print_table(found)
    publish(BENCHMARK, options, found)
    if options.picture:
        draw(found, options.picture)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("grey", nargs="?", type=Path, help="small grey pictures to train on, or fashion-mnist")
    parser.add_argument("photographs", nargs="?", type=Path, help="photographs to probe on")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="the network (default efficientnet_lite0)")
    parser.add_argument("--weights", action="append", default=[], help="BACKBONE=FILE for its weights of ImageNet")
    parser.add_argument("--grey-images", type=int, default=6000, help="images of fashion-mnist (default 6000)")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the training (default 10)")
    parser.add_argument("--images", type=int, default=1500, help="images to probe on, at most (default 1500)")
    parser.add_argument("--grey-size", type=int, default=32, help="side of grey pictures in pixels (default 32)")
    parser.add_argument("--photo-size", type=int, default=96, help="side of photographs in pixels (default 96)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a PNG here")
    parser.add_argument("--draw-from", type=Path, metavar="RESULT", help="measure nothing: draw this result")
    options = parse_options(parser, arguments, QUICK)
    if options.draw_from and not options.picture:
        parser.error("--draw-from needs --picture FILE")
    if not (options.photographs or options.quick or options.draw_from):
        parser.error("name two data sets, or --quick to make them up")
    return options


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train on the grey pictures, and probe both weights on both targets."""
    grey = options.grey or write_images(folder / "made-up-grey", {"": 300}, 32, options.seed)
    if str(grey) == FASHION:
        if not FOLDER.exists():
            raise SystemExit(f"Fashion-MNIST is not in {FOLDER}: install the Debian package dataset-fashion-mnist.")
        grey = write_class_folders(FOLDER, folder / FASHION, options.grey_images)
    photographs = options.photographs or write_images(folder / "made-up-photographs", {"": 300}, 64, options.seed + 1)
    targets = [(photographs, options.photo_size), (write_digits(folder / "digits"), options.grey_size)]
    began = time.monotonic()
    with _cache_in(folder / "cache"):
        record = _train(grey, options, folder)
        trained_in = time.monotonic() - began
        found = {}
        for target, size in targets:
            (place := folder / f"probe-{target.name}").mkdir()
            found[target.name] = _probe(target, size, options, place)
    return {
        "backbone": options.backbone,
        "source": _source(record, trained_in),
        "targets": found,
        "seconds": round(time.monotonic() - began, 1),
    }


def _source(record: TrainedWeights, seconds: float) -> dict[str, Any]:
    return {
        "name": record.dataset,
        "images": record.images,
        "classes": len(record.classes),
        "image_size": record.image_size,
        "epochs": record.epochs,
        "accuracy": round(record.accuracy, 4),
        "accuracy_ci95": [round(end, 4) for end in record.accuracy_ci95],
        "held_out": record.held_out,
        "seconds": round(seconds, 1),
    }


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """The cache folder of this process and its workers, so that no weights are left behind."""
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(CACHE_VARIABLE)
        if before is not None:
            os.environ[CACHE_VARIABLE] = before


def _train(grey: Path, options: argparse.Namespace, folder: Path) -> TrainedWeights:
    config = PretrainConfig(
        dataset=grey,
        backbones=(options.backbone,),
        name=NAME,
        epochs=options.epochs,
        image_size=options.grey_size,
        augment=("none",),
        seed=options.seed,
        output=folder / "training",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
    )
    return pretrain(config, _Progress())


class _Progress:
    """A reporter that prints lines."""

    def say(self, step: str, text: str) -> None:
        say(f"{step}: {text}")

    def warn(self, text: str) -> None:
        say(f"note: {text}")

    def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
        """Nothing moves here."""


def _probe(target: Path, size: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Accuracy by depth of both weights on one data set."""
    images = fewer_images(read_images(target, size, options.seed, folder), options.images, options.seed)
    probes: dict[str, list[list[float]]] = {}
    cuts: list[str] = []
    with WorkerClient(folder / "worker.log") as worker:
        plugins = worker.send(DescribePlugins())
        worker.send(_pool(images, folder / "store"))
        for name, backbone in (("ImageNet", options.backbone), (NAME, f"{options.backbone}@{NAME}")):
            found = find_network(plugins, backbone, options.weights if name == "ImageNet" else (), size)
            candidate = replace(found, backbone=options.backbone)
            facts = worker.send(MeasureCandidate(candidate=candidate, train_at=1.0, slowest=0.0))
            request = ProfileCandidate(
                candidate=facts.candidate, train=tuple(map(int, images.train)), seed=options.seed
            )
            probes[name] = [[round(accuracy, 4), round(error, 4)] for accuracy, error in worker.send(request)]
            cuts = [cut.name for cut in facts.cuts]
            say(f"{target.name} with {name}: {' '.join(score(accuracy) for accuracy, _ in probes[name])}")
    return {
        "images": len(images.train),
        "classes": len(images.classes),
        "image_size": size,
        "cuts": cuts,
        "probes": probes,
    }


def _pool(images: Images, store: Path) -> OpenPool:
    return OpenPool(**images.pool(), cache_dir=store, cache_limit=RunConfig.cache_limit, metric="accuracy")


def write_digits(folder: Path) -> Path:
    """Write the handwritten digits of scikit-learn, enlarged to 28 px, as class folders of PNG files; gives them."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(np.asarray(pixels * (255 / 16), np.uint8))
        small.resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BICUBIC).save(place / f"{number:04}.png")
    return folder


def best(probe: Sequence[Sequence[float]]) -> tuple[int, float, float]:
    """The cut point (from 1) at which a probe is most accurate, its accuracy and its standard error."""
    at = max(range(len(probe)), key=lambda n: probe[n][0])
    return at + 1, probe[at][0], probe[at][1]


def _print_table(found: Figures) -> None:
    source = found["source"]
    table = Table("images", "weights", "best", "after", "last cut")
    for name, target in found["targets"].items():
        for weights, probe in target["probes"].items():
            at, accuracy, _ = best(probe)
            table.add_row(name, weights, score(accuracy), target["cuts"][at - 1], score(probe[-1][0]))
    console = Console(width=110)
    console.print(f"{found['backbone']}: {NAME} is {source['name']}, accuracy {source['accuracy']:.3f} there")
    console.print(table)


def draw(found: Figures, file: Path) -> None:
    """A PNG in the report's style: for each target the accuracy of a linear probe by depth, a line for each weights."""
    from matplotlib.figure import Figure

    targets = found["targets"]
    styles = {"ImageNet": ("trained on ImageNet", WINNER), NAME: (f"trained on {found['source']['name']}", BASELINE)}
    figure = Figure(figsize=(WIDTH * len(targets), HEIGHT + 0.7), layout="constrained", facecolor="white")
    for axes, (name, target) in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets.items(), strict=True):
        style_axes(axes, "block, counted from the input", "accuracy of a linear probe")
        for weights, probe in target["probes"].items():
            label, color = styles[weights]
            depths = range(1, len(probe) + 1)
            low, high = ([accuracy + sign * error for accuracy, error in probe] for sign in (-1, 1))
            axes.fill_between(depths, low, high, color=color, alpha=0.18, linewidth=0)
            axes.plot(depths, [a for a, _ in probe], color=color, linewidth=1.8, marker="o", markersize=3, label=label)
            top, accuracy, _ = best(probe)
            axes.plot([top], [accuracy], color=color, marker="o", markersize=7)
        axes.set_title(f"{name}: {target['images']:,} images at {target['image_size']} px", color=INK, fontsize=10)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, labelcolor=INK, fontsize=9)
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
