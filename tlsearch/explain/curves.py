"""Whether heat maps mean anything: deletion and insertion curves against a random order.

Places are blurred one after the other, the hottest first, and the probability of the class is followed (Petsiuk, Das &
Saenko 2018, "RISE"). Where the map is right it falls fast: the area under the deletion curve is smaller than under that
of a random order. Likewise places are shown one after the other on a blurred picture, and it rises fast. Both are
compared with random orders of the same places of the same picture, so that what is compared differs in the order alone.
All maps have something in common, such as heat in the middle, which is better than a random order too. So the order of
another picture's map is compared as well.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.explain.maps import BATCH, spread
from tlsearch.explain.records import Curves
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.stats.bootstrap import Resampler, percentile_interval
from tlsearch.types import Float32Array, Float64Array, LabelArray

MOST_PLACES = 8
"""Rows and columns of places at the most; a finer map is averaged."""

MOST_STEPS = 10
"""Points of a curve besides its beginning."""

RANDOM_ORDERS = 2
"""Random orders of each picture."""

_ORDERS = 3 + 2 * RANDOM_ORDERS

BLUR = 1 / 8
"""Standard deviation of the Gaussian blur that stands for what is deleted, as a share of the side. A grey patch would
add edges of its own, which are evidence for something."""

FEWEST = 10
"""Pictures below which nothing is said."""

RESAMPLES = 2000

_AT_ONCE = 8
"""Pictures whose variants are in memory together."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What curves are measured on.

    Attributes:
        images: Shape (N, S, S, 3), as the predictor decodes them.
        maps: Their heat maps, shape (N, H, W).
        classes: The class of each map, shape (N,).
        groups: Numbers of what belongs together, shape (N,); None where each picture stands alone.
    """

    images: Images
    maps: Float32Array
    classes: LabelArray
    groups: npt.NDArray[np.int64] | None = None


def measure_curves(predictor: Predictor, pictures: Pictures, seed: int = 0, seconds: float | None = None) -> Curves:
    """Measure the curves of pictures, as many of the first ones as the time allows.

    Args:
        predictor: The model.
        pictures: With their maps.
        seed: Decides the random orders and the resamples.
        seconds: How long it may take; None for all pictures. It ends between two batches: eight pictures are measured
            at once, for each of which the network is asked 77 times at the most, and what was begun of them is dropped.

    Raises:
        ValueError: Fewer than ten pictures could be measured.
    """
    end = None if seconds is None else time.monotonic() + seconds
    found: list[Float64Array] = []
    shares = _shares(_places(pictures.maps.shape[1:]))
    for start in range(0, len(pictures.images), _AT_ONCE):
        if end is not None and time.monotonic() >= end:
            break
        try:
            found.append(_probabilities(predictor, pictures, slice(start, start + _AT_ONCE), seed, end))
        except _TimeOverError:
            break
    measured = np.concatenate(found) if found else np.zeros((0, _ORDERS, len(shares)))
    if len(measured) < FEWEST:
        raise ValueError(f"there was time for {len(measured)} pictures, and {FEWEST} are the fewest")
    return _summary(measured, shares, pictures, seed)


def _summary(measured: Float64Array, shares: Float64Array, pictures: Pictures, seed: int) -> Curves:
    """The curves of (N, orders, shares), in the order of ``_probabilities``."""
    count, inserted = len(measured), 2 + RANDOM_ORDERS
    parts = (slice(0, 1), slice(1, 2), slice(2, inserted), slice(inserted, inserted + 1), slice(inserted + 1, None))
    by_order = np.stack([measured[:, part].mean(axis=1) for part in parts], axis=1)
    own, other, random, shown, shown_random = np.trapezoid(by_order, shares, axis=2).T
    gains = np.stack([random - own, shown - shown_random, other - own], axis=1)
    groups = None if pictures.groups is None else pictures.groups[:count]
    resampler = Resampler.of(pictures.classes[:count], groups)
    means = np.array([gains[rows].mean(axis=0) for rows in resampler.draw(RESAMPLES, seed)])
    deletion, _, random_deletion, insertion, random_insertion = (tuple(map(float, c)) for c in by_order.mean(axis=0))
    deletion_gain, insertion_gain, own_gain = (float(gain) for gain in gains.mean(axis=0))
    return Curves(
        images=count,
        shares=tuple(map(float, shares)),
        deletion=deletion,
        insertion=insertion,
        random_deletion=random_deletion,
        random_insertion=random_insertion,
        deletion_gain=deletion_gain,
        deletion_gain_ci95=percentile_interval(means[:, 0]),
        insertion_gain=insertion_gain,
        insertion_gain_ci95=percentile_interval(means[:, 1]),
        own_gain=own_gain,
        own_gain_ci95=percentile_interval(means[:, 2]),
    )


class _TimeOverError(Exception):
    """The time was over before the network had answered for all pictures that are measured at once."""


def _probabilities(predictor: Predictor, pictures: Pictures, rows: slice, seed: int, end: float | None) -> Float64Array:
    """Probabilities (n, orders, shares) of the class of each of these pictures.

    Deleted in the order of its map, of the map of the picture before it, and in random orders; then shown in the order
    of its map, and in random orders. Raises ``_TimeOverError`` at ``end``.
    """
    images, classes = pictures.images[rows], pictures.classes[rows]
    grid = _places(pictures.maps.shape[1:])
    shares = _shares(grid)
    numbers = np.arange(rows.start, rows.start + len(images))
    variants = []
    for image, number in zip(images, numbers, strict=True):
        both = spread(pictures.maps[[number, number - 1]], grid).reshape(2, -1)
        hottest, other = np.argsort(-both, axis=1, kind="stable")
        rng = np.random.default_rng((seed, int(number)))
        orders = [rng.permutation(len(hottest)) for _ in range(RANDOM_ORDERS)]
        blurred = _blur(image)
        variants += [_changed(image, blurred, order, grid, shares) for order in (hottest, other, *orders)]
        # What is shown first is what is blurred last.
        variants += [_changed(image, blurred, order[::-1], grid, 1 - shares) for order in (hottest, *orders)]
    found = _ask(predictor, np.concatenate(variants), end).reshape(len(images), _ORDERS, len(shares), -1)
    probabilities: Float64Array = found[np.arange(len(images)), :, :, classes]
    return probabilities


def _places(shape: Sequence[int]) -> tuple[int, int]:
    rows, columns = (min(places, MOST_PLACES) for places in shape)
    return rows, columns


def _shares(grid: tuple[int, int]) -> Float64Array:
    """Shares of the places at which a curve is measured, 0 and 1 among them."""
    places = grid[0] * grid[1]
    steps = min(places, MOST_STEPS)
    return np.rint(np.linspace(0, places, steps + 1)) / places


def _changed(
    image: npt.NDArray[np.uint8],
    blurred: npt.NDArray[np.uint8],
    order: npt.NDArray[np.intp],
    grid: tuple[int, int],
    shares: Float64Array,
) -> Images:
    """Copies (shares, S, S, 3) of a picture, of which those shares of the places are blurred, in that order."""
    side = len(image)
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    at = [np.arange(side) * places // side for places in grid]
    ranks = rank.reshape(grid)[np.ix_(*at)]
    limits = np.rint(shares * len(order)).astype(np.intp)
    hidden = ranks[None] < limits[:, None, None]
    return np.where(hidden[..., None], blurred[None], image[None])


def _blur(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * len(image))))


def _ask(predictor: Predictor, images: Images, end: float | None) -> Float64Array:
    """Probabilities (N, classes), in batches of one size so that the model is compiled once."""
    found = []
    for start in range(0, len(images), BATCH):
        if end is not None and time.monotonic() >= end:
            raise _TimeOverError
        part = images[start : start + BATCH]
        filled = np.concatenate([part, np.repeat(part[-1:], BATCH - len(part), axis=0)])
        probabilities = predictor.model.predict_on_batch(filled.astype(np.float32))
        found.append(np.asarray(probabilities, np.float64)[: len(part)])
    return np.concatenate(found)
