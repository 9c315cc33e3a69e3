"""What the comparisons of loops share: their options, and everything that is made ready before the clock starts."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loop_images import Images, fewer_images, find_network, read_images
from tlsearch_loop import TlsearchLoop
from trial_kinds import draw_trials, last_block

from tlsearch import backend as runtime
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.client import Worker


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
        return frozenset(self.loop.facts.cuts[spec.freeze_depth - 1].frozen_layers)

    @property
    def last_block(self) -> str:
        """The name of the last frozen layer where the last block is trained."""
        cuts = self.loop.facts.cuts
        return cuts[last_block(cuts) - 1].name


def make_parser(description: str | None, trials: int, images: int | None) -> argparse.ArgumentParser:
    """The options that all comparisons have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("dataset", type=Path, help="a folder of class folders, as for `tlsearch run`")
    parser.add_argument("--weights", action="append", default=[], metavar="BACKBONE=FILE", help="as for `tlsearch run`")
    parser.add_argument("--backbone", help="default: that of --weights, else the bundled efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=128, help="side in pixels (default 128)")
    parser.add_argument("--trials", type=int, default=trials, help=f"trials of each kind (default {trials})")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a trial (default 10)")
    parser.add_argument("--images", type=int, default=images, help=f"training images (default {images or 'all'})")
    parser.add_argument("--seed", type=int, default=0)
    return parser


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
    with tempfile.TemporaryDirectory(prefix="tlsearch-loops-") as folder, Worker(Path(folder) / "worker.log") as worker:
        candidate = find_network(worker.call("plugins"), backbone_of(options), options.weights, options.image_size)
        say(f"reading images at {options.image_size} px")
        images = read_images(options.dataset, options.image_size, options.seed, Path(folder))
        if options.images:
            images = fewer_images(images, options.images, options.seed)
        loop = TlsearchLoop(worker, images, candidate)
        facts = loop.facts
        kinds = draw_trials(
            facts.candidate, facts.cuts, len(images.train), options.trials, options.epochs, options.seed
        )
        say(f"{len(images.train)} training and {len(images.val)} validation images, {facts.precision}")
        runtime.prepare()
        yield Setup(images, loop, kinds)


def describe(options: argparse.Namespace, setup: Setup) -> dict[str, object]:
    """What was asked for and on what, for the JSON line."""
    return {
        "dataset": options.dataset.name,
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


def say(text: str) -> None:
    """Progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)
