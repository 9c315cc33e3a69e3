"""How alike two small grey pictures are once a slight crop of one of them is undone.

A crop shifts and stretches a picture along each axis. The four numbers are found by Gauss-Newton steps on the squared
difference (Lucas & Kanade 1981), first on pictures of a quarter of the size, then on larger ones; a free brightness and
contrast keep the steps from being misled. All functions work on many pairs at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlsearch.types import BoolArray, Float32Array, IntArray

_QUARTER = np.float32(0.25)
_LIMIT = 0.08  # of half a side: the shift, and the stretch; 4 % cut off on each side
_STEPS = 2  # at each size
_HOPELESS = ((0.93, 0.45), (0.96, 0.4))
"""At a quarter and at half of the size, pairs below this concordance or likeness of detail are given up."""


def compare_aligned(ones: Float32Array, others: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Concordance and likeness of detail, each -1..1, of pairs of pictures, both (n, rows, columns), 0..255.

    Each is laid over the other in turn, and the better fit counts. The concordance (Lin 1989) is that of the slightly
    blurred pictures: 1 means equal values, not only correlated ones. The detail is what the blur takes away, compared
    by correlation: pictures of two similar things agree in the former and hardly in the latter. Pairs that do not come
    near each other have 0 and 0.
    """
    concordance = np.zeros(len(ones), np.float32)
    detail = np.zeros(len(ones), np.float32)
    one_sizes, other_sizes = _sizes(ones), _sizes(others)
    for moving, fixed in ((one_sizes, other_sizes), (other_sizes, one_sizes)):
        rows, fit, fine = _align(moving, fixed)
        better = fit > concordance[rows]
        concordance[rows[better]] = fit[better]
        detail[rows[better]] = fine[better]
    return concordance, detail


def correlate(ones: Float32Array, others: Float32Array) -> Float32Array:
    """Correlation of pairs of pictures as they are; 0 where one of them is of a single grey."""
    return _correlation(ones, others, np.ones(ones.shape, bool))


def halve(pictures: Float32Array) -> Float32Array:
    """Means of 2 x 2 pixels."""
    rows = pictures[:, 0::2] + pictures[:, 1::2]
    return (rows[:, :, 0::2] + rows[:, :, 1::2]) * _QUARTER


def _sizes(pictures: Float32Array) -> list[Float32Array]:
    """The pictures at a quarter, half and all of their size."""
    half = halve(pictures)
    return [halve(half), half, pictures]


def _align(
    moving: Sequence[Float32Array], fixed: Sequence[Float32Array]
) -> tuple[IntArray, Float32Array, Float32Array]:
    """The pairs that come near each other at every size, their concordance and the likeness of their detail."""
    rows = np.arange(len(moving[0]))
    shifts = np.zeros((len(rows), 4), np.float32)
    for one, other, (least_fit, least_fine) in zip(moving, fixed, (*_HOPELESS, (-1.0, -1.0)), strict=True):
        ones, others = one[rows], other[rows]
        for _ in range(_STEPS):
            shifts = _improve(ones, others, shifts)
        fit, fine = _judge(*_warp(ones, shifts), others)
        near = (fit >= least_fit) & (fine >= least_fine)
        rows, shifts, fit, fine = rows[near], shifts[near], fit[near], fine[near]
    return rows, fit, fine


def _judge(moved: Float32Array, inside: BoolArray, still: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Concordance of what is smooth in two pictures, and correlation of the rest."""
    smooth_moved, smooth_still = _blur(moved), _blur(still)
    fine = _correlation(moved - smooth_moved, still - smooth_still, inside)
    return _concordance(smooth_moved, smooth_still, inside), fine


def _improve(moving: Float32Array, fixed: Float32Array, shifts: Float32Array) -> Float32Array:
    """One Gauss-Newton step: the fixed picture is regressed on the moved one, its gradients, and a constant."""
    moved, inside = _warp(moving, shifts)
    n, rows, columns = moved.shape
    down = np.gradient(moved, 2 / rows, axis=1)
    right = np.gradient(moved, 2 / columns, axis=2)
    y, x = _places(rows)[:, None], _places(columns)[None, :]
    fields = np.stack([moved, np.ones_like(moved), down, y * down, right, x * right], axis=1) * inside[:, None]
    fields = fields.reshape(n, 6, rows * columns)
    normal = fields @ fields.transpose(0, 2, 1)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += np.eye(6, dtype=np.float32) * (1e-6 * scale + 1e-6)  # pictures without structure have none to fit
    found = np.linalg.solve(normal, fields @ (fixed * inside).reshape(n, rows * columns, 1))[:, :, 0]
    change = found[:, 2:] / np.maximum(found[:, :1], 0.2)  # the gradients have the contrast of the fixed picture
    better = shifts.copy()
    for shift, stretch in ((0, 1), (2, 3)):  # a shift and stretch after those that were there
        grown = 1 + shifts[:, stretch]
        better[:, shift] += change[:, shift] * grown
        better[:, stretch] = grown * (1 + change[:, stretch]) - 1
    return better.clip(-_LIMIT, _LIMIT)


def _warp(pictures: Float32Array, shifts: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Pictures shifted and stretched with linear interpolation, and where that reads from inside of them."""
    over_rows, inside_rows = _interpolation(pictures.shape[1], shifts[:, 0], shifts[:, 1])
    over_columns, inside_columns = _interpolation(pictures.shape[2], shifts[:, 2], shifts[:, 3])
    warped = (over_rows @ pictures @ over_columns.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return warped, inside_rows[:, :, None] & inside_columns[:, None, :]


def _interpolation(count: int, shift: Float32Array, stretch: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Weights (n, count, count) of the pixels along an axis that runs from -1 to 1."""
    wanted = _places(count) * (1 + stretch[:, None]) + shift[:, None]
    at = ((wanted + 1) * (count / 2) - 0.5).astype(np.float32)
    inside = (at >= -0.5) & (at <= count - 0.5)
    distance: Float32Array = np.abs(at.clip(0, count - 1)[:, :, None] - np.arange(count)).astype(np.float32)
    return np.maximum(np.float32(0), 1 - distance), inside


def _places(count: int) -> Float32Array:
    """The middles of ``count`` pixels on an axis from -1 to 1."""
    places: Float32Array = ((2 * np.arange(count) + 1) / count - 1).astype(np.float32)
    return places


def _blur(pictures: Float32Array) -> Float32Array:
    """Weights 1 2 1 along both axes."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    padded = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 1:-1] + padded[:, 2:]) * _QUARTER
    return (padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 1:-1] + padded[:, :, 2:]) * _QUARTER


def _concordance(ones: Float32Array, others: Float32Array, inside: BoolArray) -> Float32Array:
    mean_one, mean_other, both, one, other = _moments(ones, others, inside)
    return _ratio(2 * both, one + other + (mean_one - mean_other) ** 2)


def _correlation(ones: Float32Array, others: Float32Array, inside: BoolArray) -> Float32Array:
    _, _, both, one, other = _moments(ones, others, inside)
    return _ratio(both, np.sqrt(one * other))


def _moments(ones: Float32Array, others: Float32Array, inside: BoolArray) -> Sequence[Float32Array]:
    """Means, covariance and variances over the pixels inside."""
    count = inside.sum(axis=(1, 2), dtype=np.float32)
    means = [(pictures * inside).sum(axis=(1, 2)) / count for pictures in (ones, others)]
    one, other = (
        (pictures - mean[:, None, None]) * inside for pictures, mean in zip((ones, others), means, strict=True)
    )
    return [*means, *((a * b).sum(axis=(1, 2)) / count for a, b in ((one, other), (one, one), (other, other)))]


def _ratio(above: Float32Array, below: Float32Array) -> Float32Array:
    """The quotient, 0 where nothing varies."""
    ratio: Float32Array = np.where(below > 1e-6, above / np.maximum(below, 1e-6), 0).astype(np.float32)
    return ratio
