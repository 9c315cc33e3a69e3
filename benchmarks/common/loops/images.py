"""The images and the network that loops are compared on: decoded once, divided once, for every side alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.config import RunConfig
from tlsearch.data.images.pixels import open_pixels, select_rows
from tlsearch.data.sources import read_source
from tlsearch.data.split import Fold
from tlsearch.data.stratify import draw_stratified
from tlsearch.data.survey import survey
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates import find_candidates
from tlsearch.pipeline.context import new_context
from tlsearch.pipeline.scan import load_data, pool_digest
from tlsearch.plugins.facts import PluginFacts
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.output import WORK_FOLDER
from tlsearch.types import Candidate

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Training and validation images: ``file`` holds their pixels, uint8 (N, S, S, 3), and ``fold`` their rows."""

    file: Path
    size: int
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str
    fold: Fold

    @cached_property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """All images, in memory."""
        return np.array(open_pixels(self.file))

    @cached_property
    def train(self) -> npt.NDArray[np.int64]:
        """The rows to train on."""
        return np.asarray(self.fold.train, np.int64)

    @cached_property
    def val(self) -> npt.NDArray[np.int64]:
        """The rows to validate on."""
        return np.asarray(self.fold.val, np.int64)

    @cached_property
    def one_hot(self) -> npt.NDArray[np.float32]:
        """The labels as (N, classes)."""
        return np.eye(len(self.classes), dtype=np.float32)[list(self.labels)]

    def pool(self) -> dict[str, Any]:
        """What the worker wants to know of its images."""
        return {
            "pixels": {self.size: self.file},
            "labels": self.labels,
            "groups": self.groups,
            "classes": self.classes,
            "digest": self.digest,
        }


def read_images(dataset: Path, size: int, seed: int, folder: Path) -> Images:
    """Decode and divide a folder of images as a run does; test images are left out."""
    config = RunConfig(dataset=dataset, seed=seed, image_size=size)
    (folder / WORK_FOLDER).mkdir()
    with new_context(config, folder, TimeBudget(limit=None)) as context:
        data = load_data(context, survey(read_source(dataset)), size)
    return Images(
        file=data.pixels,
        size=size,
        labels=data.labels,
        groups=data.groups,
        classes=data.index.classes,
        digest=pool_digest(data),
        fold=data.fold,
    )


def fewer_images(images: Images, train_images: int, seed: int) -> Images:
    """``train_images`` of the training images, every class in its share, and all that validate."""
    train, val = list(images.fold.train), list(images.fold.val)
    if train_images >= len(train):
        return images
    labels, groups = ([values[row] for row in train] for values in (images.labels, images.groups))
    drawn, _ = draw_stratified(labels, groups, (train_images / len(train),), (seed,))
    rows = [train[n] for n in drawn] + val
    file = images.file.with_name(f"{images.file.stem}-{len(drawn)}.npy")
    select_rows(images.file, rows, file)
    return replace(
        images,
        file=file,
        labels=tuple(images.labels[row] for row in rows),
        groups=tuple(images.groups[row] for row in rows),
        digest=hashlib.sha256(f"{images.digest} {rows}".encode()).hexdigest(),
        fold=Fold(tuple(range(len(drawn))), tuple(range(len(drawn), len(rows)))),
    )


def find_network(plugins: PluginFacts, backbone: str, weights: Sequence[str], size: int) -> Candidate:
    """The network to compare on; ``weights`` are BACKBONE=FILE, as on the command line of a run."""
    own = tuple(text for text in weights if text.startswith((f"{backbone}=", f"{backbone}@")))
    config = RunConfig(dataset=Path(), backbones=(backbone,), weights=own)
    found, _ = find_candidates(config, plugins, CallbackList(), Path)
    weight = found[0].weights
    return Candidate(
        backbone=backbone,
        weights=weight.name,
        weights_file=str(weight.file),
        weights_id=weight.weights_id,
        image_size=size,
        depth=0,
    )
