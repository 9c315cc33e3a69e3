"""Which way to make a heat map finer gives the best boxes, at small and at usual sizes of pictures?

    python -m benchmarks.use.maps.finer_maps examples/clothing --sides 64 96 128 224 --seeds 3

Photographs are pasted somewhere onto random waves, so that their boxes are known (``use.localisation``). Each seed
has pictures of its own, with small, middle or large things in turn. The network is EfficientNet-Lite0, frozen, with a
linear head on its pooled features. Each way to make a map chooses its threshold on validation pictures and is scored on
test pictures. Differences are paired. Scores with one threshold for all sizes say what a model has that knows no boxed
pictures; that threshold is chosen on the validation pictures of all sides and seeds together.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.use.localisation import write_pictures
from benchmarks.use.maps.ways import WAYS, Earlier, Maps, Networks, each
from tlsearch.data.images.decode import read_square
from tlsearch.data.sources import read_source
from tlsearch.data.usable import label_of
from tlsearch.explain.boxed_images import BoxedImages, read_boxed
from tlsearch.explain.boxes import clipped, hot_boxes, hottest, placed
from tlsearch.explain.localise import THRESHOLDS
from tlsearch.models.heads import Head
from tlsearch.plugins import registry
from tlsearch.predictor import Predictor, load
from tlsearch.stats.claims import Estimate
from tlsearch.stats.localisation import (
    Localised,
    as_rows,
    best_column,
    box_accuracy,
    gain,
    lies_in,
    overlap,
    scores,
)
from tlsearch.training.linear_head import LabelledImages, fit_linear_head
from tlsearch.types import BoolArray, Float32Array, Float64Array

BENCHMARK = "use.maps.finer_maps"

THINGS = ((0.3, 0.45), (0.5, 0.7), (0.7, 0.95))
"""The longer side of a thing as a share of the height, by seed."""

COPIES = {"train": 1, "val": 1, "test": 2}
"""Pictures that are made of each photograph."""

CUT = "block10_add"
"""The cut point of EfficientNet-Lite0 with twice as many places a side as its last one."""

QUICK = {
    "sides": [64],
    "seeds": 1,
    "ways": ["as it is", "read 2 times as large", "shifted by half a place", "earlier cut"],
}
QUICK_IMAGES = {"train": 120}


@dataclass(kw_only=True)
class Gathered:
    """What one way found in all pictures of one side: test pictures, and boxes of validation pictures by threshold."""

    hits: list[BoolArray] = field(default_factory=list)
    chosen: list[Float64Array] = field(default_factory=list)
    overlaps: list[Float64Array] = field(default_factory=list)
    choosing: list[Float64Array] = field(default_factory=list)
    classes: list[Any] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Paste, train, look, score, print."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, metavar="DATASET", help="photographs in class folders")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96, 128, 224])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what was seen there, and take it from there")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="WAY")
    options = parse_options(parser, arguments, QUICK)
    if options.dataset is None and not options.quick:
        parser.error("name a folder of photographs in class folders")
    found: dict[int, dict[str, Gathered]] = {}
    with tempfile.TemporaryDirectory(prefix="tlsearch-finer-maps-") as folder:
        work, source = Path(folder), options.dataset
        if options.quick:
            source = write_images(work / "photographs", QUICK_IMAGES, 64, options.seed) / "train"
        for side in options.sides:
            found[side] = {way: Gathered() for way in options.ways}
            for seed in range(options.seed, options.seed + options.seeds):
                _gather(found[side], _seen(options, source, work, side, seed))
    seeds = range(options.seed, options.seed + options.seeds)
    figures = {"things": [list(THINGS[seed % len(THINGS)]) for seed in seeds], **_figures(found)}
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _gather(found: Mapping[str, Gathered], arrays: Mapping[str, Any]) -> None:
    """Add what was seen in the pictures of one seed."""
    for way, gathered in found.items():
        choosing, overlaps, hits = (arrays[f"{way}: {what}"] for what in ("choosing", "overlaps", "hits"))
        gathered.choosing.append(choosing)
        gathered.overlaps.append(overlaps)
        gathered.chosen.append(overlaps[:, best_column(choosing)])
        gathered.hits.append(hits)
        gathered.classes.append(arrays["classes"])
        gathered.groups.append(arrays["groups"])


def _seen(options: argparse.Namespace, source: Path, work: Path, side: int, seed: int) -> Mapping[str, Any]:
    """What every way sees in the pictures of one seed: computed, or as it was kept."""
    kept = None if options.keep is None else options.keep / f"{side}-{seed}.npz"
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    arrays = _look(source, work / f"{side}-{seed}", side, seed, options.ways)
    say(f"{side} px, seed {seed}: done")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **arrays)
    return arrays


def _look(source: Path, work: Path, side: int, seed: int, ways: Sequence[str]) -> dict[str, Any]:
    """Make pictures and a model, and look at the pictures in every way."""
    pictures = write_pictures(source, work / "pictures", seed, THINGS[seed % len(THINGS)], COPIES)
    network = train(pictures / "train", work / "model", side)
    dataset = read_boxed(pictures, network.predictor.labels)
    choosing, scored = dataset.choosing, dataset.scored
    maps = [Maps(network, images.files, np.array(images.classes)) for images in (choosing, scored)]
    # Pictures of one photograph belong together, also those of different seeds.
    groups = [f"{file.parent.name}/{file.stem.partition('-')[0]}" for file in scored.files]
    found: dict[str, Any] = {"classes": np.array(scored.classes), "groups": np.array(groups)}
    for way in ways:
        found[f"{way}: choosing"], _ = _boxes(network.predictor, choosing, WAYS[way](maps[0]))
        found[f"{way}: overlaps"], found[f"{way}: hits"] = _boxes(network.predictor, scored, WAYS[way](maps[1]))
    return found


def train(folder: Path, target: Path, side: int) -> Networks:
    """Write and load a model folder: the frozen network with a linear head fitted on the pictures of a folder."""
    lite0 = registry.load_plugin("backbone", "efficientnet_lite0")
    items = list(read_source(folder).items)
    names = sorted({label_of(item) for item in items})
    backbone = lite0.build(side, lite0.weights["imagenet"].path)
    pixels = keras.Input((side, side, 3), name="rgb")
    scaled = lite0.preprocess(pixels)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(scaled, training=False))
    squares = np.stack([read_square(item.file, side, side) for item in items]).astype(np.float32)
    features = np.asarray(keras.Model(pixels, pooled).predict(squares, batch_size=32, verbose=0), np.float32)
    labels = np.array([names.index(label_of(item)) for item in items])
    images = LabelledImages(labels, np.arange(len(labels)), len(names))
    weights, _ = fit_linear_head(features, images, 0, None)
    head = Head.of(weights, len(names))
    logits = head.exported(pooled)
    model = keras.Model(pixels, keras.layers.Softmax(name="probabilities")(logits))
    target.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(target / "model.keras")
    (target / "labels.json").write_text(json.dumps(names))
    config = {"image_size": side, "decode_size": side, "backbone": "efficientnet_lite0"}
    (target / "config.json").write_text(json.dumps(config))
    cut = backbone.get_layer(CUT).output
    rest = keras.Model(cut, backbone.output)
    entry = keras.Input(cut.shape[1:])
    ending = head(keras.layers.GlobalAveragePooling2D()(rest(entry, training=False)))
    begun = keras.Model(pixels, keras.Model(backbone.input, cut)(scaled, training=False))
    return Networks(load(target), Earlier(begun, keras.Model(entry, ending)))


def _boxes(predictor: Predictor, images: BoxedImages, maps: Float32Array) -> tuple[Float64Array, BoolArray]:
    """Overlaps (N, thresholds) of boxes from maps with those that are known; whether the hottest point is in one."""
    overlaps, hits = [], []
    for size, drawn, heat in zip(images.sizes, images.boxes, each(maps), strict=True):
        boxes, place = as_rows([box.corners for box in drawn]), placed(predictor, size)
        edges = clipped(place.to_original(hot_boxes(heat, THRESHOLDS)[0]), size)
        overlaps.append(overlap(edges, boxes).max(axis=-1))
        hits.append(lies_in(place.to_original(hottest(heat)[0]), boxes))
    return np.array(overlaps), np.array(hits, np.bool_)


def _figures(found: Mapping[int, Mapping[str, Gathered]]) -> dict[str, Any]:
    ways = list(next(iter(found.values())))
    defaults = {}
    for way in ways:
        pooled = np.concatenate([part for gathered in found.values() for part in gathered[way].choosing])
        defaults[way] = best_column(pooled)
    rows = []
    for side, by_way in found.items():
        plain = _localised(by_way[ways[0]])
        for way, gathered in by_way.items():
            rows.append({"side": side, "way": way, **_row(gathered, plain, defaults[way])})
    return {
        "ways": ways,
        "sides": list(found),
        "images": len(np.concatenate(next(iter(found.values()))[ways[0]].hits)),
        "defaults": {way: THRESHOLDS[column] for way, column in defaults.items()},
        "rows": rows,
    }


def _localised(gathered: Gathered, column: int | None = None) -> Localised:
    """All test pictures, with thresholds that were chosen for each seed, or with one."""
    parts = gathered.chosen if column is None else [overlaps[:, column] for overlaps in gathered.overlaps]
    return Localised(hits=np.concatenate(gathered.hits), overlaps=np.concatenate(parts))


def _row(gathered: Gathered, plain: Localised, default: int) -> dict[str, Any]:
    classes = np.concatenate(gathered.classes)
    groups = np.unique(np.concatenate(gathered.groups), return_inverse=True)[1]
    own = _localised(gathered)
    found, gained = scores(own, classes, groups), gain(own, plain, classes, groups)
    by_seed = [round(float(box_accuracy(part).mean()), 4) for part in gathered.chosen]
    return {
        "pointing": _plain(found.pointing),
        "box_accuracy": _plain(found.box_accuracy),
        "box_accuracy_default": _plain(scores(_localised(gathered, default), classes, groups).box_accuracy),
        "box_accuracy_by_seed": by_seed,
        "pointing_gain": _plain(gained.pointing),
        "box_accuracy_gain": _plain(gained.box_accuracy),
    }


def _plain(one: Estimate) -> dict[str, Any]:
    return {"value": round(one.value, 4), "ci95": [round(end, 4) for end in one.ci95]}


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    keys = ("pointing", "box_accuracy", "box_accuracy_gain", "box_accuracy_default")
    table = Table("px", "map", *(key.replace("_", " ") for key in keys), "by seed")
    for row in figures["rows"]:
        cells = ["{:.3f} [{:.3f} {:.3f}]".format(row[key]["value"], *row[key]["ci95"]) for key in keys]
        table.add_row(str(row["side"]), row["way"], *cells, " ".join(map(str, row["box_accuracy_by_seed"])))
    Console(stderr=True, width=170).print(table)


if __name__ == "__main__":
    sys.exit(main())
