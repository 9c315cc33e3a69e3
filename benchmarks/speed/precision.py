"""Where is bfloat16 faster than float32 on this machine, and does it change what a network tells?

    python -m benchmarks.speed.precision --images DATASET --weights vgg16=FILE --network vgg16@224 ...

Every network computes the same batches three ways: in float32 as a run does it (with BatchNorm folded into constants on
a CPU), under Keras' policy mixed_bfloat16, and in float32 graphs that TensorFlow's optimizer of graphs turns into
bfloat16 where it thinks it safe (auto_mixed_precision_onednn_bfloat16). Timed are the forward pass of the whole
backbone and a training step of what follows the middle cut, as trials make it. The ways take turns; a ratio is the
median over turns of the seconds of float32 over those of the other way in the same turn, above 1 where the other is
faster. Seconds are those of the processor, which other processes on the machine hardly change. The distance of features
from those of float32 is relative (L2), and the probe is the linear probe of a run's profile, cross-validated on the
images of a data set. Networks without weights here have random ones, which changes no time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.images import Images, fewer_images, find_network, read_images
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch import backend
from tlsearch.errors import TlsearchError
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.models import partition
from tlsearch.models.build import build_suffix
from tlsearch.models.cuts import Cuts, maps, pools
from tlsearch.models.heads import Head
from tlsearch.plugins.api import Backbone, TrainingHints
from tlsearch.plugins.facts import PluginFacts, describe_plugins
from tlsearch.training.compiled import compile_model
from tlsearch.training.probe import told_right
from tlsearch.types import AnyArray, Candidate, TrialSpec
from tlsearch.worker.state import backbone_plugin

BENCHMARK = "speed.precision"

FLOAT32, POLICY, REWRITTEN = "float32", "mixed_bfloat16", "rewritten graph"
WAYS = (FLOAT32, POLICY, REWRITTEN)

NETWORKS = ("vgg16@224", "efficientnet_lite0@160", "efficientnet_lite0@224", "resnet50@224", "mobilenet_v3_large@224")

QUICK = {"network": ["efficientnet_lite0@32"], "turns": 1}
QUICK_IMAGES = {"": 60}

Call = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Time, compare and print."""
    options = _options(arguments)
    backend.prepare()
    facts = describe_plugins()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="tlsearch-precision-") as folder:
        dataset = options.images or write_images(Path(folder) / "images", QUICK_IMAGES, 32, options.seed)
        for number, text in enumerate(options.network or NETWORKS):
            place = Path(folder) / str(number)
            place.mkdir()
            name, _, size = text.partition("@")
            images = fewer_images(read_images(dataset, int(size), options.seed, place), options.probed, options.seed)
            with backend.one_model():
                found[text] = _compared(_candidate(facts, name, int(size), options.weights), images, options)
            say(f"{text}: {found[text]}")
    figures = {"batch": EXTRACT_BATCH, "turns": options.turns, "networks": found}
    _print_table(found)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=Path, metavar="DATASET", help="a folder of class folders (default: made up)")
    parser.add_argument("--weights", action="append", default=[], metavar="BACKBONE=FILE", help="as for `tlsearch run`")
    parser.add_argument(
        "--network", nargs="+", metavar="NAME@PIXELS", help=f"backbones and sizes (default {' '.join(NETWORKS)})"
    )
    parser.add_argument("--turns", type=int, default=5, help="timed turns of each way (default 5)")
    parser.add_argument("--probed", type=int, default=300, help="images whose features are compared (default 300)")
    return parse_options(parser, arguments, QUICK)


def _candidate(facts: PluginFacts, name: str, size: int, weights: Sequence[str]) -> Candidate:
    """The network with its weights, or with random ones where none can be had."""
    try:
        return find_network(facts, name, weights, size)
    except TlsearchError as error:
        say(f"{name} has random weights: {error}")
        return Candidate(backbone=name, weights=None, weights_file=None, weights_id="", image_size=size, depth=0)


def _compared(candidate: Candidate, images: Images, options: argparse.Namespace) -> dict[str, Any]:
    """All that is measured of one network."""
    plugin = backbone_plugin(candidate.backbone)
    sample = np.resize(images.pixels[:EXTRACT_BATCH], (EXTRACT_BATCH, *images.pixels.shape[1:])).astype(np.float32)
    chooser = Network(plugin, candidate, None, None)
    cuts = chooser.inspect(sample)
    candidate = replace(candidate, depth=len(cuts))
    networks = {way: Network(plugin, candidate, cuts, _policy(way)) for way in WAYS}
    last = pools(len(cuts))
    passes = {way: _pass(network, last, sample) for way, network in networks.items()}
    features = {way: _features(networks[way], way, images) for way in WAYS if candidate.weights}
    return {
        "weights": candidate.weights or "random",
        "share_of_arithmetic": round(partition.arithmetic_share(networks[FLOAT32].model), 2),
        "chosen": chooser.precision,
        "forward": _turns(passes, options.turns),
        "step": _turns({way: _step(plugin, candidate, cuts, way, sample) for way in WAYS}, options.turns),
        "distance": {way: _distance(values, features[FLOAT32]) for way, values in features.items()},
        "probe": {way: _probe(values, images) for way, values in features.items()},
        "images": len(images.labels),
    }


def _policy(way: str) -> str:
    return backend.MIXED_BFLOAT16 if way == POLICY else backend.FLOAT32


@contextmanager
def _rewriting(way: str) -> Iterator[None]:
    """Have TensorFlow rewrite the graphs that are called in the block; it is asked at every call."""
    import tensorflow as tf

    if way != REWRITTEN:
        yield
        return
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})


def _pass(network: Network, wanted: Any, sample: AnyArray) -> Call:
    """A forward pass of a batch."""
    return lambda: network.compute(0, wanted, sample)


def _features(network: Network, way: str, images: Images) -> AnyArray:
    """The pooled features of all images behind the whole network, float32 (N, d)."""
    (feature,) = wanted = pools(len(network.cuts))
    with _rewriting(way):
        parts = [
            np.asarray(network.compute(0, wanted, images.pixels[at : at + EXTRACT_BATCH])[feature], np.float32)
            for at in range(0, len(images.labels), EXTRACT_BATCH)
        ]
    return np.concatenate(parts)


def _step(plugin: Backbone, candidate: Candidate, cuts: Cuts, way: str, sample: AnyArray) -> Call:
    """A training step of what follows the middle cut, as trials make it."""
    hints = getattr(plugin, "hints", TrainingHints())
    depth = hints.freeze_middle or len(cuts) // 2
    policy = _policy(way)
    network = Network(plugin, candidate, cuts, policy)
    (feature,) = wanted = maps(depth)
    x = network.compute(0, wanted, sample)[feature].astype(np.float32)
    spec = TrialSpec(
        backbone=candidate.backbone,
        weights="any",  # as a pre-trained network is trained, with BatchNorm in inference mode
        image_size=candidate.image_size,
        depth=len(cuts),
        freeze_depth=depth,
        weight_decay=1e-3,
        depthwise_frozen=backend.has_slow_depthwise_gradient(),
    )
    parts = build_suffix(plugin, candidate, cuts, spec, Head(0, 0.0, 2, 0), policy)
    optimizer = compile_model(parts.model, spec, parts.suffix_variables, parts.head_variables)
    y = np.eye(2, dtype=np.float32)[np.arange(len(x)) % 2]

    def step() -> None:
        optimizer.set_rates(1e-4, 1e-4)
        parts.model.train_on_batch(x, y)

    return step


def _turns(calls: Mapping[str, Call], turns: int) -> dict[str, dict[str, float]]:
    """For each way the median seconds of a call, and the median of its ratios to float32."""
    seconds: dict[str, list[float]] = {way: [] for way in calls}
    for turn in range(turns + 1):
        for way, call in calls.items():
            with _rewriting(way):
                if turn == 0:  # compiles
                    call()
                started = time.process_time()
                call()
                if turn:
                    seconds[way].append(time.process_time() - started)
    return {
        way: {
            "seconds": round(median(times), 3),
            "ratio": round(median(base / own for base, own in zip(seconds[FLOAT32], times, strict=True)), 2),
        }
        for way, times in seconds.items()
    }


def _distance(features: AnyArray, exact: AnyArray) -> float:
    """The relative distance to two digits."""
    return float(f"{np.linalg.norm(features - exact) / np.linalg.norm(exact):.2g}")


def _probe(features: AnyArray, images: Images) -> float:
    """Accuracy of the linear probe of a profile, cross-validated."""
    right = told_right([features], np.asarray(images.labels), np.asarray(images.groups), 0)
    return round(float(right.mean()), 4)


def _print_table(found: Mapping[str, Mapping[str, Any]]) -> None:
    kinds = [(what, way) for what in ("forward", "step") for way in WAYS[1:]]
    table = Table("network", "arithmetic", "a run takes", *(f"{what}, {way}" for what, way in kinds))
    for name, row in found.items():
        ratios = [f"{row[what][way]['ratio']:.2f}" for what, way in kinds]
        table.add_row(name, f"{row['share_of_arithmetic']:.2f}", row["chosen"], *ratios)
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
