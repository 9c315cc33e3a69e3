"""scan, check, split: from a folder of images to the pool that every trial works on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tlsearch.config import IMBALANCED_METRIC, USUAL_METRIC
from tlsearch.data.aspect import median_aspect
from tlsearch.data.checks import IMBALANCE_LIMIT, check
from tlsearch.data.images.pixels import decode_all, new_pixels, open_pixels, select_rows, smaller
from tlsearch.data.images.rgb import PLAIN
from tlsearch.data.index import DatasetIndex, Survey
from tlsearch.data.options import image_options, reading_options
from tlsearch.data.source_parts import rows_by_fold
from tlsearch.data.sources import read_source
from tlsearch.data.split import Fold, Split, folds_of, imbalance, split, stratified_folds
from tlsearch.data.survey import survey
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.refusal import ReadingWatch
from tlsearch.pipeline.messages import data_line
from tlsearch.plugins.load_metric import load_metric
from tlsearch.results.schema import Resizing
from tlsearch.utils.files import atomic_path

SIZE_STEP = 32
"""Image sizes are multiples of this, the total stride of the usual networks."""

ENLARGEMENT = 1.5
"""How many times the median short side few images may be enlarged. A network tells things best at the size at which it
saw them in its training. Where images are many, smaller ones and the time for tuning win; where they are few, features
as they are decide: 225 photographs of clothes of 160 px, told by a linear probe on EfficientNet-Lite0 at 160, 192 and
224 px: 0.724, 0.769 and 0.769 in the mean of five folds, augmented 0.742, 0.773 and 0.787."""

CHUNK = 256

SELECTION_FOLDS = 5
"""Folds on which trials are compared where the images are too few for a validation part of their own."""


def starting_size(default: int, smallest: int, median_short_side: int, asked: int | None, *, few: bool = False) -> int:
    """The side in pixels that a candidate starts from.

    It is what was asked for, else the smaller of its default and the median short side rounded down to a multiple of
    32. It is never below the candidate's minimum. ``few`` images are enlarged towards the default.
    """
    if asked is not None:
        return max(asked, smallest)
    largest = median_short_side * ENLARGEMENT if few else median_short_side
    return max(smallest, min(default, int(largest) // SIZE_STEP * SIZE_STEP))


def scan(context: RunContext) -> Survey:
    """Find the files, with their classes and parts."""
    config, callbacks = context.config, context.callbacks
    with context.budget.measure("scan"):
        options = reading_options(config, context.sources)
        reading = read_source(config.source, replace(options, progress=partial(callbacks.on_progress, "data")))
        for line in reading.understood:
            callbacks.on_step("read", line)
        return survey(
            reading,
            lambda done, total: callbacks.on_progress("data", done, total, "looking"),
            image_options(config),
        )


def check_and_split(context: RunContext, survey: Survey, base_size: int) -> Data:
    """Decode every image once at ``base_size`` pixels, split, and say what a person should know about the images."""
    with context.budget.measure("scan"):
        data = load_data(context, survey, base_size)
    context.callbacks.on_step("data", data_line(data))
    for finding in check(data.index, data.split):
        context.callbacks.on_warning(finding.message)
    return data


def load_data(context: RunContext, survey: Survey, base_size: int) -> Data:
    """Decode every image once at ``base_size``, split, and write the pixels of the pool to a file.

    The pixels of the test split are in no file afterwards. Raises ``UsageError`` where the limit of time is too short
    to read them.
    """
    config, work, callbacks = context.config, context.work, context.callbacks
    everything, watch = work / "all.npy", ReadingWatch(context, context.budget.elapsed())

    def read(done: int, total: int) -> None:
        callbacks.on_progress("data", done, total, "reading images")
        watch(done, total)

    index = decode_all(survey, base_size, everything, read)
    parts = split(index, config.seed, config.group_by)
    pool = (*parts.train, *parts.val)
    pixels = work / f"pool-{base_size}.npy"
    select_rows(everything, pool, pixels)
    everything.unlink()
    labels = [index.images[row].label for row in parts.train]
    usual = IMBALANCED_METRIC if imbalance(labels) > IMBALANCE_LIMIT else USUAL_METRIC
    return Data(
        index=index,
        split=parts,
        pool=pool,
        folds=selection_folds(index, parts, config.seed),
        base_size=base_size,
        metric=load_metric(config.metric or usual),
        pixels=pixels,
        resizing=Resizing(
            mode=index.decoding.resize,
            asked=config.resize,
            aspect=median_aspect(index.images[row] for row in parts.train),
        ),
    )


def selection_folds(index: DatasetIndex, parts: Split, seed: int) -> tuple[Fold, ...]:
    """What trials are compared on, as positions in the pool.

    It is the training and validation parts. Where there is no validation part, the user's own folds take their place,
    or else stratified folds of the training part, which keep groups together.
    """
    if parts.val:
        train, pool = len(parts.train), len(parts.train) + len(parts.val)
        return (Fold(tuple(range(train)), tuple(range(train, pool))),)
    if (own := rows_by_fold(index.images, parts.train)) is not None:
        return tuple(folds_of(own, len(parts.train)))
    labels = [index.images[row].label for row in parts.train]
    groups = [parts.groups[row] for row in parts.train]
    return tuple(stratified_folds(labels, groups, SELECTION_FOLDS, seed))


def pool_digest(data: Data) -> str:
    """A hash of the pool's contents in order and of how they were decoded."""
    decoding = data.index.decoding
    how = "" if decoding == PLAIN else f" {decoding.window} {decoding.resize}"
    digest = hashlib.sha256(f"{data.base_size}{how}".encode())
    for row in data.pool:
        digest.update(data.index.images[row].sha256.encode())
    return digest.hexdigest()


def pool_at(data: Data, sizes: Sequence[int]) -> dict[int, Path]:
    """Files with the pool's pixels at each of ``sizes`` (none above the base size), made where they are not there."""
    files = {}
    for size in sorted(set(sizes)):
        file = data.pixels_at(size)
        if not file.exists():
            _write_smaller(data.pixels, size, file)
        files[size] = file
    return files


def _write_smaller(source: Path, size: int, target: Path) -> None:
    pixels = open_pixels(source)
    with atomic_path(target) as part:
        out = new_pixels(part, len(pixels), size)
        for start in range(0, len(pixels), CHUNK):
            rows = range(start, min(start + CHUNK, len(pixels)))
            out[rows.start : rows.stop] = smaller(pixels, rows, size)
        out.flush()
