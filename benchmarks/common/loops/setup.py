"""What the comparisons of loops share: their options, and everything that is made ready before the clock starts."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.loops.images import Images, fewer_images, find_network, read_images
from benchmarks.common.loops.tlsearch_loop import TlsearchLoop
from benchmarks.common.loops.trial_kinds import FROZEN, KINDS, LAST_BLOCK_AUGMENTED, draw_trials, last_block
from benchmarks.common.results import make_parser, parse_options, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.backend import prepare
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.protocol import DescribePlugins

QUICK = {
    "image_size": 32,
    "trials": 1,
    "epochs": 2,
    "kind": [FROZEN, LAST_BLOCK_AUGMENTED],
    "measure": 1,
    "measure_epochs": 1,
}
QUICK_IMAGES = {"train": 80, "val": 20}


@dataclass(frozen=True)
class Setup:
    """Decoded images, a network that the worker measured, and the trials by kind."""

    images: Images
    loop: TlsearchLoop
    kinds: Mapping[str, tuple[TrialSpec, ...]]

    @property
    def candidate(self) -> Candidate:
        """The network."""
        return self.loop.facts.candidate

    def frozen_layers(self, spec: TrialSpec) -> frozenset[str]:
        """The names of the layers with weights that a trial does not train."""
        return frozenset(self.loop.facts.cuts.point(spec.freeze_depth).frozen_layers)

    @property
    def last_block(self) -> str:
        """The name of the last frozen layer where the last block is trained."""
        cuts = self.loop.facts.cuts
        return cuts.point(last_block(cuts)).name


def make_loop_parser(description: str | None, trials: int, images: int | None) -> argparse.ArgumentParser:
    """The options that all comparisons of loops have."""
    parser = make_parser(description)
    parser.add_argument("dataset", nargs="?", type=Path, help="a folder of class folders, as for `tlsearch run`")
    parser.add_argument("--weights", action="append", default=[], metavar="BACKBONE=FILE", help="as for `tlsearch run`")
    parser.add_argument("--backbone", help="default: that of --weights, else the bundled efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=128, help="side in pixels (default 128)")
    parser.add_argument("--trials", type=int, default=trials, help=f"trials of each kind (default {trials})")
    parser.add_argument(
        "--kind", action="append", choices=KINDS, help="only trials of this kind; may be repeated (default: all four)"
    )
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a trial (default 10)")
    parser.add_argument("--images", type=int, default=images, help=f"training images (default {images or 'all'})")
    return parser


def parse_loop_options(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options. Exits where no data set is named and none is to be made up."""
    options = parse_options(parser, arguments, QUICK)
    if options.dataset is None and not options.quick:
        parser.error("name a data set, or --quick to make one up")
    return options


def add_measure_options(parser: argparse.ArgumentParser) -> None:
    """The options of those that train a part and scale it."""
    parser.add_argument("--measure", type=int, metavar="K", help="trials of each kind to train on either side")
    parser.add_argument("--measure-epochs", type=int, metavar="E", help="epochs to train them for")
    parser.add_argument(
        "--measure-strengths", type=int, default=1, choices=range(1, 5), metavar="S",
        help="strengths of augmentation to make views of on tlsearch's side (default 1)",
    )  # fmt: skip


def backbone_of(options: argparse.Namespace) -> str:
    """The network that is asked for."""
    named = [text.partition("=")[0].partition("@")[0] for text in options.weights]
    return str(options.backbone or (named[0] if named else "efficientnet_lite0"))


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Setup]:
    """Everything ready for the comparison; nothing of this is in the times."""
    with (
        tempfile.TemporaryDirectory(prefix="tlsearch-loops-") as folder,
        WorkerClient(Path(folder) / "worker.log") as worker,
    ):
        plugins = worker.send(DescribePlugins())
        candidate = find_network(plugins, backbone_of(options), options.weights, options.image_size)
        dataset = options.dataset or write_images(Path(folder) / "images", QUICK_IMAGES, 32, options.seed)
        say(f"reading images at {options.image_size} px")
        images = read_images(dataset, options.image_size, options.seed, Path(folder))
        if options.images:
            images = fewer_images(images, options.images, options.seed)
        loop = TlsearchLoop(worker, images, candidate)
        facts = loop.facts
        kinds = draw_trials(
            facts.candidate, facts.cuts, len(images.train), options.trials, options.epochs, options.seed
        )
        say(f"{len(images.train)} training and {len(images.val)} validation images, {facts.precision}")
        prepare()
        yield Setup(images, loop, {kind: specs for kind, specs in kinds.items() if kind in (options.kind or KINDS)})


def describe(options: argparse.Namespace, setup: Setup) -> dict[str, object]:
    """What was asked for and on what, for the JSON line."""
    return {
        "dataset": options.dataset.name if options.dataset else "synthetic",
        "training_images": len(setup.images.train),
        "validation_images": len(setup.images.val),
        "backbone": setup.candidate.label,
        "image_size": options.image_size,
        "trials": options.trials,
        "epochs": options.epochs,
        "seed": options.seed,
        "frozen_up_to": setup.last_block,
        "precision": setup.loop.facts.precision,
    }
