"""How long does a training step of a suffix take by tlsearch, and by bare loops of Keras and PyTorch?

    python -m benchmarks.speed.suffix_step --image-size 160

A step is that of one batch of stored features, through everything after the 6th of the 18 cuts of EfficientNet-Lite0:
forward, backward, AdamW. tlsearch makes it as its trials do. The bare loops train every kernel, with BatchNorm in
inference mode too: Keras on TensorFlow, not compiled by XLA, which makes these steps slower on a processor; and PyTorch
with timm's network (`pip install torch timm`; left out where they are missing), in its default layout of memory and in
channels-last. Both in float32 and in bfloat16 where the library's own rules allow it. The networks have the same
weights; PyTorch's pooled features must be those of Keras. The ways take turns. What a way takes is the median over
turns, and a ratio is the median of those of the same turn. Reading and rendering of images is left out everywhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.loops.images import find_network
from benchmarks.common.loops.torch_suffix import RATE, WEIGHT_DECAY, TorchSuffix, has_torch
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.quality.depthwise import DEPTH, FROZEN, NETWORK, trial
from tlsearch import backend
from tlsearch.features.prefix import Network
from tlsearch.models import partition
from tlsearch.models.build import build_suffix, in_inference_mode
from tlsearch.models.cuts import maps, pools
from tlsearch.models.heads import Head
from tlsearch.plugins.facts import describe_plugins
from tlsearch.training.compiled import compile_model
from tlsearch.types import AnyArray
from tlsearch.worker.state import backbone_plugin

BENCHMARK = "speed.suffix_step"

TLSEARCH = "tlsearch"
CLASSES, DROPOUT = 10, 0.3
ALIKE = 1e-3
"""The largest relative distance (L2) between the features of both libraries; they sum in another order."""

QUICK = {"image_size": 32, "turns": 1, "steps": 1, "batch": 4}

Call = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Time, compare and print."""
    options = _options(arguments)
    with_torch = has_torch()
    backend.prepare()
    suffix = Suffix(options.image_size, options.batch, options.seed)
    ways = {TLSEARCH: suffix.as_a_trial(), **suffix.keras_ways()}
    if with_torch:
        ways |= _torch_ways(suffix)
    else:
        say("PyTorch is left out: torch or timm is not installed")
    seconds = take_turns(ways, options.turns, options.steps)
    figures = {
        "network": NETWORK,
        "image_size": options.image_size,
        "frozen": FROZEN,
        "cuts": DEPTH,
        "batch": options.batch,
        "turns": options.turns,
        "steps": options.steps,
        **compared(seconds),
    }
    _print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("--image-size", type=int, default=160, help="side in pixels (default 160)")
    parser.add_argument("--batch", type=int, default=32, help="images of a step (default 32)")
    parser.add_argument("--turns", type=int, default=9, help="timed turns of each way (default 9)")
    parser.add_argument("--steps", type=int, default=5, help="steps of a turn (default 5)")
    return parse_options(parser, arguments, QUICK)


class Suffix:
    """The later two thirds of the network, and a batch of features of made-up images for them."""

    def __init__(self, size: int, batch: int, seed: int) -> None:
        """Build the network and compute the features."""
        self.plugin = backbone_plugin(NETWORK)
        candidate = find_network(describe_plugins(), NETWORK, [], size)
        generator = np.random.default_rng(seed)
        pixels = generator.uniform(0, 255, (batch, size, size, 3)).astype(np.float32)
        network = Network(self.plugin, candidate, None, None)
        self.cuts = network.inspect(pixels)
        self.policy = network.precision
        self.candidate = replace(candidate, depth=len(self.cuts))
        exact = Network(self.plugin, self.candidate, self.cuts, backend.FLOAT32)
        (cut,), (last,) = maps(FROZEN), pools(DEPTH)
        found = exact.compute(0, (cut, last), pixels)
        self.features: AnyArray = found[cut].astype(np.float32)
        self.pooled: AnyArray = found[last][..., self.cuts[-1].columns("avg")]
        self.labels = generator.integers(0, CLASSES, batch)
        self.one_hot = np.eye(CLASSES, dtype=np.float32)[self.labels]

    def as_a_trial(self) -> Call:
        """A step as tlsearch's trials make it."""
        spec = trial(1000, self.candidate.image_size, 1, 0, backend.has_slow_depthwise_gradient())
        head = Head(0, DROPOUT, CLASSES, 0)
        parts = build_suffix(self.plugin, self.candidate, self.cuts, spec, head, self.policy)
        optimizer = compile_model(parts.model, spec, parts.suffix_variables, parts.head_variables)

        def step() -> None:
            optimizer.set_rates(spec.lr_suffix, spec.lr_head)
            parts.model.train_on_batch(self.features, self.one_hot)

        return step

    def keras_ways(self) -> dict[str, Call]:
        """Steps of Keras' own, in float32 and under its policy for bfloat16."""
        return {f"Keras, {policy}": self._keras(policy) for policy in (backend.FLOAT32, backend.MIXED_BFLOAT16)}

    def _keras(self, policy: str) -> Call:
        import keras

        file = self.plugin.weights["imagenet"].path
        network = partition.build(self.plugin, self.candidate.image_size, file, policy)
        part = partition.suffix(network, self.cuts, FROZEN)
        assert part is not None
        x = keras.Input(self.features.shape[1:])
        pooled = keras.layers.GlobalAveragePooling2D()(in_inference_mode(part)(x))
        logits = keras.layers.Dense(CLASSES)(keras.layers.Dropout(DROPOUT)(keras.ops.cast(pooled, "float32")))
        model = keras.Model(x, logits)
        model.compile(
            keras.optimizers.AdamW(RATE, weight_decay=WEIGHT_DECAY),
            keras.losses.CategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        return lambda: model.train_on_batch(self.features, self.one_hot)


def _torch_ways(suffix: Suffix) -> dict[str, Call]:
    pooled = TorchSuffix(FROZEN, CLASSES, DROPOUT).pooled(suffix.features)
    distance = np.linalg.norm(pooled - suffix.pooled) / np.linalg.norm(suffix.pooled)
    if distance > ALIKE:
        raise SystemExit(f"PyTorch's features differ from those of Keras by {distance:.2g}")
    say(f"PyTorch's features differ from those of Keras by {distance:.1e}")
    ways: dict[str, Call] = {}
    for layout in ("default layout", "channels-last"):
        for dtype in ("float32", "bfloat16"):
            made = TorchSuffix(FROZEN, CLASSES, DROPOUT)
            channels_last, bfloat16 = layout == "channels-last", dtype == "bfloat16"
            ways[f"PyTorch, {layout}, {dtype}"] = made.trainer(suffix.features, suffix.labels, channels_last, bfloat16)
    return ways


def take_turns(ways: Mapping[str, Call], turns: int, steps: int) -> dict[str, list[float]]:
    """The seconds of a step of each way in each turn; a turn that warms up comes before."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(turns + 1):
        for way, call in ways.items():
            call()  # the threads of the way before go to sleep meanwhile
            started = time.perf_counter()
            for _ in range(steps):
                call()
            if turn:
                seconds[way].append((time.perf_counter() - started) / steps)
    return seconds


def compared(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The medians, which of the others is best by them, and tlsearch's share of the time of each."""
    medians = {way: median(times) for way, times in seconds.items()}
    ours = seconds[TLSEARCH]
    shares = {
        way: round(median(own / its for own, its in zip(ours, times, strict=True)), 3) for way, times in seconds.items()
    }
    return {
        "milliseconds": {way: round(1000 * value, 1) for way, value in medians.items()},
        "share_of_the_time": shares,
        "best_other": min((way for way in medians if way != TLSEARCH), key=lambda way: medians[way]),
    }


def _print_table(figures: Mapping[str, Any]) -> None:
    table = Table("way", "ms a step", "tlsearch's share of its time")
    for way, value in figures["milliseconds"].items():
        table.add_row(way, str(value), str(figures["share_of_the_time"][way]))
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
