"""The images of a run once more, made squares in another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlsearch.data.images.pixels import decode_rows, select_rows
from tlsearch.data.images.rgb import PLAIN
from tlsearch.data.split import Fold
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.context import Data, RunContext

FOLDER = "resize"
"""Below the run's folder for work: pixels of the images that ways are compared on, only while they are."""


def resized(context: RunContext, data: Data, mode: str) -> Data:
    """The same images in the way ``mode``, as if the user had asked for it; decoded where they are not yet."""
    if mode == data.index.decoding.resize:
        return data
    other = replace(data, index=replace(data.index, decoding=replace(data.index.decoding, resize=mode)))
    other = replace(other, pixels=context.work / mode / data.pixels.name)
    if not other.pixels.exists():
        _decode(context.callbacks, other, mode)
    return other


def sample(context: RunContext, data: Data, places: Sequence[int], mode: str) -> Data:
    """Some images of the pool in the way ``mode``, as a pool of training images in a place of its own."""
    rows = tuple(data.pool[place] for place in places)
    few = replace(
        data,
        index=replace(data.index, decoding=replace(data.index.decoding, resize=mode)),
        split=replace(data.split, train=rows, val=()),
        pool=rows,
        folds=(Fold(tuple(range(len(rows))), ()),),
        pixels=context.work / FOLDER / mode / data.pixels.name,
    )
    if mode == PLAIN.resize:
        select_rows(data.pixels, places, few.pixels)
    else:
        _decode(context.callbacks, few, mode)
    return few


def _decode(callbacks: CallbackList, data: Data, mode: str) -> None:
    def progress(done: int, total: int) -> None:
        callbacks.on_progress("resize", done, total, f"reading images to {mode} them")

    decode_rows(data.index, data.pool, data.base_size, data.pixels, progress)
