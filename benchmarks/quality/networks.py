"""How much better are the features of larger networks of a family, and how much more do they cost?

    pip install ./plugins/tlsearch-efficientnet-lite
    python -m benchmarks.quality.networks DATASET ...

For each data set the same training images go through every network: at one size for all, at sizes at which all take the
same seconds (the larger a network, the smaller its images), and at the size that each was trained with. A linear probe
(as in the profile of a run) is cross-validated in five folds: on the last features, and on these joined with those of
the stage end that serves best. What a network gains over the first one is given with its standard error, over images.
Costs are seconds of the processor, which other processes on the machine hardly change: of a forward pass and of a
training step of what follows the middle cut, the networks taking turns; their medians, as multiples of the first
network's.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch import backend
from tlsearch.plugins import registry
from tlsearch.training.probe import PROBE_C, PROBE_ITERATIONS

BENCHMARK = "quality.networks"

NETWORKS = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
FOLDS = 5
BATCH = 32
SAME, EQUAL, OWN = "same size", "equal seconds", "own size"
"""One size for all networks; for each the size at which it computes as much as the first one at that size; and the one
that it was trained with."""
EQUAL_STEP = 8
"""Sizes of equal seconds are multiples of so many pixels."""

QUICK = {"image_size": 32, "images": 60, "default_sizes": False, "repeats": 1}
QUICK_IMAGES = {"train": 60, "val": 10}

Floats = npt.NDArray[np.float32]
Right = npt.NDArray[np.bool_]
"""Whether a probe tells each image, (N,)."""


@dataclass(frozen=True)
class Sample:
    """Training images of a data set: their files and their classes, class by class."""

    name: str
    files: tuple[Path, ...]
    labels: npt.NDArray[np.int64]

    def pixels(self, size: int) -> npt.NDArray[np.uint8]:
        """All images as squares, uint8 (N, size, size, 3)."""
        return np.stack([_decoded(file, size) for file in self.files])


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe and time the networks, compare and print."""
    options = _options(arguments)
    backend.prepare()
    extractors = [Extractor(name, kind, options.image_size) for name in NETWORKS for kind in _kinds(options)]
    with tempfile.TemporaryDirectory(prefix="tlsearch-networks-") as folder:
        datasets = options.dataset or [write_images(Path(folder) / "images", QUICK_IMAGES, 32, options.seed)]
        samples = [read_sample(dataset, options.images) for dataset in datasets]
        found = {sample.name: _probed(sample, extractors, options.seed) for sample in samples}
    figures = {
        "image_size": options.image_size,
        "folds": FOLDS,
        "images": {sample.name: len(sample.files) for sample in samples},
        "datasets": found,
        "costs": _costs(extractors, options),
    }
    _print_tables(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _kinds(options: argparse.Namespace) -> tuple[str, ...]:
    return (SAME, EQUAL, OWN) if options.default_sizes else (SAME, EQUAL)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="*", type=Path, help="folders with train/CLASS/IMAGE")
    parser.add_argument("--image-size", type=int, default=128, help="side in pixels for all networks (default 128)")
    parser.add_argument("--images", type=int, default=600, help="training images of each data set (default 600)")
    parser.add_argument("--no-default-sizes", dest="default_sizes", action="store_false", help="only --image-size")
    parser.add_argument("--repeats", type=int, default=9, help="timed turns of each network (default 9)")
    options = parse_options(parser, arguments, QUICK)
    if not {*NETWORKS} <= {entry.name for entry in registry.find_plugins("backbone")}:
        parser.error("install the larger networks: pip install ./plugins/tlsearch-efficientnet-lite")
    if not options.dataset and not options.quick:
        parser.error("name a data set, or --quick to make one up")
    return options


def read_sample(dataset: Path, images: int) -> Sample:
    """The first training images of each class in its share, by their names.

    Raises:
        ValueError: There are no images in ``dataset``/train.
    """
    classes = sorted(folder for folder in (dataset / "train").iterdir() if folder.is_dir())
    files = [sorted(file for file in folder.iterdir() if file.is_file()) for folder in classes]
    every = sum(map(len, files))
    if not every:
        raise ValueError(f"{dataset}/train holds no images in folders of classes")
    kept = [paths[: max(FOLDS, round(len(paths) * min(1.0, images / every)))] for paths in files]
    labels = np.repeat(np.arange(len(kept)), [len(paths) for paths in kept])
    return Sample(dataset.name, tuple(file for paths in kept for file in paths), labels)


def _decoded(file: Path, size: int) -> npt.NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


class Extractor:
    """A network that gives the average-pooled features of every stage end.

    Attributes:
        name: Its name.
        kind: ``SAME``, ``EQUAL`` or ``OWN``.
        size: The side of its input in pixels.
        ends: The names of the cut points, the last features last.
    """

    def __init__(self, name: str, kind: str, same_size: int) -> None:
        """Build the network ``name``; ``same_size`` is the size for ``SAME``."""
        import keras

        plugin = registry.load_plugin("backbone", name)
        self.name, self.kind = name, kind
        self.size: int = {
            SAME: same_size,
            EQUAL: equal_size(plugin, registry.load_plugin("backbone", NETWORKS[0]), same_size),
            OWN: plugin.default_image_size,
        }[kind]
        model = plugin.build(self.size, plugin.weights["imagenet"].path)
        ends = [cut for cut in plugin.cut_points(model) if cut.stage_end]
        self.ends = tuple(cut.name for cut in ends)
        images = keras.Input((self.size, self.size, 3))
        maps = keras.Model(model.input, [model.get_layer(cut.layer).output for cut in ends])(plugin.preprocess(images))
        self._network = keras.Model(images, [keras.layers.GlobalAveragePooling2D()(x) for x in maps])
        self._network.compile(jit_compile=False)

    def features(self, images: npt.NDArray[np.uint8]) -> dict[str, Floats]:
        """The features (N, C) of each stage end by its name."""
        starts = range(0, len(images), BATCH)
        parts = [self._network.predict_on_batch(images[at : at + BATCH].astype(np.float32)) for at in starts]
        return {name: np.concatenate([part[n] for part in parts]) for n, name in enumerate(self.ends)}


def equal_size(plugin: Any, first: Any, size: int) -> int:
    """The side in pixels at which a network computes about as much as the first one does at ``size``."""
    work, first_work = (one.work / one.default_image_size**2 for one in (plugin, first))
    fitting = round(size * math.sqrt(first_work / work) / EQUAL_STEP) * EQUAL_STEP
    return max(int(plugin.min_image_size), fitting)


def _probed(sample: Sample, extractors: Sequence[Extractor], seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """What a probe gets right with each network: by its name, and by how its size was chosen."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    firsts: dict[str, tuple[Right, Right]] = {}
    for one in extractors:
        last, joined, cut = probed(one.features(sample.pixels(one.size)), sample.labels, seed)
        first = firsts.setdefault(one.kind, (last, joined))
        row = {"size": one.size, "last": _rounded(last), "joined": _rounded(joined), "joined_with": cut}
        gains = {"last": gain(last, first[0]), "joined": gain(joined, first[1])}
        rows.setdefault(one.name, {})[one.kind] = {**row, "gains": gains}
        say(f"{sample.name}, {one.name}, {one.size} px: {row}, {gains}")
    return rows


def probed(features: dict[str, Floats], labels: npt.NDArray[np.int64], seed: int) -> tuple[Right, Right, str]:
    """Which images a probe tells that has not seen them.

    Returns:
        Those on the last features; those on these with the features of the other cut that serves best; and its name.
    """
    *inner, last = features
    joined = {name: _right(np.hstack([features[name], features[last]]), labels, seed) for name in inner}
    best = max(joined, key=lambda name: joined[name].sum())
    return _right(features[last], labels, seed), joined[best], best


def gain(right: Right, first: Right) -> tuple[float, float]:
    """The difference of two accuracies on the same images, and its standard error."""
    difference = right.astype(float) - first
    return round(float(difference.mean()), 4), round(float(difference.std() / math.sqrt(len(difference))), 4)


def _rounded(right: Right) -> float:
    return round(float(right.mean()), 4)


def _right(features: Floats, labels: npt.NDArray[np.int64], seed: int) -> Right:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=PROBE_C, max_iter=PROBE_ITERATIONS, tol=1e-2))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with backend.one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(cross_val_predict(probe, features, labels, cv=folds) == labels)


def _costs(extractors: Sequence[Extractor], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Seconds of the processor as multiples of the first network's, by what was timed and the network."""
    found = {}
    for kind in _kinds(options):
        passed = [one for one in extractors if one.kind == kind]
        found[f"forward pass, {kind}"] = _turns([_forward(one) for one in passed], options.repeats)
        if kind != OWN:
            found[f"training step, {kind}"] = _turns([_step(one.name, one.size) for one in passed], options.repeats)
    return found


def _turns(calls: Sequence[Callable[[], object]], repeats: int) -> dict[str, float]:
    seconds: list[list[float]] = [[] for _ in calls]
    for call in calls:  # compiles
        call()
    for _ in range(repeats):
        for call, times in zip(calls, seconds, strict=True):
            started = time.process_time()
            call()
            times.append(time.process_time() - started)
    first = median(seconds[0])
    return {name: round(median(times) / first, 2) for name, times in zip(NETWORKS, seconds, strict=True)}


def _forward(extractor: Extractor) -> Callable[[], object]:
    """A forward pass over a batch."""
    images = np.zeros((BATCH, extractor.size, extractor.size, 3), np.uint8)
    return lambda: extractor.features(images)


def _step(name: str, size: int) -> Callable[[], object]:
    """A training step of what follows the middle cut, with BatchNorm and depthwise kernels as they are."""
    import keras

    plugin = registry.load_plugin("backbone", name)
    model = plugin.build(size, plugin.weights["imagenet"].path)
    cut = plugin.cut_points(model)[plugin.hints.freeze_middle - 1]
    start = model.get_layer(cut.layer).output
    suffix = keras.Model(start, model.output)
    for layer in suffix.layers:
        layer.trainable = isinstance(layer, keras.layers.Conv2D)
    network = keras.Sequential([suffix, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
    network.compile(
        keras.optimizers.AdamW(1e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    features = np.zeros((BATCH, *start.shape[1:]), np.float32)
    labels = np.arange(BATCH) % 10
    return lambda: network.train_on_batch(features, labels)


def _print_tables(figures: dict[str, Any]) -> None:
    table = Table("data set", "network", "size", "last features", "joined")
    for dataset, found in figures["datasets"].items():
        for name, rows in found.items():
            for row in rows.values():
                joined = f"{row['joined']:.3f} ({row['joined_with']}) {100 * row['gains']['joined'][0]:+.1f} points"
                table.add_row(dataset, name, f"{row['size']} px", f"{row['last']:.3f}", joined)
    console = Console(width=120)
    console.print(table)
    costs = Table("cost", *NETWORKS)
    for kind, values in figures["costs"].items():
        costs.add_row(kind, *(f"{values[name]:.2f}" for name in NETWORKS))
    console.print(costs)


if __name__ == "__main__":
    sys.exit(main())
